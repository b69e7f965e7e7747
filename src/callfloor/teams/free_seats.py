"""The seats that nobody holds or is invited to: which is taken next, and how many there are."""

from __future__ import annotations

from sqlalchemy import select

from callfloor.foundation.database import Tx, param
from callfloor.teams.seat_counts import total_statement
from callfloor.teams.tables import SeatStatus, seat

_FREE = SeatStatus.UNASSIGNED.value
_lowest = (
    select(seat.c.id)
    .where(seat.c.team_id == param("team_id"), seat.c.status == _FREE)
    .order_by(seat.c.id)
    .limit(1)
    .scalar_subquery()
)
IS_LOWEST_FREE = (seat.c.team_id == param("team_id"), seat.c.id == _lowest, seat.c.status == _FREE)
"""Conditions of the statement that takes the free seat with the lowest id."""


def free_seats(tx: Tx, team_id: int) -> int:
    """Return how many seats of the team nobody holds or is invited to."""
    row = tx.one(total_statement(by_status=True, by_role=False), {"team_id": team_id, "status": _FREE})
    return int(row[0]) if row else 0
