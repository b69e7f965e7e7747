"""Groups in the order of a report: whole periods from their index, parts of periods from the days kept in weeks."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, and_, case, func, select

from callfloor.foundation.database import Tx, any_of, param
from callfloor.usage.calendar import week_of
from callfloor.usage.tables import DAYS_OF_WEEK, SUMS, Cadence, usage_count, usage_day, usage_month, usage_week

Sums = tuple[int, ...]
"""Values in the order of `SUMS`."""
MIC_SECONDS = SUMS.index("mic_seconds")
_TABLES = {Cadence.DAILY: usage_day, Cadence.WEEKLY: usage_week, Cadence.MONTHLY: usage_month}
_STARTS = {Cadence.DAILY: usage_day.c.day, Cadence.WEEKLY: usage_week.c.start, Cadence.MONTHLY: usage_month.c.start}


@dataclasses.dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one kind in one team."""

    team_id: int
    kind: str

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters that every statement here has."""
        return {"team_id": self.team_id, "group_kind": self.kind}


@dataclasses.dataclass(frozen=True, slots=True)
class Ranked:
    """A group in a period; `start` is the period's first day."""

    start: int
    group_id: str
    sums: Sums

    @property
    def place(self) -> tuple[int, int, str]:
        """Return what reports are ordered by."""
        return self.start, -self.sums[MIC_SECONDS], self.group_id


def _of_groups(table: Any) -> ColumnElement[bool]:
    return and_(table.c.team_id == param("team_id"), table.c.group_kind == param("group_kind"))


@functools.cache
def ranked_statement(*, cadence: Cadence) -> Select[Any]:
    """Return whole periods' groups in order; parameters as `Groups`, and first, last (of the starts), skip, take."""
    table, start = _TABLES[cadence], _STARTS[cadence]
    seconds = table.c.ranked_seconds if cadence is Cadence.DAILY else table.c.mic_seconds
    keys = select(start.label("start"), seconds.label("seconds"), table.c.group_id).where(
        _of_groups(table), start.between(param("first", Integer), param("last", Integer))
    )
    if cadence is Cadence.DAILY:
        keys = keys.where(usage_day.c.ranked_seconds.is_not(None))
    # The index alone is read up to the page; only the page's rows are looked up.
    page = (
        keys.order_by(start, seconds.desc(), table.c.group_id)
        .limit(param("take", Integer))
        .offset(param("skip", BigInteger))
        .subquery("page")
    )
    row = table.alias("kept")
    same = and_(
        *(row.c.team_id == param("team_id"), row.c.group_kind == param("group_kind")),
        *(row.c[start.name] == page.c.start, row.c.group_id == page.c.group_id),
    )
    return (
        select(page.c.start, page.c.group_id, *(row.c[name] for name in SUMS))
        .join_from(page, row, same)
        .order_by(page.c.start, page.c.seconds.desc(), page.c.group_id)
    )


counts_statement = select(usage_count.c.start, usage_count.c.groups).where(
    _of_groups(usage_count),
    usage_count.c.cadence == param("cadence"),
    usage_count.c.start.between(param("first", Integer), param("last", Integer)),
    usage_count.c.groups > 0,
)


def _weights(which: str) -> list[str]:
    """Return names of parameters: 1 for each day of that week which is asked for, else 0."""
    return [f"{which}_{day}" for day in DAYS_OF_WEEK]


def _weighted(name: str, which: str) -> ColumnElement[int]:
    parts = [usage_week.c[f"{name}_{day}"] * param(key, BigInteger) for day, key in enumerate(_weights(which))]
    return functools.reduce(operator.add, parts)


_week = usage_week.c
_of_week = and_(_of_groups(usage_week), _week.start == param("start", Integer))
_in_week = _weighted("calls", "first") > 0
part_of_week = (
    select(_week.group_id)
    .where(_of_week, _in_week)
    .order_by(_weighted("mic_seconds", "first").desc(), _week.group_id)
    .limit(param("take", Integer))
    .offset(param("skip", BigInteger))
)
part_of_week_count = select(func.count()).select_from(usage_week).where(_of_week, _in_week)

