"""What the database holds of a team's devices, for tests to compare."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from callfloor.access.tables import audit_entry
from callfloor.devices.queries import Device, DeviceFilter, device_by_id, devices_after
from callfloor.devices.tables import device, device_block, device_token
from callfloor.foundation.database import Database, param
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.teams.tables import seat

_seats = (
    select(seat.c.id, seat.c.status, seat.c.hostname, seat.c.hostname_key, seat.c.nickname, seat.c.nickname_key)
    .where(seat.c.team_id == param("team"))
    .order_by(seat.c.id)
)
_sitting = (
    select(device.c.seat_id, device.c.hostname, device.c.blocked_at)
    .where(device.c.team_id == param("team"), device.c.seat_id.is_not(None))
    .order_by(device.c.seat_id)
)
_blocked = select(device.c.id).where(device.c.team_id == param("team"), device.c.blocked_at.is_not(None))
_entries = select(device_block.c.device_id).where(device_block.c.team_id == param("team"))
_tokens = select(device_token.c.username, device_token.c.expires_at).where(
    device_token.c.team_id == param("team"), device_token.c.device_id == param("of_device")
)
_trail = (
    select(audit_entry.c.action, audit_entry.c.actor_kind, audit_entry.c.object_id)
    .where(audit_entry.c.team_id == param("team"), audit_entry.c.action.like(param("like")))
    .order_by(audit_entry.c.action)
)
_events = (
    select(outbox_event.c.kind)
    .where(outbox_event.c.team_id == param("team"), outbox_event.c.kind.like(param("like")))
    .order_by(outbox_event.c.kind)
)


def seats_with_names(db: Database, team_id: int) -> list[tuple[Any, ...]]:
    """Return id, status, hostname, hostname_key, nickname, nickname_key of every seat."""
    return db.read_now(lambda tx: tx.all(_seats, {"team": team_id}))


def device_of(db: Database, team_id: int, device_id: int) -> Device:
    """Return the device."""
    return db.read_now(lambda tx: device_by_id(tx, team_id, device_id))


def every_device(db: Database, team_id: int) -> list[Device]:
    """Return all devices of a team that has no more than a thousand."""
    return db.read_now(lambda tx: devices_after(tx, team_id, DeviceFilter(), after=0, take=1000))


def tokens_of(db: Database, team_id: int, device_id: int) -> dict[str, int]:
    """Return the end of every token by OS user."""
    return dict(db.read_now(lambda tx: tx.all(_tokens, {"team": team_id, "of_device": device_id})))


def trail_of(db: Database, team_id: int, like: str = "device.%") -> list[tuple[str, str, str]]:
    """Return action, kind of actor, id of the object of the audit entries, by action."""
    return db.read_now(lambda tx: tx.all(_trail, {"team": team_id, "like": like}))


def events_of(db: Database, team_id: int, like: str = "device.%") -> list[str]:
    """Return the kinds of the published events, sorted."""
    return [kind for (kind,) in db.read_now(lambda tx: tx.all(_events, {"team": team_id, "like": like}))]


def assert_seats_are_held_by_devices(db: Database, team_id: int) -> None:
    """Each assigned seat has its one machine, with its name; nobody blocked sits; the block list is who is blocked."""
    sitting = db.read_now(lambda tx: tx.all(_sitting, {"team": team_id}))
    held = [(row[0], row[2]) for row in seats_with_names(db, team_id) if row[1] == "assigned"]
    free = [row for row in seats_with_names(db, team_id) if row[1] != "assigned"]
    blocked = db.read_now(lambda tx: tx.all(_blocked, {"team": team_id}))
    entries = db.read_now(lambda tx: tx.all(_entries, {"team": team_id}))

    assert [(number, hostname) for number, hostname, _ in sitting] == held
    assert {blocked_at for *_, blocked_at in sitting} <= {None}
    assert {row[1:] for row in free} <= {("unassigned", None, None, None, None)}
    assert sorted(blocked) == sorted(entries)
