"""Seats marked as in use, many at once: of machines by the seat, of people by their account."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import BigInteger, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.teams.tables import seat

_stale = (
    seat.c.team_id == param("team_id", BigInteger),
    seat.c.last_active_at.is_(None) | (seat.c.last_active_at <= param("unless_after")),
)
_mark_seats = update(seat).where(*_stale, any_of(seat.c.id, "ids")).values(last_active_at=param("now"))
_mark_people = update(seat).where(*_stale, any_of(seat.c.account_id, "ids")).values(last_active_at=param("now"))


def mark_seats_used(tx: Tx, team_id: int, seat_ids: Collection[int], *, unless_after: Millis, now: Millis) -> None:
    """Remember that the seats are in use now; of one that says an instant after `unless_after` nothing is written."""
    if seat_ids:
        tx.run(_mark_seats, {"team_id": team_id, "ids": sorted(seat_ids), "unless_after": unless_after, "now": now})


def mark_people_used(tx: Tx, team_id: int, account_ids: Collection[int], *, unless_after: Millis, now: Millis) -> None:
    """Do the same for the seats of these people; who holds none is passed over."""
    if account_ids:
        tx.run(_mark_people, {"team_id": team_id, "ids": sorted(account_ids), "unless_after": unless_after, "now": now})