_of_weeks = and_(_of_groups(usage_week), _week.start.between(param("start", Integer), param("end", Integer)))


def _sum_in_weeks(name: str) -> ColumnElement[int]:
    """Return the sum over weeks of which the first and the last may be cut."""
    ends = {param("start", Integer): _weighted(name, "first"), param("end", Integer): _weighted(name, "last")}
    return func.sum(case(ends, value=_week.start, else_=_week[name]))


_in_weeks = (
    select(_week.group_id, _sum_in_weeks("mic_seconds").label("seconds"))
    .where(_of_weeks)
    .group_by(_week.group_id)
    .having(_sum_in_weeks("calls") > 0)
)
part_of_weeks = (
    _in_weeks.order_by(_in_weeks.selected_columns.seconds.desc(), _week.group_id)
    .limit(param("take", Integer))
    .offset(param("skip", BigInteger))
)
part_of_weeks_count = select(func.count()).select_from(_in_weeks.subquery("found"))

in_days = (
    select(usage_day.c.group_id, *(func.sum(usage_day.c[name]) for name in SUMS))
    .where(_of_groups(usage_day), any_of(usage_day.c.day, "days"), any_of(usage_day.c.group_id, "groups"))
    .group_by(usage_day.c.group_id)
)


def counts_of_periods(tx: Tx, groups: Groups, cadence: Cadence, first: int, last: int) -> dict[int, int]:
    """Return how many groups have calls in each period that starts from `first` to `last`; none is left out."""
    params = {**groups.params, "cadence": cadence.value, "first": first, "last": last}
    return dict(tx.all(counts_statement, params))


def ranked_in_periods(
    tx: Tx, groups: Groups, cadence: Cadence, starts: tuple[int, int], *, skip: int, take: int
) -> list[Ranked]:
    """Return a stretch of the groups of whole periods, which start from the first to the second of `starts`."""
    params = {**groups.params, "first": starts[0], "last": starts[1], "skip": skip, "take": take}
    rows = tx.all(ranked_statement(cadence=cadence), params)
    return [Ranked(start, group_id, tuple(sums)) for start, group_id, *sums in rows]


def ranked_in_part(tx: Tx, groups: Groups, days: range, *, start: int, skip: int, take: int) -> list[Ranked]:
    """Return a stretch of the groups by these days alone, as groups of the period that begins at `start`."""
    statement, params = _part(days, part_of_week, part_of_weeks)
    keys = [row[0] for row in tx.all(statement, {**groups.params, **params, "skip": skip, "take": take})]
    rows = tx.all(in_days, {**groups.params, "days": list(days), "groups": keys}) if keys else []
    return [Ranked(start, group_id, tuple(map(int, sums))) for group_id, *sums in rows]


def count_in_part(tx: Tx, groups: Groups, days: range) -> int:
    """Return how many groups have calls in these days."""
    statement, params = _part(days, part_of_week_count, part_of_weeks_count)
    counted = tx.one(statement, {**groups.params, **params})
    return int(counted[0]) if counted else 0


def _part(days: range, of_week: Select[Any], of_weeks: Select[Any]) -> tuple[Select[Any], dict[str, Any]]:
    """Return the statement for the weeks that the days lie in, and what it needs to know of them."""
    first, last = week_of(days[0]), week_of(days[-1])
    if first == last:
        return of_week, {"start": first, **_asked_for("first", first, days)}
    return of_weeks, {"start": first, "end": last, **_asked_for("first", first, days), **_asked_for("last", last, days)}


def _asked_for(which: str, week: int, days: range) -> dict[str, int]:
    return {name: int(week + day in days) for day, name in enumerate(_weights(which))}


def sorted_as_reported(rows: Sequence[Ranked]) -> list[Ranked]:
    """Return the rows by period, seconds from the greatest down, and group."""
    return sorted(rows, key=lambda row: row.place)
