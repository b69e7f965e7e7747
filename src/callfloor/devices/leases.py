"""Leases on being there: a device that was heard of is active for three heartbeats from then on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, select, update

from callfloor.devices.tables import device
from callfloor.devices.tokens import ACTIVE_FOR, HEARTBEAT_SECONDS
from callfloor.foundation.clock import SECOND, Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.teams.seat_use import mark_people_used, mark_seats_used

_SEATS_EVERY: Millis = HEARTBEAT_SECONDS * SECOND
"""How old what a seat says of its last activity may get while its device is heard of."""

_d = device.c
_locked = (
    select(
        _d.id,
        _d.hostname,
        _d.username,
        _d.account_id,
        _d.active_until,
        _d.last_seen_at,
        _d.blocked_at,
        _d.seat_id,
    )
    .where(_d.team_id == param("team_id", BigInteger), any_of(_d.id, "device_ids"))
    .order_by(_d.id)
    .with_for_update()
)
_renew = (
    update(device)
    .where(_d.team_id == param("team_id", BigInteger), any_of(_d.id, "device_ids"))
    .values(last_seen_at=param("now"), active_until=param("until"))
    .returning(_d.seat_id, _d.account_id)
)


class LockedDevice(NamedTuple):
    """A device as it stands in this transaction, which nobody else changes before its end."""

    id: int
    hostname: str
    username: str
    """The OS user who logged in last; who speaks now is known by the token."""
    account_id: int | None
    active_until: Millis
    last_seen_at: Millis
    blocked_at: Millis | None
    seat_id: int | None

    def has_lapsed(self, now: Millis) -> bool:
        """Return whether the device was taken for gone until now."""
        return self.active_until <= now


def lock_devices(tx: Tx, team_id: int, device_ids: Iterable[int]) -> dict[int, LockedDevice]:
    """Return the team's devices of these ids, their rows locked, always in the order of their ids."""
    rows = tx.all(_locked, {"team_id": team_id, "device_ids": sorted(set(device_ids))})
    return {row[0]: LockedDevice(*row) for row in rows}


def renew_leases(
    tx: Tx, team_id: int, device_ids: Iterable[int], *, now: Millis, active_for: Millis = ACTIVE_FOR
) -> None:
    """Let the devices be active for `active_for` from now on, and their seats have been in use until now.

    Args:
        tx: holds the locks of the devices.
        team_id: whose devices they are.
        device_ids: who was heard of.
        now: when.
        active_for: three times the pause between heartbeats that their agents are told to keep.
    """
    ids = sorted(set(device_ids))
    if not ids:
        return
    held = tx.all(_renew, {"team_id": team_id, "device_ids": ids, "now": now, "until": now + active_for})
    stale = now - _SEATS_EVERY
    seats = {seat_id for seat_id, _ in held if seat_id is not None}
    people = {account_id for _, account_id in held if account_id is not None}
    mark_seats_used(tx, team_id, seats, unless_after=stale, now=now)
    mark_people_used(tx, team_id, people, unless_after=stale, now=now)
