"""Usage at a glance: the total of a range of days, its course, and who talked most."""

from __future__ import annotations

import dataclasses
import datetime
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Integer, select

from callfloor.foundation.clock import DAY, from_datetime
from callfloor.foundation.database import Tx, any_of, param
from callfloor.usage.calendar import date_of, periods_between
from callfloor.usage.groups import NUMBERED, number_key
from callfloor.usage.leaders import leading_groups
from callfloor.usage.naming import Group, named_groups
from callfloor.usage.ranking import Groups, Sums
from callfloor.usage.records import QUARTER
from callfloor.usage.tables import SUMS, Cadence, GroupKind, usage_day, usage_quarter

NOTHING: Sums = (0,) * len(SUMS)

_quarters = select(usage_quarter.c.quarter, *(usage_quarter.c[name] for name in SUMS)).where(
    usage_quarter.c.team_id == param("team_id"),
    usage_quarter.c.quarter.between(param("first", Integer), param("last", Integer)),
)
_days_of_group = select(usage_day.c.day, *(usage_day.c[name] for name in SUMS)).where(
    *(usage_day.c.team_id == param("team_id"), usage_day.c.group_kind == param("group_kind")),
    any_of(usage_day.c.day, "days"),
    usage_day.c.group_id == param("group_id"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Summed:
    """What calls of some days add up to; days count from 1970-01-01, both inclusive."""

    first_day: int
    last_day: int
    sums: Sums


@dataclasses.dataclass(frozen=True, slots=True)
class Leader:
    """A group and what its calls add up to."""

    group: Group
    sums: Sums


@dataclasses.dataclass(frozen=True, slots=True)
class Summarize:
    """Which days of which team; `group_id` narrows to one group of the kind, whose days are those of UTC."""

    team_id: int
    days: range
    cadence: Cadence
    kind: GroupKind
    group_id: int | str | None
    zone: datetime.tzinfo
    leaders: int

    @property
    def days_before(self) -> range:
        """Return as many days right before."""
        return range(self.days[0] - len(self.days), self.days[0])


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """The total, the one of as many days before, the periods cut to the days, and the groups that talked most."""

    total: Summed
    before: Summed
    periods: list[Summed]
    leaders: list[Leader]


def summarized(tx: Tx, asked: Summarize) -> Summary:
    """Return the summary of what is folded."""
    days = _days(tx, asked, range(asked.days_before[0], asked.days[-1] + 1))
    cuts = [
        range(max(start, asked.days[0]), min(end, asked.days[-1]) + 1)
        for start, end in periods_between(asked.days[0], asked.days[-1], asked.cadence)
    ]
    return Summary(
        _summed(days, asked.days),
        _summed(days, asked.days_before),
        [_summed(days, cut) for cut in cuts],
        _led(tx, asked),
    )


def _led(tx: Tx, asked: Summarize) -> list[Leader]:
    if asked.group_id is not None or not asked.leaders:
        return []
    found = leading_groups(tx, Groups(asked.team_id, asked.kind.value), asked.days, asked.leaders)
    named = named_groups(tx, asked.team_id, asked.kind, [key for key, _ in found])
    return [Leader(named[key], sums) for key, sums in found]


def _days(tx: Tx, asked: Summarize, days: range) -> dict[int, Sums]:
    """Return what the calls of each day add up to."""
    if asked.group_id is None:
        return _days_of_team(tx, asked, days)
    key = number_key(int(asked.group_id)) if asked.kind in NUMBERED else str(asked.group_id)
    of_group = {"team_id": asked.team_id, "group_kind": asked.kind.value, "group_id": key, "days": list(days)}
    return {day: tuple(sums) for day, *sums in tx.all(_days_of_group, of_group)}


def _days_of_team(tx: Tx, asked: Summarize, days: range) -> dict[int, Sums]:
    begins = [_begin(day, asked.zone) for day in (*days, days[-1] + 1)]
    within = {"team_id": asked.team_id, "first": begins[0], "last": begins[-1] - 1}
    found: dict[int, list[Any]] = {}
    for quarter, *sums in tx.all(_quarters, within):
        found.setdefault(days[0] + bisect_right(begins, quarter) - 1, []).append(sums)
    return {day: _added(rows) for day, rows in found.items()}


def _begin(day: int, zone: datetime.tzinfo) -> int:
    """Return the quarter of an hour at which the day begins there."""
    if zone is datetime.UTC:
        return day * DAY // QUARTER
    midnight = datetime.datetime.combine(date_of(day), datetime.time(), zone)
    return -(-from_datetime(midnight) // QUARTER)


def _summed(days: dict[int, Sums], cut: range) -> Summed:
    return Summed(cut[0], cut[-1], _added([days[day] for day in cut if day in days]))


def _added(rows: Iterable[Sequence[int]]) -> Sums:
    sums = NOTHING
    for row in rows:
        sums = tuple(one + other for one, other in zip(sums, row, strict=True))
    return sums
