"""Totals of seats, kept in the transaction that changes them, and the way they turn a page number into a position."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Insert, Select, Table, cast, func, select

from callfloor.foundation.database import Tx, param, upsert
from callfloor.teams.tables import seat_bucket, seat_stretch, seat_total

BUCKET_BITS = 10
"""1,024 ids a bucket: at most so many rows to step over."""
STRETCH_BITS = 5
"""32 buckets a stretch: of a million seats about thirty stretches and thirty-two buckets are added up."""


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
_add_to_bucket = _adding(seat_bucket, ("team_id", "bucket", "status", "role"))
_add_to_stretch = _adding(seat_stretch, ("team_id", "stretch", "status", "role"))


def count_seats(tx: Tx, team_id: int, changes: Iterable[tuple[Place, int]]) -> None:
    """Add the changes to the totals; rows are touched in one order, so that no two transactions block each other."""
    buckets: Counter[tuple[int, str, str]] = Counter()
    stretches: Counter[tuple[int, str, str]] = Counter()
    totals: Counter[tuple[str, str]] = Counter()
    for place, by in changes:
        totals[place.status, place.role] += by
        buckets[place.bucket, place.status, place.role] += by
        stretches[place.bucket >> STRETCH_BITS, place.status, place.role] += by
    for statement, names, counts in (
        (_add_to_total, ("status", "role"), totals),
        (_add_to_bucket, ("bucket", "status", "role"), buckets),
        (_add_to_stretch, ("stretch", "status", "role"), stretches),
    ):
        rows = [
            dict(zip(names, key, strict=True), team_id=team_id, seats=by) for key, by in sorted(counts.items()) if by
        ]
        tx.run(statement, rows)


@functools.cache
def total_statement(*, by_status: bool, by_role: bool) -> Select[Any]:
    """Return the sum of the totals that match; parameters team_id and, as asked, status, role."""
    seats = cast(func.coalesce(func.sum(seat_total.c.seats), 0), BigInteger)
    statement = select(seats).where(seat_total.c.team_id == param("team_id"))
    return _narrowed(statement, seat_total, by_status=by_status, by_role=by_role)


@functools.cache
def stretches_statement(*, by_status: bool, by_role: bool) -> Select[Any]:
    """Return stretch and seats that match, by stretch; parameters as `total_statement`."""
    return _narrowed(_by(seat_stretch, "stretch"), seat_stretch, by_status=by_status, by_role=by_role)


@functools.cache
def buckets_statement(*, by_status: bool, by_role: bool) -> Select[Any]:
    """Return bucket and seats that match, by bucket; parameters as `total_statement`, and first, last."""
    within = seat_bucket.c.bucket.between(param("first", BigInteger), param("last", BigInteger))
    return _narrowed(_by(seat_bucket, "bucket").where(within), seat_bucket, by_status=by_status, by_role=by_role)


def _by(table: Table, part: str) -> Select[Any]:
    seats = func.sum(table.c.seats)
    return (
        select(table.c[part], cast(seats, BigInteger))
        .where(table.c.team_id == param("team_id"))
        .group_by(table.c[part])
        .having(seats > 0)
        .order_by(table.c[part])
    )


def position(parts: Iterable[tuple[int, int]], offset: int) -> tuple[int, int]:
    """Return the part that holds the seat at `offset` (0-based), and how many seats of that part come before it."""
    found = 0
    for part, seats in parts:
        found = part
        if offset < seats:
            break
        offset -= seats
    return found, offset


def _narrowed(statement: Select[*tuple[Any, ...]], table: Table, *, by_status: bool, by_role: bool) -> Select[Any]:
    if by_status:
        statement = statement.where(table.c.status == param("status"))
    if by_role:
        statement = statement.where(table.c.role == param("role"))
    return statement
