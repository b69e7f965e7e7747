"""What the days count already moves into weeks, months and quarters of an hour, and groups are ranked by it.

A report of a call does as little as it can; this does the rest once for many, each second and before anybody reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Delete, Integer, Table, Text, cast, delete, func, select, true, tuple_

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.database.row_list import row_list
from callfloor.usage.calendar import month_of, week_of
from callfloor.usage.groups import groups_of
from callfloor.usage.tables import (
    DAYS_OF_WEEK,
    SUMS,
    Cadence,
    usage_count,
    usage_day,
    usage_fold,
    usage_month,
    usage_quarter,
    usage_unfolded,
    usage_week,
)

FOLDED_AT_ONCE = 500
"""Calls in one transaction: it holds others up for some milliseconds only."""
QUARTERS_OF_DAY = 96

Key = tuple[str, int, str]
"""Kind, first day of the period, key."""
Sums = list[int]
_Change = tuple[str, Cadence, int, int]
"""Kind, cadence, first day, and whether a group came (1) or went (-1)."""

_u, _d = usage_unfolded.c, usage_day.c
_team = cast(param("team_id"), BigInteger)

_starting = upsert(usage_fold).values(team_id=param("team_id"), folded_at=param("now"))
_lock = _starting.on_conflict_do_update(
    index_elements=[usage_fold.c.team_id], set_={"folded_at": _starting.excluded.folded_at}
)
_key = (_u.quarter, _u.device_id, _u.call_id, _u.revision, _u.is_taken_back)
_first = select(*_key).where(_u.team_id == param("team_id")).order_by(*_key).limit(param("take", Integer))
_take = (
    delete(usage_unfolded)
    .where(_u.team_id == param("team_id"), tuple_(*_key).in_(_first))
    .returning(_u.quarter, _u.device_id, _u.username, _u.account_id, _u.language, *(_u[name] for name in SUMS))
)
_next_team = select(func.min(_u.team_id)).where(_u.team_id > param("after", BigInteger))
is_unfolded_between = (
    select(_u.quarter)
    .where(_u.team_id == param("team_id"), _u.quarter.between(param("first", Integer), param("last", Integer)))
    .limit(1)
)


def _adding(table: Table, *texts: str) -> Any:
    """Return the statement that adds a list of rows to a table of sums."""
    kinds = {column.name: Text if column.name in texts else BigInteger for column in table.c}
    del kinds["team_id"]
    sent = row_list("sent", **kinds)
    # SQLite takes ON CONFLICT for a join's ON unless the select ends with a condition.
    fresh = upsert(table).from_select(["team_id", *kinds], select(_team, *sent.c).where(true()))
    keys = [column for column in table.c if column.primary_key]
    values = [column for column in table.c if not column.primary_key]
    return fresh.on_conflict_do_update(
        index_elements=keys, set_={column.name: column + fresh.excluded[column.name] for column in values}
    )


_GROUP_TEXTS = ("group_kind", "group_id")
_w, _m = usage_week.c, usage_month.c
_add_to_weeks = _adding(usage_week, *_GROUP_TEXTS).returning(_w.group_kind, _w.start, _w.group_id, _w.calls)
_add_to_months = _adding(usage_month, *_GROUP_TEXTS).returning(_m.group_kind, _m.start, _m.group_id, _m.calls)
_add_to_quarters = _adding(usage_quarter)
_add_to_counts = _adding(usage_count, "group_kind", "cadence")


def _emptying(table: Table, start: Any) -> Delete:
    gone = row_list("gone", group_kind=Text, start=BigInteger, group_id=Text)
    key = tuple_(table.c.group_kind, start, table.c.group_id)
    return delete(table).where(table.c.team_id == param("team_id"), table.c.calls == 0, key.in_(select(*gone.c)))


_empty_days = _emptying(usage_day, usage_day.c.day).returning(_d.group_kind, _d.day, _d.group_id)
_empty_weeks = _emptying(usage_week, usage_week.c.start)
_empty_months = _emptying(usage_month, usage_month.c.start)

_asked = row_list("asked", group_kind=Text, day=BigInteger, group_id=Text)
_known_days = select(_d.group_kind, _d.day, _d.group_id, _d.calls, _d.mic_seconds, _d.ranked_seconds).join_from(
    _asked,
    usage_day,
    (_d.team_id == param("team_id"))
    & (_d.group_kind == _asked.c.group_kind)
    & (_d.day == _asked.c.day)
    & (_d.group_id == _asked.c.group_id),
    isouter=True,
)
_ranks = row_list("sent", group_kind=Text, day=BigInteger, group_id=Text, ranked_seconds=BigInteger)
_ranked = upsert(usage_day).from_select(
    ["team_id", *_ranks.c.keys(), *SUMS], select(_team, *_ranks.c, *(cast(0, BigInteger) for _ in SUMS)).where(true())
)
# An insert, though each row is known: it locks them in the order sent, as a report does, and an update might not.
_set_ranks = _ranked.on_conflict_do_update(
    index_elements=[_d.team_id, _d.group_kind, _d.day, _d.group_id],
    set_={"ranked_seconds": _ranked.excluded.ranked_seconds},
)


_STATEMENTS = {
    Cadence.WEEKLY: (_add_to_weeks, _empty_weeks),
    Cadence.MONTHLY: (_add_to_months, _empty_months),
}


def fold(tx: Tx, team_id: int, *, now: Millis, take: int = FOLDED_AT_ONCE) -> int:
    """Fold the next calls of the team; returns how many: fewer than `take` when none is left."""
    lock_sums(tx, team_id, now=now)
    taken = tx.all(_take, {"team_id": team_id, "take": take})
    if not taken:
        return 0
    days, weeks, months, quarters = added_up(taken)
    changes = [
        *_move(tx, team_id, Cadence.WEEKLY, weeks),
        *_move(tx, team_id, Cadence.MONTHLY, months),
        *_rank(tx, team_id, sorted(days)),
    ]
    _count(tx, team_id, changes)
    add_to_quarters(tx, team_id, quarters)
    return len(taken)


def lock_sums(tx: Tx, team_id: int, *, now: Millis) -> None:
    """Let nobody else fold or mend the team's sums until this transaction ends."""
    tx.run(_lock, {"team_id": team_id, "now": now})


