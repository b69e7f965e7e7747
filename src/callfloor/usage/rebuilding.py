"""Sums held against the calls they were counted from, and mended where they differ, beside a running server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx
from callfloor.usage.calendar import month_of, week_of
from callfloor.usage.folding import add_to_counts, add_to_periods, add_to_quarters, lock_sums, rank_days
from callfloor.usage.records import add_to_days
from callfloor.usage.recount import (
    RANKS,
    Difference,
    count_differences,
    day_differences,
    days_with_usage,
    period_differences,
    quarter_differences,
    rank_differences,
)
from callfloor.usage.tables import Cadence

MENDED_AT_ONCE = 500
Look = Callable[[Tx], Iterable[Difference]]
Progress = Callable[[int, int], None]
"""Is told how many steps are done, of how many."""


def usage_differences(db: Database, team_id: int, progress: Progress) -> Iterator[Difference]:
    """Yield every row of the team's sums that is not what its calls add up to."""
    for differences in _looked(db, team_id, progress):
        yield from differences


def rebuild_usage(db: Database, team_id: int, progress: Progress, *, now: Millis) -> int:
    """Mend every row of the team's sums; returns how many were wrong. Calls may be reported meanwhile."""
    mended = 0
    for differences in _looked(db, team_id, progress):
        for first in range(0, len(differences), MENDED_AT_ONCE):
            part = differences[first : first + MENDED_AT_ONCE]
            db.write_now(partial(mend, team_id=team_id, differences=part, now=now))
        mended += len(differences)
    return mended


def mend(tx: Tx, team_id: int, differences: Sequence[Difference], *, now: Millis) -> None:
    """Add what is missing."""
    lock_sums(tx, team_id, now=now)
    days = {one.place: one.missing for one in differences if one.table == "usage_day"}
    add_to_days(tx, team_id, days)
    ranked = {*days, *(one.place for one in differences if one.table == RANKS)}
    if ranked:
        rank_days(tx, team_id, sorted(ranked))
    for table, cadence in (("usage_week", Cadence.WEEKLY), ("usage_month", Cadence.MONTHLY)):
        add_to_periods(tx, team_id, cadence, {one.place: one.missing for one in differences if one.table == table})
    quarters = {one.start: one.missing for one in differences if one.table == "usage_quarter"}
    if quarters:
        add_to_quarters(tx, team_id, quarters)
    counts = {
        (one.place[0], one.place[2], one.start): one.missing[0] for one in differences if one.table == "usage_count"
    }
    add_to_counts(tx, team_id, counts)


def _looked(db: Database, team_id: int, progress: Progress) -> Iterator[list[Difference]]:
    """Yield what each look finds; sums are looked at after those they are made of."""
    days = db.read_now(partial(days_with_usage, team_id=team_id))
    looks = list(_looks(team_id, days))
    for done, look in enumerate(looks):
        progress(done, len(looks))
        differences = db.read_now(partial(_all_of, look=look))
        if differences:
            yield differences
    progress(len(looks), len(looks))


def _looks(team_id: int, days: Sequence[int]) -> Iterator[Look]:
    weeks, months = sorted({week_of(day) for day in days}), sorted({month_of(day) for day in days})
    for look in (day_differences, quarter_differences, rank_differences):
        yield from (partial(look, team_id=team_id, day=day) for day in days)
    starts: Sequence[int]
    for cadence, starts in ((Cadence.WEEKLY, weeks), (Cadence.MONTHLY, months)):
        yield from (partial(period_differences, team_id=team_id, cadence=cadence, start=start) for start in starts)
    for cadence, starts in ((Cadence.DAILY, days), (Cadence.WEEKLY, weeks), (Cadence.MONTHLY, months)):
        yield from (partial(count_differences, team_id=team_id, cadence=cadence, start=start) for start in starts)


def _all_of(tx: Tx, look: Look) -> list[Difference]:
    return list(look(tx))
