"""What a test looks at: reports as an API would answer them, and what is kept in the tables."""

from __future__ import annotations

import functools

from callfloor.foundation.database import Database
from callfloor.usage.calendar import date_of
from callfloor.usage.folding import FOLDED_AT_ONCE, fold
from callfloor.usage.reports import Asked, UsagePage, read_page
from callfloor.usage.tables import Cadence, GroupKind
from tests.factories.usage import NOW
from tests.usage.plain import Row


def folded(db: Database, team_id: int, *, take: int = FOLDED_AT_ONCE) -> None:
    """Fold everything of the team."""
    while db.write_now(functools.partial(fold, team_id=team_id, now=NOW, take=take)) == take:
        pass


def page(db: Database, asked: Asked, *, skip: int = 0, take: int = 1000) -> UsagePage:
    """Return a page of what is folded."""
    return db.read_now(functools.partial(read_page, asked=asked, skip=skip, take=take))


def asked(team_id: int, kind: str, first: int, last: int, cadence: str = "daily") -> Asked:
    """Return the question for a report."""
    return Asked(team_id, GroupKind(kind), first, last, Cadence(cadence))


def rows_of(found: UsagePage) -> list[Row]:
    """Return the rows as a recount has them."""
    return [
        (date_of(row.first_day).isoformat(), date_of(row.last_day).isoformat(), row.group.id, row.sums)
        for row in found.rows
    ]