def add_to_periods(tx: Tx, team_id: int, cadence: Cadence, totals: Mapping[Key, Sums]) -> None:
    """Add to rows of weeks or months, in the order of their columns; the caller has locked the team's sums."""
    _count(tx, team_id, _move(tx, team_id, cadence, totals))


def add_to_quarters(tx: Tx, team_id: int, totals: Mapping[int, Sums]) -> None:
    """Add to quarters of an hour; the caller has locked the team's sums."""
    tx.run(
        _add_to_quarters, {"team_id": team_id, "sent": [(quarter, *sums) for quarter, sums in sorted(totals.items())]}
    )


def add_to_counts(tx: Tx, team_id: int, totals: Mapping[tuple[str, str, int], int]) -> None:
    """Add to the numbers of groups by kind, cadence and start; the caller has locked the team's sums."""
    rows = [(*key, by) for key, by in sorted(totals.items()) if by]
    if rows:
        tx.run(_add_to_counts, {"team_id": team_id, "sent": rows})


def rank_days(tx: Tx, team_id: int, days: Sequence[Key]) -> None:
    """Rank the days' groups by their seconds as they are now; the caller has locked the team's sums."""
    _count(tx, team_id, _rank(tx, team_id, days))


def teams_to_fold(tx: Tx) -> list[int]:
    """Return the teams that have calls to fold."""
    teams: list[int] = []
    while True:
        found = tx.one(_next_team, {"after": teams[-1] if teams else -1})
        if found is None or found[0] is None:
            return teams
        teams.append(found[0])


