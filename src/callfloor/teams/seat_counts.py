"""Totals of seats, kept in the transaction that changes them, and the way they turn a page number into a position."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Insert, Select, Table, cast, func, select

from callfloor.foundation.database import Tx, param, upsert
from callfloor.teams.tables import seat_bucket, seat_total

BUCKET_BITS = 10
"""1,024 ids a bucket: 100,000 seats are about a hundred rows to add up, and at most 1,024 rows to step over."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a seat is counted."""

    status: str
    role: str
    bucket: int


def place_of(seat_id: int, status: str, role: str) -> Place:
    """Return where the seat is counted."""
    return Place(status, role, seat_id >> BUCKET_BITS)


def _adding(table: Table, keys: tuple[str, ...]) -> Insert:
    fresh = upsert(table).values({name: param(name) for name in (*keys, "seats")})
    added = {"seats": table.c.seats + fresh.excluded.seats}
    return fresh.on_conflict_do_update(index_elements=[table.c[key] for key in keys], set_=added)


_add_to_total = _adding(seat_total, ("team_id", "status", "role"))
_add_to_bucket = _adding(seat_bucket, ("team_id", "status", "role", "bucket"))


def count_seats(tx: Tx, team_id: int, changes: Iterable[tuple[Place, int]]) -> None:
    """Add the changes to the totals; rows are touched in one order, so that no two transactions block each other."""
    buckets: Counter[Place] = Counter()
    totals: Counter[tuple[str, str]] = Counter()
    for place, by in changes:
        buckets[place] += by
        totals[place.status, place.role] += by
    tx.run(
        _add_to_total,
        [
            {"team_id": team_id, "status": status, "role": role, "seats": by}
            for (status, role), by in sorted(totals.items())
            if by
        ],
    )
    tx.run(
        _add_to_bucket,
        [
            {"team_id": team_id, "status": place.status, "role": place.role, "bucket": place.bucket, "seats": by}
            for place, by in sorted(buckets.items())
            if by
        ],
    )


@functools.cache
def total_statement(*, by_status: bool, by_role: bool) -> Select[Any]:
    """Return the sum of the totals that match; parameters team_id and, as asked, status, role."""
    seats = cast(func.coalesce(func.sum(seat_total.c.seats), 0), BigInteger)
    statement = select(seats).where(seat_total.c.team_id == param("team_id"))
    return _narrowed(statement, seat_total, by_status=by_status, by_role=by_role)


@functools.cache
def buckets_statement(*, by_status: bool, by_role: bool) -> Select[Any]:
    """Return bucket and seats that match, by bucket; parameters as `total_statement`."""
    seats = func.sum(seat_bucket.c.seats)
    statement = (
        select(seat_bucket.c.bucket, cast(seats, BigInteger))
        .where(seat_bucket.c.team_id == param("team_id"))
        .group_by(seat_bucket.c.bucket)
        .having(seats > 0)
        .order_by(seat_bucket.c.bucket)
    )
    return _narrowed(statement, seat_bucket, by_status=by_status, by_role=by_role)


def position(buckets: Iterable[tuple[int, int]], offset: int) -> tuple[int, int]:
    """Return the id to start from and how many seats to step over from there, for the seat at `offset` (0-based)."""
    first_id = 0
    for bucket, seats in buckets:
        first_id = bucket << BUCKET_BITS
        if offset < seats:
            break
        offset -= seats
    return first_id, offset


def _narrowed(statement: Select[*tuple[Any, ...]], table: Table, *, by_status: bool, by_role: bool) -> Select[Any]:
    if by_status:
        statement = statement.where(table.c.status == param("status"))
    if by_role:
        statement = statement.where(table.c.role == param("role"))
    return statement
