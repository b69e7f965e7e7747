"""The seats of a team counted from the rows themselves, to hold against what is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from sqlalchemy import select

from callfloor.foundation.database import Database, param
from callfloor.teams.queries import SeatFilter, seat_page
from callfloor.teams.tables import seat, seat_bucket, seat_total

BUCKET = 1024

_seats = select(seat.c.id, seat.c.status, seat.c.role).where(seat.c.team_id == param("team")).order_by(seat.c.id)
_totals = select(seat_total.c.status, seat_total.c.role, seat_total.c.seats).where(
    seat_total.c.team_id == param("team")
)
_buckets = select(seat_bucket.c.status, seat_bucket.c.role, seat_bucket.c.bucket, seat_bucket.c.seats).where(
    seat_bucket.c.team_id == param("team")
)


def seats_of(db: Database, team_id: int) -> list[tuple[int, str, str]]:
    """Return id, status, role of every seat, by id."""
    return db.read_now(lambda tx: tx.all(_seats, {"team": team_id}))


def assert_counts_hold(db: Database, team_id: int) -> None:
    """The kept totals and buckets are the numbers of rows."""
    rows = seats_of(db, team_id)
    totals = {(status, role): n for status, role, n in db.read_now(lambda tx: tx.all(_totals, {"team": team_id}))}
    buckets = {row[:3]: row[3] for row in db.read_now(lambda tx: tx.all(_buckets, {"team": team_id}))}

    assert {key: n for key, n in totals.items() if n} == Counter((status, role) for _, status, role in rows)
    assert {key: n for key, n in buckets.items() if n} == Counter((s, r, number // BUCKET) for number, s, r in rows)


def assert_page_holds(  # what a page is
    db: Database, runner: asyncio.Runner, team_id: int, *, page: int, per_page: int, **filters: Any
) -> None:
    """A page by number is the slice of the plain ordered list, and its total the list's length."""
    wanted = [
        number
        for number, status, role in seats_of(db, team_id)
        if filters.get("status") in {None, status} and filters.get("role") in {None, role}
    ]
    skip = (page - 1) * per_page

    found = runner.run(seat_page(db, team_id, SeatFilter(**filters), skip=skip, take=per_page))

    assert [row[0] for row in found.rows] == wanted[skip : skip + per_page]
    assert found.total == len(wanted)