def is_unfolded(tx: Tx, team_id: int, first: int, last: int) -> bool:
    """Return whether calls of the days from `first` to `last` wait to be folded."""
    quarters = {"first": first * QUARTERS_OF_DAY, "last": (last + 1) * QUARTERS_OF_DAY - 1}
    return tx.one(is_unfolded_between, {"team_id": team_id, **quarters}) is not None


def added_up(
    taken: Iterable[tuple[Any, ...]],
) -> tuple[set[Key], dict[Key, Sums], dict[Key, Sums], dict[int, Sums]]:
    """Return the days that changed, and what is to be added to weeks, months and quarters."""
    days: set[Key] = set()
    weeks: dict[Key, Sums] = {}
    months: dict[Key, Sums] = {}
    quarters: dict[int, Sums] = {}
    for quarter, device_id, username, account_id, language, *sums in taken:
        day = quarter // QUARTERS_OF_DAY
        week, month = week_of(day), month_of(day)
        of_week = _by_day_of_week(day - week, sums)
        _add(quarters, quarter, sums)
        for kind, group_id in groups_of(device_id, username, account_id, language):
            days.add((kind, day, group_id))
            _add(weeks, (kind, week, group_id), of_week)
            _add(months, (kind, month, group_id), sums)
    return days, weeks, months, quarters


def _by_day_of_week(weekday: int, sums: Sequence[int]) -> Sums:
    """Return the values of a row of `usage_week`: seconds and calls of each day, then the sums."""
    calls, mic_seconds = sums[0], sums[1]
    return [
        *(mic_seconds if weekday == day else 0 for day in DAYS_OF_WEEK),
        *(calls if weekday == day else 0 for day in DAYS_OF_WEEK),
        *sums,
    ]


def _add(totals: dict[Any, Sums], key: Any, added: Sums) -> None:
    known = totals.get(key)
    totals[key] = added if known is None else [one + other for one, other in zip(known, added, strict=True)]


def _move(tx: Tx, team_id: int, cadence: Cadence, totals: Mapping[Key, Sums]) -> Iterator[_Change]:
    """Add to rows of weeks or months; yields which groups came and went."""
    add, empty = _STATEMENTS[cadence]
    rows = [(*key, *sums) for key, sums in sorted(totals.items()) if any(sums)]
    gone: list[Key] = []
    for kind, start, group_id, calls in tx.all(add, {"team_id": team_id, "sent": rows}) if rows else ():
        before = calls - totals[kind, start, group_id][-len(SUMS)]
        if not calls:
            gone.append((kind, start, group_id))
        if bool(calls) != bool(before):
            yield kind, cadence, start, 1 if calls else -1
    if gone:
        tx.run(empty, {"team_id": team_id, "gone": sorted(gone)})


def _rank(tx: Tx, team_id: int, days: Sequence[Key]) -> Iterator[_Change]:
    """Rank groups by their days' seconds as they are now; yields which came and went.

    Reports add to days meanwhile: a group that had no call when it was read is gone only if it is removed.
    """
    ranks: list[tuple[Any, ...]] = []
    empty: dict[Key, bool] = {}
    for kind, day, group_id, calls, mic_seconds, ranked in tx.all(_known_days, {"team_id": team_id, "asked": days}):
        if kind is None:
            continue  # taken back, and removed already
        if not calls:
            empty[kind, day, group_id] = ranked is not None
            continue
        if ranked != mic_seconds:
            ranks.append((kind, day, group_id, mic_seconds))
        if ranked is None:
            yield kind, Cadence.DAILY, day, 1
    if ranks:
        tx.run(_set_ranks, {"team_id": team_id, "sent": sorted(ranks)})
    if empty:
        gone = tx.all(_empty_days, {"team_id": team_id, "gone": sorted(empty)})
        yield from ((kind, Cadence.DAILY, day, -1) for kind, day, group_id in gone if empty[kind, day, group_id])


def _count(tx: Tx, team_id: int, changes: Iterable[_Change]) -> None:
    counts: Counter[tuple[str, str, int]] = Counter()
    for kind, cadence, start, by in changes:
        counts[kind, cadence.value, start] += by
    add_to_counts(tx, team_id, counts)
