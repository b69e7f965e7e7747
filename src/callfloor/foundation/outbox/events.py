"""Publish an event with the change it tells of, and follow the events in the order they became visible."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Integer, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.ids import new_id
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.foundation.sequence import numbered

OUTBOX = numbered(outbox_event, entry=outbox_event.c.entry, seq=outbox_event.c.seq)
"""What a `Sequencer` needs to number the events."""

_c = outbox_event.c
# inline: no RETURNING of the entry, which nobody needs.
_add = (
    upsert(outbox_event)
    .values(
        id=param("event_id"),
        team_id=param("team"),
        kind=param("event_kind"),
        subject=param("about"),
        payload=param("content"),
        at=param("happened_at"),
    )
    .inline()
)
_after = (
    select(_c.seq, _c.id, _c.team_id, _c.kind, _c.subject, _c.payload, _c.at)
    .where(_c.seq > param("after"))
    .order_by(_c.seq)
    .limit(param("count", Integer))
)


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened."""

    kind: str
    """`noun.past_participle`: ``seat.added``."""
    team_id: int | None
    subject: str
    """The id of what it happened to."""
    payload: Mapping[str, Any]
    at: Millis
    id: str = dataclasses.field(default_factory=new_id)


@dataclasses.dataclass(frozen=True, slots=True)
class NumberedEvent:
    """An event with its place in the order."""

    seq: int
    event: Event


def publish(tx: Tx, event: Event) -> None:
    """Write the event; it is told if, and only if, the transaction commits."""
    tx.run(_add, _row(event))


def publish_all(tx: Tx, events: Iterable[Event]) -> None:
    """Write the events, in one statement."""
    tx.run(_add, [_row(event) for event in events])


def events_after(tx: Tx, seq: int, *, count: int = 500) -> list[NumberedEvent]:
    """Return the next events after the one numbered `seq` (0: from the first)."""
    return [
        NumberedEvent(number, Event(kind=kind, team_id=team_id, subject=subject, payload=payload, at=at, id=event_id))
        for number, event_id, team_id, kind, subject, payload, at in tx.all(_after, {"after": seq, "count": count})
    ]


def _row(event: Event) -> dict[str, Any]:
    return {
        "event_id": event.id,
        "team": event.team_id,
        "event_kind": event.kind,
        "about": event.subject,
        "content": event.payload,
        "happened_at": event.at,
    }
