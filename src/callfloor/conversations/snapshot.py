"""One conversation as a transaction sees it."""

from __future__ import annotations

from sqlalchemy import select

from callfloor.conversations import queries
from callfloor.conversations.commenting import COMMENTS, comments_by_conversation
from callfloor.conversations.listing import Conversation, Found, Participant
from callfloor.conversations.tables import ConversationKind, conversation
from callfloor.foundation.database import Tx, param

_c = conversation.c
_hold = (
    select(_c.id).where(_c.team_id == param("team_id"), _c.id == param("id")).with_for_update(read=True, key_share=True)
)


def conversation_now(tx: Tx, team_id: int, kind: ConversationKind, conversation_id: str) -> Found:
    """As `conversation_by_id`, in a transaction, without what was said; who erases it waits for the commit.

    So the erasure meets what this transaction writes down of it.
    """
    tx.one(_hold, {"team_id": team_id, "id": conversation_id})
    key = {"team_id": team_id, "kind": kind.value, "id": conversation_id}
    rows = [Conversation(*row) for row in tx.all(queries.ONE, key)]
    participants: dict[str, list[Participant]] = {}
    for row in tx.all(queries.PARTICIPANTS, {"team_id": team_id, "ids": [conversation_id]}):
        participants.setdefault(row[0], []).append(Participant(*row))
    comments = comments_by_conversation(tx.all(COMMENTS, {"team_id": team_id, "ids": [conversation_id]}))
    return Found(rows, participants, {}, len(rows), comments)
