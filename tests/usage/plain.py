"""The report of usage as the contract words it, counted call by call: nothing is kept, nothing is clever."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Iterable

from callfloor.usage.records import FinishedCall

EPOCH = datetime.date(1970, 1, 1)
Row = tuple[str, str, int | str, tuple[int, ...]]
"""First and last day of the period, id of the group, calls and seconds."""


def newest(calls: Iterable[FinishedCall]) -> list[FinishedCall]:
    """Return the highest revision of each call."""
    found: dict[tuple[int, str], FinishedCall] = {}
    for call in calls:
        known = found.get((call.device_id, call.call_id))
        if known is None or call.revision > known.revision:
            found[call.device_id, call.call_id] = call
    return list(found.values())


def recounted(calls: Iterable[FinishedCall], kind: str, first: int, last: int, cadence: str) -> list[Row]:
    """Return every row of the report, in its order; days count from 1970-01-01."""
    totals: dict[tuple[datetime.date, datetime.date, int | str], list[int]] = {}
    for call in newest(calls):
        day = call.started_at // 86_400_000
        group = _group(call, kind)
        if group is None or not first <= day <= last:
            continue
        total = totals.setdefault((*_period(day, cadence), group), [0] * 10)
        features = [getattr(call.features, name) for name in call.features.__struct_fields__]
        for at, value in enumerate([1, call.mic_seconds, call.speaker_seconds, *features]):
            total[at] += value
    rows = [(start.isoformat(), end.isoformat(), group, tuple(sums)) for (start, end, group), sums in totals.items()]
    return sorted(rows, key=lambda row: (row[0], -row[3][1], row[2]))


def _group(call: FinishedCall, kind: str) -> int | str | None:
    return {"user": call.account_id, "username": call.username, "device": call.device_id, "language": call.language}[
        kind
    ]


def _period(day: int, cadence: str) -> tuple[datetime.date, datetime.date]:
    date = EPOCH + datetime.timedelta(days=day)
    if cadence == "daily":
        return date, date
    if cadence == "weekly":
        monday = date - datetime.timedelta(days=date.weekday())
        return monday, monday + datetime.timedelta(days=6)
    return date.replace(day=1), date.replace(day=calendar.monthrange(date.year, date.month)[1])
