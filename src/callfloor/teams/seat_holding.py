"""Seats of an email team as people take and leave them: reserved, held, freed; the counts move along."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.teams.free_seats import IS_LOWEST_FREE
from callfloor.teams.seat_counts import count_seats, place_of
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.tables import SeatStatus, seat

_FREE, _INVITED, _HELD = SeatStatus.UNASSIGNED.value, SeatStatus.INVITED.value, SeatStatus.ASSIGNED.value

_one_seat = (seat.c.team_id == param("team_id"), seat.c.id == param("seat_id"))
_take = (
    update(seat)
    .where(*IS_LOWEST_FREE)
    .values(status=_HELD, role=param("new_role"), account_id=param("account_id"), assigned_at=param("now"))
    .returning(seat.c.id)
)
_reserve = update(seat).where(*IS_LOWEST_FREE).values(status=_INVITED, role=param("new_role")).returning(seat.c.id)
_hold = (
    update(seat)
    .where(*_one_seat, seat.c.status == _INVITED)
    .values(status=_HELD, account_id=param("account_id"), assigned_at=param("now"))
    .returning(seat.c.role)
)
_standing = select(seat.c.status, seat.c.role, seat.c.account_id).where(*_one_seat)
_free = (
    update(seat)
    .where(*_one_seat)
    .values(status=_FREE, role=Role.USER.value, account_id=None, assigned_at=None, last_active_at=None)
)
_set_role = update(seat).where(*_one_seat).values(role=param("new_role"))
_of_account = select(seat.c.id).where(seat.c.team_id == param("team_id"), seat.c.account_id == param("account_id"))


@dataclasses.dataclass(frozen=True, slots=True)
class SeatPerson:
    """A member who is to sit on a free seat."""

    team_id: int
    account_id: int
    role: Role
    actor: audit.Actor
    now: Millis


def seat_person(tx: Tx, command: SeatPerson) -> int:
    """Put the member on the free seat with the lowest id and return it; the team's row is locked.

    Raises:
        NoEmptySeat: none is free.
    """
    team_id, role = command.team_id, command.role.value
    params = {"team_id": team_id, "new_role": role, "account_id": command.account_id, "now": command.now}
    row = tx.one(_take, params)
    if row is None:
        raise NoEmptySeat("every seat of the team is taken; add seats first")
    seat_id: int = row[0]
    free, held = place_of(seat_id, _FREE, Role.USER.value), place_of(seat_id, _HELD, role)
    count_seats(tx, team_id, [(free, -1), (held, 1)])
    after = {"account_id": command.account_id}
    change = audit.Change(team_id, "seat.assigned", "seat", str(seat_id), after=after)
    record_change(tx, command.actor, change, now=command.now)
    return seat_id


def reserve_seat(tx: Tx, team_id: int, role: Role) -> int:
    """Keep the free seat with the lowest id for somebody who is invited, and return it; the team's row is locked.

    Raises:
        NoEmptySeat: none is free.
    """
    row = tx.one(_reserve, {"team_id": team_id, "new_role": role.value})
    if row is None:
        raise NoEmptySeat("every seat of the team is taken; add seats first, or revoke an invitation")
    seat_id: int = row[0]
    free, invited = place_of(seat_id, _FREE, Role.USER.value), place_of(seat_id, _INVITED, role.value)
    count_seats(tx, team_id, [(free, -1), (invited, 1)])
    return seat_id


def hold_reserved_seat(tx: Tx, team_id: int, seat_id: int, account_id: int, *, now: Millis) -> None:
    """Put the person on the seat that was kept for them; the team's row is locked."""
    row = tx.one(_hold, {"team_id": team_id, "seat_id": seat_id, "account_id": account_id, "now": now})
    if row is None:
        raise LookupError(seat_id)
    role: str = row[0]
    count_seats(tx, team_id, [(place_of(seat_id, _INVITED, role), -1), (place_of(seat_id, _HELD, role), 1)])


def free_seat(tx: Tx, team_id: int, seat_id: int) -> None:
    """Make the seat free again, whoever had it or was invited to it; the team's row is locked."""
    row = tx.one(_standing, {"team_id": team_id, "seat_id": seat_id})
    if row is None or row[0] == _FREE:
        return
    tx.run(_free, {"team_id": team_id, "seat_id": seat_id})
    taken, free = place_of(seat_id, row[0], row[1]), place_of(seat_id, _FREE, Role.USER.value)
    count_seats(tx, team_id, [(taken, -1), (free, 1)])


def change_seat_role(tx: Tx, team_id: int, seat_id: int, role: Role) -> None:
    """Give the seat its person's new role; the team's row is locked."""
    row = tx.one(_standing, {"team_id": team_id, "seat_id": seat_id})
    if row is None or row[1] == role.value:
        return
    tx.run(_set_role, {"team_id": team_id, "seat_id": seat_id, "new_role": role.value})
    before, after = place_of(seat_id, row[0], row[1]), place_of(seat_id, row[0], role.value)
    count_seats(tx, team_id, [(before, -1), (after, 1)])


def standing_of_seat(tx: Tx, team_id: int, seat_id: int) -> tuple[SeatStatus, int | None] | None:
    """Return the status of the seat and whose it is, or None when the team has no such seat."""
    row = tx.one(_standing, {"team_id": team_id, "seat_id": seat_id})
    return None if row is None else (SeatStatus(row[0]), row[2])


def seat_of_account(tx: Tx, team_id: int, account_id: int) -> int | None:
    """Return the seat of the person, or None."""
    row = tx.one(_of_account, {"team_id": team_id, "account_id": account_id})
    return None if row is None else row[0]
