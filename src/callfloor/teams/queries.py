"""Reads that pages of seats need, one statement for each set of filters."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import BigInteger, FromClause, Integer, Select, Text, func, select

from callfloor.access.tables import account
from callfloor.foundation.database import Database, Tx, param, pattern_of
from callfloor.teams.seat_counts import (
    BUCKET_BITS,
    STRETCH_BITS,
    buckets_statement,
    position,
    stretches_statement,
    total_statement,
)
from callfloor.teams.tables import seat

SeatRow = tuple[Any, ...]
"""Columns as `seat_columns`."""
_WALK_LIMIT = 1024
"""Rows a page may step over before its place is looked up in the bucket counts."""


@dataclasses.dataclass(frozen=True, slots=True)
class SeatFilter:
    """Which seats: status and role exactly, the names by case-insensitive substring."""

    status: str | None = None
    role: str | None = None
    hostname: str | None = None
    nickname: str | None = None

    @property
    def is_counted(self) -> bool:
        """Return whether the kept totals answer it, so that nothing has to be searched."""
        return self.hostname is None and self.nickname is None

    def params(self, team_id: int) -> dict[str, Any]:
        """Return the parameters of the statements."""
        params: dict[str, Any] = {"team_id": team_id}
        if self.status is not None:
            params["status"] = self.status
        if self.role is not None:
            params["role"] = self.role
        if self.hostname is not None:
            params["hostname"] = pattern_of(self.hostname)
        if self.nickname is not None:
            params["nickname"] = pattern_of(self.nickname)
        return params


@dataclasses.dataclass(frozen=True, slots=True)
class SeatPage:
    """The rows of one page, and how many seats match in all."""

    rows: list[SeatRow]
    total: int


def seat_columns(seats: FromClause) -> tuple[Any, ...]:
    """Return the columns of a seat row: the seat's, then its person's id, email, first and last name."""
    c, a = seats.c, account.c
    names = (c.hostname, c.nickname, c.created_at, c.assigned_at, c.last_active_at)
    return (c.id, c.type, c.status, c.role, *names, a.id, a.email, a.first_name, a.last_name)


@functools.cache
def page_statement(*, by_status: bool, by_role: bool, by_hostname: bool, by_nickname: bool) -> Select[Any]:
    """Return a page of seats by id; parameters team_id, from_id, skip, take and, as asked, the filters.

    The page is cut before the people are joined, so that a seat stepped over costs no look-up of its person.
    """
    page = (
        select(seat)
        .where(seat.c.team_id == param("team_id"), seat.c.id >= param("from_id", BigInteger))
        .order_by(seat.c.id)
        .limit(param("take", Integer))
        .offset(param("skip", BigInteger))
    )
    cut = _narrowed(page, by_status=by_status, by_role=by_role, by_hostname=by_hostname, by_nickname=by_nickname)
    seats = cut.subquery("page")
    columns = seat_columns(seats)
    return (
        select(*columns)
        .join_from(seats, account, account.c.id == seats.c.account_id, isouter=True)
        .order_by(seats.c.id)
    )


@functools.cache
def count_statement(*, by_status: bool, by_role: bool, by_hostname: bool, by_nickname: bool) -> Select[Any]:
    """Return how many seats match a filter that no kept total answers."""
    statement = select(func.count()).select_from(seat).where(seat.c.team_id == param("team_id"))
    return _narrowed(statement, by_status=by_status, by_role=by_role, by_hostname=by_hostname, by_nickname=by_nickname)


async def seat_page(db: Database, team_id: int, which: SeatFilter, *, skip: int, take: int) -> SeatPage:
    """Return `take` seats after the first `skip`, and how many match in all.

    Substring filters are searched off the loop; the others are two short index reads.
    """
    if not which.is_counted:
        return await db.report(functools.partial(_searched_page, team_id=team_id, which=which, skip=skip, take=take))
    params = which.params(team_id)
    narrowing = {"by_status": which.status is not None, "by_role": which.role is not None}
    if skip <= _WALK_LIMIT:
        total, from_id, step = int((await db.read(total_statement(**narrowing), params))[0][0]), 0, skip
    else:
        stretches = await db.read(stretches_statement(**narrowing), params)
        total = sum(seats for _, seats in stretches)
        stretch, step = position(stretches, skip)
        first = stretch << STRETCH_BITS
        within = {**params, "first": first, "last": first + (1 << STRETCH_BITS) - 1}
        bucket, step = position(await db.read(buckets_statement(**narrowing), within), step)
        from_id = bucket << BUCKET_BITS
    if skip >= total:
        return SeatPage([], total)
    statement = page_statement(**narrowing, by_hostname=False, by_nickname=False)
    rows = await db.read(statement, {**params, "from_id": from_id, "skip": step, "take": take})
    return SeatPage(rows, total)


async def seats_after(db: Database, team_id: int, which: SeatFilter, *, after: int, take: int) -> list[SeatRow]:
    """Return up to `take` seats with higher ids than `after`; a search by name runs off the loop."""
    statement = page_statement(
        by_status=which.status is not None,
        by_role=which.role is not None,
        by_hostname=which.hostname is not None,
        by_nickname=which.nickname is not None,
    )
    params = {**which.params(team_id), "from_id": after + 1, "skip": 0, "take": take}
    if which.is_counted:
        return await db.read(statement, params)
    return await db.report(lambda tx: tx.all(statement, params))


def _searched_page(tx: Tx, *, team_id: int, which: SeatFilter, skip: int, take: int) -> SeatPage:
    filters = {
        "by_status": which.status is not None,
        "by_role": which.role is not None,
        "by_hostname": which.hostname is not None,
        "by_nickname": which.nickname is not None,
    }
    params = which.params(team_id)
    counted = tx.one(count_statement(**filters), params)
    total = int(counted[0]) if counted else 0
    if skip >= total:
        return SeatPage([], total)
    rows = tx.all(page_statement(**filters), {**params, "from_id": 0, "skip": skip, "take": take})
    return SeatPage(rows, total)


def _narrowed(
    statement: Select[Any], *, by_status: bool, by_role: bool, by_hostname: bool, by_nickname: bool
) -> Select[Any]:
    if by_status:
        statement = statement.where(seat.c.status == param("status"))
    if by_role:
        statement = statement.where(seat.c.role == param("role"))
    if by_hostname:
        statement = statement.where(seat.c.hostname_key.like(param("hostname", Text), escape="\\"))
    if by_nickname:
        statement = statement.where(seat.c.nickname_key.like(param("nickname", Text), escape="\\"))
    return statement
