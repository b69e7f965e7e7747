"""What every sum should be, counted from the calls themselves, and how what is kept differs from it.

A recount and what is kept are read in one snapshot, in which both are of the same moment: a call that is recorded
meanwhile is in both or in neither. So a difference can be added to what is kept at any later time, whatever comes
between, and nothing has to stop.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Table,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
)

from callfloor.foundation.database import Tx, param
from callfloor.usage.calendar import period_of
from callfloor.usage.folding import QUARTERS_OF_DAY, added_up
from callfloor.usage.groups import NUMBERED, number_key
from callfloor.usage.records import QUARTER
from callfloor.usage.tables import (
    DAYS_OF_WEEK,
    SUMS,
    Cadence,
    GroupKind,
    call_record,
    usage_count,
    usage_day,
    usage_month,
    usage_quarter,
    usage_unfolded,
    usage_week,
)

RANKS = "usage_day.ranked_seconds"
Values = tuple[int, ...]
_Kept = dict[Any, Values]

_r, _d, _w, _u = call_record.c, usage_day.c, usage_week.c, usage_unfolded.c
_GROUPED_BY: dict[GroupKind, ColumnElement[Any]] = {
    GroupKind.USER: _r.account_id,
    GroupKind.USERNAME: _r.username,
    GroupKind.DEVICE: _r.device_id,
    GroupKind.LANGUAGE: _r.language,
}
_TABLES = {Cadence.DAILY: usage_day, Cadence.WEEKLY: usage_week, Cadence.MONTHLY: usage_month}


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """A row of sums that is not what it should be; a missing row is all 0, `start` a day or a quarter of an hour."""

    table: str
    kind: str | None
    start: int
    group_id: str | None
    kept: Values
    right: Values

    @property
    def place(self) -> tuple[str, int, str]:
        """Return kind, start and group, by which rows are found."""
        return self.kind or "", self.start, self.group_id or ""

    @property
    def missing(self) -> list[int]:
        """Return what is to be added to the row."""
        return [right - kept for right, kept in zip(self.right, self.kept, strict=True)]


def _whole(value: ColumnElement[Any]) -> ColumnElement[int]:
    """Return a sum as PostgreSQL, which widens it, has it too."""
    return cast(value, BigInteger)


_called = (_whole(func.count()), *(_whole(func.sum(_r[name])) for name in SUMS[1:]))
_of_day = and_(_r.team_id == param("team_id"), _r.day == param("day", Integer))
# Written out: PostgreSQL takes a parameter here for another expression than the same parameter there.
_quarter = _r.started_at // literal_column(str(QUARTER), BigInteger)


@functools.cache
def recounted_statement(*, kind: GroupKind) -> Select[Any]:
    """Return what each group's calls of a day add up to; parameters team_id, day."""
    group = _GROUPED_BY[kind]
    return select(group, *_called).where(_of_day, group.is_not(None)).group_by(group)


_recounted_quarters = select(_quarter, *_called).where(_of_day).group_by(_quarter)
_kept_quarters = select(*usage_quarter.c["quarter", *SUMS]).where(
    usage_quarter.c.team_id == param("team_id"),
    usage_quarter.c.quarter.between(param("first", Integer), param("last", Integer)),
)
_pending = select(
    _u.quarter, _u.device_id, _u.username, _u.account_id, _u.language, *(_u[name] for name in SUMS)
).where(_u.team_id == param("team_id"), _u.quarter.between(param("first", Integer), param("last", Integer)))
_kept_in_day = (_d.team_id == param("team_id"), _d.group_kind == param("kind"), _d.day == param("day", Integer))
_kept_days = select(_d.group_id, *(_d[name] for name in SUMS)).where(*_kept_in_day)
_unranked = select(_d.group_id, _d.calls, _d.mic_seconds, _d.ranked_seconds).where(
    *_kept_in_day, or_(_d.ranked_seconds.is_(None), _d.ranked_seconds != _d.mic_seconds, _d.calls == 0)
)


