"""What a change of a device leaves behind: an audit entry and an event of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callfloor.access.audit import Actor, Change, note
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.outbox import Event, publish


def device_change(
    team_id: int,
    kind: str,
    device_id: int,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> Change:
    """Return the change of a device; `kind` is its action and its event, ``device.blocked``."""
    return Change(team_id, kind, "device", str(device_id), before=before, after=after)


def record(tx: Tx, actor: Actor, change: Change, *, now: Millis) -> None:
    """Note the change in the audit trail and publish its event."""
    note(tx, actor, change, now=now)
    content = change.after or {}
    publish(tx, Event(kind=change.action, team_id=change.team_id, subject=change.object_id, payload=content, at=now))


def tell(tx: Tx, team_id: int, kind: str, device_id: int, content: Mapping[str, Any], *, now: Millis) -> None:
    """Publish what is part of a device's day, and no change that an auditor would look for."""
    publish(tx, Event(kind=kind, team_id=team_id, subject=str(device_id), payload=content, at=now))
