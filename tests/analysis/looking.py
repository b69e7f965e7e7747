"""What became of a call."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from callfloor.conversations.tables import conversation, conversation_participant
from callfloor.conversations.transcripts import Segment, transcripts_of
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.outbox.tables import outbox_event

_c, _p, _e = conversation.c, conversation_participant.c, outbox_event.c
_state = select(
    _c.processing_status, _c.processing_reason_code, _c.processing_reason, _c.duration_ms, _c.language, _c.metrics
).where(_c.team_id == param("team_id"), _c.id == param("id"))
_shares = (
    select(_p.speak_permille)
    .where(_p.team_id == param("team_id"), _p.conversation_id == param("id"))
    .order_by(_p.position)
)
_events = select(_e.kind).where(_e.team_id == param("team_id"), _e.subject == param("id")).order_by(_e.id)


class Outcome:
    """The rows of one call."""

    def __init__(self, tx: Tx, team_id: int, conversation_id: str) -> None:
        this = {"team_id": team_id, "id": conversation_id}
        row = tx.one(_state, this)
        assert row is not None
        self.status, self.code, self.reason, self.duration_ms, self.language, self.metrics = row
        self.segments: list[Segment] = transcripts_of(tx, team_id, [conversation_id]).get(conversation_id, [])
        self.permilles: list[Any] = [share for (share,) in tx.all(_shares, this)]
        self.events: list[str] = [kind for (kind,) in tx.all(_events, this)]

    @property
    def text(self) -> str:
        """Return all that was said, in lower case."""
        return " ".join(segment.text for segment in self.segments).lower()


def outcome_of(db: Database, team_id: int, conversation_id: str) -> Outcome:
    """Return what became of the call so far."""
    return db.read_now(lambda tx: Outcome(tx, team_id, conversation_id))
