"""When a seat was last used, by all that is known: its agents, its holder's sign-ins, the calls reported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, func, select

from callfloor.access.tables import Role, account
from callfloor.devices.tables import device
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.teams.tables import SeatStatus, seat
from callfloor.usage.reclaim.cases import Holder
from callfloor.usage.reclaim.tables import is_open, reclaim_case
from callfloor.usage.tables import call_record

_s, _a, _d, _r = seat.c, account.c, device.c, call_record.c


def _held_seats() -> Select[Any]:
    of_seat = (_d.team_id == _s.team_id) & (_d.seat_id == _s.id)
    seats: Select[*tuple[Any, ...]] = (
        select(
            _s.id,
            _s.role,
            _s.account_id,
            _a.email,
            _d.id,
            _d.hostname,
            _s.assigned_at,
            _s.last_active_at,
            _a.last_signed_in_at,
            _d.last_seen_at,
        )
        .join_from(seat, account, _a.id == _s.account_id, isouter=True)
        .join(device, of_seat, isouter=True)
        .where(_s.team_id == param("team_id"), _s.status == SeatStatus.ASSIGNED.value)
    )
    return seats


_unused = (
    _held_seats()
    .where(
        _s.id > param("after", BigInteger),
        any_of(_s.role, "roles"),
        *(
            instant.is_(None) | (instant <= param("cutoff"))
            for instant in (_s.assigned_at, _s.last_active_at, _a.last_signed_in_at, _d.last_seen_at)
        ),
        ~select(reclaim_case.c.id)
        .where(reclaim_case.c.team_id == _s.team_id, reclaim_case.c.seat_id == _s.id, is_open)
        .exists(),
    )
    .order_by(_s.id)
    .limit(param("take", Integer))
)
_by_ids = _held_seats().where(any_of(_s.id, "seat_ids"))
_calls = (
    select(_r.device_id, func.max(_r.ended_at))
    .where(_r.team_id == param("team_id"), any_of(_r.device_id, "device_ids"))
    .group_by(_r.device_id)
)
_devices_of_people = select(_d.id, _d.account_id).where(
    _d.team_id == param("team_id"), _d.account_id.is_not(None), any_of(_d.account_id, "account_ids")
)


@dataclasses.dataclass(frozen=True, slots=True)
class HeldSeat:
    """A seat, who holds it since when, and when it was last used."""

    seat_id: int
    holder: Holder
    held_since: Millis
    last_used_at: Millis
    """The newest of everything that is known; not before the seat was taken."""


def seats_unused_since(
    tx: Tx, team_id: int, cutoff: Millis, *, roles: list[str], after: int, take: int
) -> tuple[list[HeldSeat], int | None]:
    """Return seats that were not used after the instant, from the next `take` above the id `after`; and where to go on.

    Invited seats, and those whose holders are told already, are passed over.
    """
    params = {"team_id": team_id, "cutoff": cutoff, "roles": roles, "after": after, "take": take}
    rows = tx.all(_unused, params)
    found = [held for held in _held(tx, team_id, rows) if held.last_used_at <= cutoff]
    return found, rows[-1][0] if len(rows) == take else None


def held_seats(tx: Tx, team_id: int, seat_ids: Iterable[int]) -> dict[int, HeldSeat]:
    """Return those of the seats that somebody holds."""
    rows = tx.all(_by_ids, {"team_id": team_id, "seat_ids": sorted(set(seat_ids))})
    return {held.seat_id: held for held in _held(tx, team_id, rows)}


def _held(tx: Tx, team_id: int, rows: list[tuple[Any, ...]]) -> list[HeldSeat]:
    newest_calls = _newest_calls(tx, team_id, rows)
    held = []
    for seat_id, role, account_id, email, device_id, hostname, assigned_at, *instants in rows:
        holder = Holder(account_id, device_id, email or hostname or f"seat {seat_id}", Role(role))
        known = [assigned_at or 0, *(instant or 0 for instant in instants), newest_calls.get(seat_id, 0)]
        held.append(HeldSeat(seat_id, holder, assigned_at or 0, max(known)))
    return held


def _newest_calls(tx: Tx, team_id: int, rows: list[tuple[Any, ...]]) -> dict[int, Millis]:
    """Return by seat the end of the newest call that its devices reported."""
    seat_of_device = {row[4]: row[0] for row in rows if row[4] is not None}
    seat_of_person = {row[2]: row[0] for row in rows if row[2] is not None}
    if seat_of_person:
        owned = tx.all(_devices_of_people, {"team_id": team_id, "account_ids": sorted(seat_of_person)})
        seat_of_device.update({device_id: seat_of_person[account_id] for device_id, account_id in owned})
    newest: dict[int, Millis] = {}
    if seat_of_device:
        for device_id, ended_at in tx.all(_calls, {"team_id": team_id, "device_ids": sorted(seat_of_device)}):
            seat_id = seat_of_device[device_id]
            newest[seat_id] = max(newest.get(seat_id, 0), ended_at)
    return newest
