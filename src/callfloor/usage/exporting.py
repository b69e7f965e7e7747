"""A whole report as CSV, read and sent in pieces, so that its size does not matter."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Sequence

from callfloor.foundation.csv_text import csv_text
from callfloor.foundation.database import Database
from callfloor.usage.calendar import date_of
from callfloor.usage.reports import Asked, Period, UsageRow, read_rows
from callfloor.usage.tables import SUMS

ROWS_AT_ONCE = 1000
COLUMNS = ("first_day", "last_day", "kind", "id", "name", "email", "hostname", "nickname", *SUMS)


async def csv_of(db: Database, asked: Asked, periods: Sequence[Period]) -> AsyncIterator[str]:
    """Yield the header, then rows. What is reported meanwhile may move a row of today past its turn."""
    yield csv_text([COLUMNS])
    total = sum(period.groups for period in periods)
    for skip in range(0, total, ROWS_AT_ONCE):
        read = functools.partial(read_rows, asked=asked, periods=periods, skip=skip, take=ROWS_AT_ONCE)
        yield csv_text(_cells(row) for row in await db.report(read))


def _cells(row: UsageRow) -> tuple[str | int | None, ...]:
    group = row.group
    days = date_of(row.first_day).isoformat(), date_of(row.last_day).isoformat()
    return *days, group.kind.value, group.id, group.name, group.email, group.hostname, group.nickname, *row.sums
