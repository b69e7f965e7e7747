"""The report of usage: what each group's calls add up to in each period of a range of days, page by page."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.usage.calendar import day_of, period_of, periods_between
from callfloor.usage.naming import Group, named_groups
from callfloor.usage.ranking import (
    Groups,
    Ranked,
    Sums,
    count_in_part,
    counts_of_periods,
    ranked_in_part,
    ranked_in_periods,
    sorted_as_reported,
)
from callfloor.usage.tables import Cadence, GroupKind


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Which report: days count from 1970-01-01 in UTC, both inclusive."""

    team_id: int
    kind: GroupKind
    first_day: int
    last_day: int
    cadence: Cadence = Cadence.DAILY

    @property
    def groups(self) -> Groups:
        """Return whose groups it is about."""
        return Groups(self.team_id, self.kind.value)


@dataclasses.dataclass(frozen=True, slots=True)
class UsageRow:
    """What a group's calls in a period add up to; `sums` in the order of `SUMS`, the days are the whole period's."""

    first_day: int
    last_day: int
    group: Group
    sums: Sums


@dataclasses.dataclass(frozen=True, slots=True)
class UsagePage:
    """A page of a report, and how many rows the report has in all."""

    rows: list[UsageRow]
    total: int


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A calendar period with calls in the range: all of its calls, or those of `part` only."""

    start: int
    groups: int
    part: range | None


@dataclasses.dataclass(frozen=True, slots=True)
class _Stretch:
    """Rows of one period that is a part, or of whole ones that follow each other."""

    first: Period
    last: Period
    skip: int
    take: int


def until_tomorrow(asked: Asked, now: Millis) -> Asked:
    """Return the same without days that can have no calls yet; the last may be tomorrow, where a clock is ahead."""
    return dataclasses.replace(asked, last_day=min(asked.last_day, day_of(now) + 1))


def read_page(tx: Tx, asked: Asked, *, skip: int, take: int) -> UsagePage:
    """Return `take` rows after the first `skip`: by period, seconds of the microphone from the greatest, group id."""
    periods = read_periods(tx, asked)
    rows = read_rows(tx, asked, periods, skip=skip, take=take)
    return UsagePage(rows, sum(period.groups for period in periods))


def read_periods(tx: Tx, asked: Asked) -> list[Period]:
    """Return the periods that have rows."""
    return list(_periods(tx, asked))


def read_rows(tx: Tx, asked: Asked, periods: Sequence[Period], *, skip: int, take: int) -> list[UsageRow]:
    """Return rows of these periods, as `read_page` does."""
    rows = [row for stretch in _stretches(periods, skip, take) for row in _rows(tx, asked, stretch)]
    named = named_groups(tx, asked.team_id, asked.kind, {row.group_id for row in rows})
    return [UsageRow(*period_of(row.start, asked.cadence), named[row.group_id], row.sums) for row in rows]


def _periods(tx: Tx, asked: Asked) -> Iterator[Period]:
    periods = list(periods_between(asked.first_day, asked.last_day, asked.cadence))
    if not periods:
        return
    counts = counts_of_periods(tx, asked.groups, asked.cadence, periods[0][0], periods[-1][0])
    for start, end in periods:
        if start not in counts:
            continue
        part = range(max(start, asked.first_day), min(end, asked.last_day) + 1)
        if _has_calls(tx, asked, range(start, part[0])) or _has_calls(tx, asked, range(part[-1] + 1, end + 1)):
            yield Period(start, count_in_part(tx, asked.groups, part), part)
        else:
            yield Period(start, counts[start], None)


def _has_calls(tx: Tx, asked: Asked, days: range) -> bool:
    return bool(days) and bool(counts_of_periods(tx, asked.groups, Cadence.DAILY, days[0], days[-1]))


def _stretches(periods: Sequence[Period], skip: int, take: int) -> Iterator[_Stretch]:
    """Yield what a page is made of: at most two parts, and whole periods between them in one piece."""
    found: _Stretch | None = None
    for period in periods:
        taken = min(take, period.groups - skip)
        if not take:
            break
        if taken <= 0:
            skip -= period.groups
            continue
        if found is not None and found.last.part is None and period.part is None:
            found = _Stretch(found.first, period, found.skip, found.take + taken)
        else:
            if found is not None:
                yield found
            found = _Stretch(period, period, skip, taken)
        skip, take = 0, take - taken
    if found is not None:
        yield found


def _rows(tx: Tx, asked: Asked, stretch: _Stretch) -> list[Ranked]:
    first, last = stretch.first, stretch.last
    if first.part is None:
        starts = first.start, last.start
        rows = ranked_in_periods(tx, asked.groups, asked.cadence, starts, skip=stretch.skip, take=stretch.take)
    else:
        rows = ranked_in_part(tx, asked.groups, first.part, start=first.start, skip=stretch.skip, take=stretch.take)
    return sorted_as_reported(rows)