def _on_weekday(name: str, weekday: int) -> ColumnElement[int]:
    is_then = _d.day == param("first", Integer) + weekday
    return _whole(func.sum(case((is_then, _d[name]), else_=0)))


_in_period = (
    *(_d.team_id == param("team_id"), _d.group_kind == param("kind")),
    _d.day.between(param("first", Integer), param("last", Integer)),
)
_summed = [_whole(func.sum(_d[name])) for name in SUMS]
_weekdays = [_on_weekday(name, day) for name in ("mic_seconds", "calls") for day in DAYS_OF_WEEK]
_weeks_of_days = select(_d.group_id, *_weekdays, *_summed).where(*_in_period).group_by(_d.group_id)
_months_of_days = select(_d.group_id, *_summed).where(*_in_period).group_by(_d.group_id)


def _kept_periods(table: Table) -> Select[Any]:
    values = [column for column in table.c if not column.primary_key]
    of_period = (table.c.team_id == param("team_id"), table.c.group_kind == param("kind"))
    return select(table.c.group_id, *values).where(*of_period, table.c.start == param("first", Integer))


_STATEMENTS = {
    Cadence.WEEKLY: (_weeks_of_days, _kept_periods(usage_week)),
    Cadence.MONTHLY: (_months_of_days, _kept_periods(usage_month)),
}


@functools.cache
def present_statement(*, cadence: Cadence) -> Select[Any]:
    """Return how many groups a period has; parameters team_id, kind, start."""
    table = _TABLES[cadence]
    start = table.c.day if cadence is Cadence.DAILY else table.c.start
    is_there = usage_day.c.ranked_seconds.is_not(None) if cadence is Cadence.DAILY else table.c.calls != 0
    of_period = (table.c.team_id == param("team_id"), table.c.group_kind == param("kind"))
    return select(func.count()).select_from(table).where(*of_period, start == param("start", Integer), is_there)


_counted = select(usage_count.c.groups).where(
    *(usage_count.c.team_id == param("team_id"), usage_count.c.group_kind == param("kind")),
    *(usage_count.c.cadence == param("cadence"), usage_count.c.start == param("start", Integer)),
)
_next_called = select(func.min(_r.day)).where(_r.team_id == param("team_id"), _r.day > param("after", Integer))
_next_kept = select(func.min(_d.day)).where(
    _d.team_id == param("team_id"), _d.group_kind == param("kind"), _d.day > param("after", Integer)
)


def days_with_usage(tx: Tx, team_id: int) -> list[int]:
    """Return the days of which there are calls or sums, in order."""
    days: list[int] = []
    while True:
        after = {"team_id": team_id, "after": days[-1] if days else -1}
        found = [tx.one(_next_called, after), *(tx.one(_next_kept, {**after, "kind": kind}) for kind in _kinds())]
        known = [row[0] for row in found if row is not None and row[0] is not None]
        if not known:
            return days
        days.append(min(known))


def day_differences(tx: Tx, team_id: int, day: int) -> Iterator[Difference]:
    """Yield how the day's sums differ from its calls."""
    for kind in GroupKind:
        rows = tx.all(recounted_statement(kind=kind), {"team_id": team_id, "day": day})
        right = {number_key(group) if kind in NUMBERED else group: tuple(sums) for group, *sums in rows}
        kept = _rows(tx.all(_kept_days, {"team_id": team_id, "kind": kind.value, "day": day}))
        yield from _compared("usage_day", kind.value, day, right, kept)


def quarter_differences(tx: Tx, team_id: int, day: int) -> Iterator[Difference]:
    """Yield how the sums of the day's quarters of an hour differ from its calls, those not folded yet apart."""
    within = {"team_id": team_id, "first": day * QUARTERS_OF_DAY, "last": (day + 1) * QUARTERS_OF_DAY - 1}
    right = _rows(tx.all(_recounted_quarters, {"team_id": team_id, "day": day}))
    kept = _rows(tx.all(_kept_quarters, within))
    right = _less(right, added_up(tx.all(_pending, within))[3])
    for quarter in sorted(right.keys() | kept.keys()):
        yield from _compared("usage_quarter", None, quarter, _only(right, quarter), _only(kept, quarter))


