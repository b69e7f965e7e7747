"""A change is told twice, in its own transaction: to the audit trail, and as an event to whoever listens."""

from __future__ import annotations

from callfloor.access import audit
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.outbox import Event, publish


def record_change(tx: Tx, actor: audit.Actor, change: audit.Change, *, now: Millis) -> None:
    """Note the change in the audit trail, and publish it; the event holds what is now, or what was and is gone."""
    audit.note(tx, actor, change, now=now)
    publish(tx, Event(change.action, change.team_id, change.object_id, change.after or change.before or {}, now))
