"""Seats as their people use them: who holds which since when, in which teams, and that they were heard of."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select, update

from callfloor.access.tables import membership
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.teams.tables import TeamType, seat, team

_of_person = (seat.c.team_id == param("team_id"), seat.c.account_id == param("account_id"))
_held = select(seat.c.id, seat.c.assigned_at).where(*_of_person)
_mark = update(seat).where(*_of_person).values(last_active_at=param("now"))
_teams = (
    select(team.c.id, team.c.name, seat.c.id)
    .join_from(membership, team, team.c.id == membership.c.team_id)
    .join(seat, (seat.c.team_id == membership.c.team_id) & (seat.c.account_id == membership.c.account_id))
    .where(membership.c.account_id == param("account_id"), team.c.type == TeamType.EMAIL.value)
    .order_by(team.c.id)
)


@dataclasses.dataclass(frozen=True, slots=True)
class HeldSeat:
    """The seat of a person, and since when it is theirs: another time is another holding."""

    seat_id: int
    since: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class SeatedTeam:
    """An email team in which the person holds a seat."""

    team_id: int
    name: str
    seat_id: int


def find_held_seat(tx: Tx, team_id: int, account_id: int) -> HeldSeat | None:
    """Return the seat that the person holds, or None."""
    row = tx.one(_held, {"team_id": team_id, "account_id": account_id})
    return None if row is None else HeldSeat(row[0], row[1] or 0)


def seated_teams(tx: Tx, account_id: int) -> list[SeatedTeam]:
    """Return the email teams in which the person holds a seat."""
    return [SeatedTeam(*row) for row in tx.all(_teams, {"account_id": account_id})]


def mark_person_active(tx: Tx, team_id: int, account_id: int, *, now: Millis) -> None:
    """Remember on the person's seat that an agent of theirs was heard of now; without a seat nothing changes."""
    tx.run(_mark, {"team_id": team_id, "account_id": account_id, "now": now})
