"""The feed of changes: noted in the transaction of the change, numbered after its commit, so that readers miss none."""

from __future__ import annotations

import enum
from typing import NamedTuple

from sqlalchemy import Integer, insert, select

from callfloor.conversations.change_tables import conversation_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.sequence import numbered

CHANGES = numbered(conversation_change, entry=conversation_change.c.entry, seq=conversation_change.c.seq)
"""What a `Sequencer` needs to number the changes."""

_c = conversation_change.c
_add = insert(conversation_change).inline()
_after = (
    select(_c.seq, _c.conversation_id, _c.kind, _c.change, _c.at)
    .where(_c.team_id == param("team_id"), _c.seq > param("after"))
    .order_by(_c.seq)
    .limit(param("take", Integer))
)
CHANGES_AFTER = _after
"""The team's changes after the one numbered `after`, at most `take`: the columns of a `NumberedChange`."""


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
            "team_id": team_id,
            "conversation_id": conversation_id,
            "kind": kind,
            "change": change.value,
            "at": now,
        },
    )
