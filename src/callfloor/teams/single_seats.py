"""Reads of single seats."""

from __future__ import annotations

from sqlalchemy import select

from callfloor.access.tables import account
from callfloor.foundation.database import Tx, param
from callfloor.teams.queries import SeatRow, seat_columns
from callfloor.teams.seats import SeatNotFound
from callfloor.teams.tables import seat

_by_id = (
    select(*seat_columns(seat))
    .join_from(seat, account, account.c.id == seat.c.account_id, isouter=True)
    .where(seat.c.team_id == param("team_id"), seat.c.id == param("seat_id"))
)


def seat_by_id(tx: Tx, team_id: int, seat_id: int) -> SeatRow:
    """Return the seat.

    Raises:
        SeatNotFound: the team has none with this id.
    """
    row = tx.one(_by_id, {"team_id": team_id, "seat_id": seat_id})
    if row is None:
        raise SeatNotFound(f"there is no seat {seat_id} in this team")
    return row