def rank_differences(tx: Tx, team_id: int, day: int) -> Iterator[Difference]:
    """Yield the groups of the day that are ranked by other seconds than theirs, though nothing waits to be folded.

    Who is not ranked, or should not be, has -1 seconds.
    """
    within = {"team_id": team_id, "first": day * QUARTERS_OF_DAY, "last": (day + 1) * QUARTERS_OF_DAY - 1}
    waiting = added_up(tx.all(_pending, within))[0]
    for kind in _kinds():
        rows = tx.all(_unranked, {"team_id": team_id, "kind": kind, "day": day})
        for group_id, calls, mic_seconds, ranked in sorted(rows):
            if (kind, day, group_id) not in waiting:
                kept, right = -1 if ranked is None else ranked, mic_seconds if calls else -1
                yield Difference(RANKS, kind, day, group_id, (kept,), (right,))


def period_differences(tx: Tx, team_id: int, cadence: Cadence, start: int) -> Iterator[Difference]:
    """Yield how the sums of a week or month differ from those of its days, calls that are not folded yet apart."""
    of_days, of_period = _STATEMENTS[cadence]
    within = {"team_id": team_id, "first": start, "last": period_of(start, cadence)[1]}
    quarters = {"first": start * QUARTERS_OF_DAY, "last": (within["last"] + 1) * QUARTERS_OF_DAY - 1}
    _, weeks, months, _ = added_up(tx.all(_pending, {"team_id": team_id, **quarters}))
    waiting = weeks if cadence is Cadence.WEEKLY else months
    for kind in _kinds():
        right = _rows(tx.all(of_days, {**within, "kind": kind}))
        right = _less(
            right, {group_id: sums for (of, at, group_id), sums in waiting.items() if (of, at) == (kind, start)}
        )
        kept = _rows(tx.all(of_period, {"team_id": team_id, "kind": kind, "first": start}))
        yield from _compared(_TABLES[cadence].name, kind, start, right, kept)


def count_differences(tx: Tx, team_id: int, cadence: Cadence, start: int) -> Iterator[Difference]:
    """Yield how the kept numbers of groups of a period differ from the groups there are."""
    for kind in _kinds():
        of_period = {"team_id": team_id, "kind": kind, "start": start}
        present = tx.one(present_statement(cadence=cadence), of_period)
        counted = tx.one(_counted, {**of_period, "cadence": cadence.value})
        right, kept = int(present[0]) if present else 0, int(counted[0]) if counted else 0
        if right != kept:
            yield Difference("usage_count", kind, start, cadence.value, (kept,), (right,))


def _kinds() -> list[str]:
    return [kind.value for kind in GroupKind]


def _rows(rows: Iterable[tuple[Any, ...]]) -> _Kept:
    return {key: tuple(values) for key, *values in rows}


def _only(rows: _Kept, key: Any) -> _Kept:
    return {None: rows[key]} if key in rows else {}


def _less(rows: _Kept, waiting: Mapping[Any, list[int]]) -> _Kept:
    """Return the rows without what waits to be folded."""
    out = dict(rows)
    for key, sums in waiting.items():
        known = out.get(key, (0,) * len(sums))
        out[key] = tuple(one - other for one, other in zip(known, sums, strict=True))
    return out


def _compared(table: str, kind: str | None, start: int, right: _Kept, kept: _Kept) -> Iterator[Difference]:
    for group_id in sorted(right.keys() | kept.keys(), key=str):
        ones, others = right.get(group_id, ()), kept.get(group_id, ())
        nothing = (0,) * (len(ones) or len(others))
        if (ones or nothing) != (others or nothing):
            yield Difference(table, kind, start, group_id, others or nothing, ones or nothing)
