"""The feed of changes: noted in the transaction of the change, numbered after its commit, so that readers miss none."""

from __future__ import annotations

import enum
from typing import NamedTuple

from sqlalchemy import BigInteger, Integer, insert, select

from callfloor.conversations.change_tables import conversation_change
from callfloor.conversations.tables import conversation
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.sequence import numbered

CHANGES = numbered(conversation_change, entry=conversation_change.c.entry, seq=conversation_change.c.seq)
"""What a `Sequencer` needs to number the changes."""

_c, _of = conversation_change.c, conversation.c
_owner = select(_of.owner_account_id).where(_of.team_id == param("of_team"), _of.id == param("of_conversation"))
_add = (
    insert(conversation_change)
    .values(
        team_id=param("of_team"),
        conversation_id=param("of_conversation"),
        kind=param("of_kind"),
        change=param("what"),
        at=param("now"),
        owner_account_id=_owner.scalar_subquery(),
    )
    .inline()
)
_after = (
    select(_c.seq, _c.conversation_id, _c.kind, _c.change, _c.at)
    .where(_c.team_id == param("team_id"), _c.seq > param("after"))
    .order_by(_c.seq)
    .limit(param("take", Integer))
)
CHANGES_AFTER = _after
"""The team's changes after the one numbered `after`, at most `take`: the columns of a `NumberedChange`."""
OWN_CHANGES_AFTER = _after.where(_c.owner_account_id == param("owner", BigInteger))
"""As `CHANGES_AFTER`, of the conversations of one `owner`."""


class Change(enum.StrEnum):
    """What happened to a conversation."""

    CREATED = "created"
    QUEUED = "queued"
    PROCESSING = "processing"
    TRANSCRIBED = "transcribed"
    ANALYZED = "analyzed"
    RE_ANALYZED = "re_analyzed"
    FAILED = "failed"
    EDITED = "edited"
    REDACTED = "redacted"
    ERASED = "erased"


class NumberedChange(NamedTuple):
    """A change with its place in the order in which changes became visible."""

    seq: int
    conversation_id: str
    kind: str
    change: str
    at: Millis


def note_change(tx: Tx, team_id: int, kind: str, conversation_id: str, change: Change, *, now: Millis) -> None:
    """Write down the change; it is told if, and only if, the transaction commits."""
    tx.run(
        _add,
        {
            "of_team": team_id,
            "of_conversation": conversation_id,
            "of_kind": kind,
            "what": change.value,
            "now": now,
        },
    )
