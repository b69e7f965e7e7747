"""The groups that talked most in a range of days: whole months as they are kept, the rest from weeks."""

from __future__ import annotations

import functools
import operator
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, case, func, select, union_all

from callfloor.foundation.database import Tx, param
from callfloor.usage.calendar import period_of, week_of
from callfloor.usage.ranking import Groups, Sums, in_days
from callfloor.usage.tables import DAYS_OF_WEEK, Cadence, usage_month, usage_week

_w, _m = usage_week.c, usage_month.c


def _seconds(which: str, week: str) -> ColumnElement[int]:
    parts = [_w[f"mic_seconds_{day}"] * param(f"{which}_{week}_{day}", BigInteger) for day in DAYS_OF_WEEK]
    return functools.reduce(operator.add, parts)


def _weeks(which: str) -> Select[Any]:
    """Return the seconds of weeks, of which the first and the last may be cut."""
    start, end = param(f"{which}_start", Integer), param(f"{which}_end", Integer)
    ends = {start: _seconds(which, "first"), end: _seconds(which, "last")}
    return select(_w.group_id, case(ends, value=_w.start, else_=_w.mic_seconds).label("seconds")).where(
        _w.team_id == param("team_id"), _w.group_kind == param("group_kind"), _w.start.between(start, end)
    )


_months = select(_m.group_id, _m.mic_seconds.label("seconds")).where(
    *(_m.team_id == param("team_id"), _m.group_kind == param("group_kind")),
    _m.start.between(param("months_start", Integer), param("months_end", Integer)),
)
_pieces = union_all(_weeks("head"), _months, _weeks("tail")).subquery("pieces")
_leading = (
    select(_pieces.c.group_id)
    .group_by(_pieces.c.group_id)
    .having(func.sum(_pieces.c.seconds) > 0)
    .order_by(func.sum(_pieces.c.seconds).desc(), _pieces.c.group_id)
    .limit(param("take", Integer))
)


def leading_groups(tx: Tx, groups: Groups, days: range, take: int) -> list[tuple[str, Sums]]:
    """Return the groups with the most seconds of the microphone in these days, and what their calls add up to."""
    months = [period for period in _months_of(days) if period[0] in days and period[1] in days]
    if months:
        first, last = months[0][0], months[-1][0]
        head, tail = range(days[0], first), range(months[-1][1] + 1, days[-1] + 1)
    else:
        first, last, head, tail = 1, 0, days, range(0)
    params = {**_weeks_of("head", head), **_weeks_of("tail", tail), "months_start": first, "months_end": last}
    keys = [row[0] for row in tx.all(_leading, {**groups.params, **params, "take": take})]
    rows = tx.all(in_days, {**groups.params, "days": list(days), "groups": keys}) if keys else []
    sums = {group_id: tuple(map(int, values)) for group_id, *values in rows}
    return [(key, sums[key]) for key in keys if key in sums]


def _months_of(days: range) -> list[tuple[int, int]]:
    found, day = [], days[0]
    while day <= days[-1]:
        found.append(period_of(day, Cadence.MONTHLY))
        day = found[-1][1] + 1
    return found


def _weeks_of(which: str, days: range) -> dict[str, int]:
    """Return the parameters of a run of weeks; of no days, those that find none."""
    start, end = (week_of(days[0]), week_of(days[-1])) if days else (1, 0)
    weeks = {"first": start, "last": end}
    weights = {f"{which}_{name}_{day}": int(week + day in days) for name, week in weeks.items() for day in DAYS_OF_WEEK}
    return {f"{which}_start": start, f"{which}_end": end, **weights}
