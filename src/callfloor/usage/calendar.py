"""Days as numbers, and the weeks and months they lie in."""

from __future__ import annotations

import calendar
import datetime
import functools
from collections.abc import Iterator

from callfloor.foundation.clock import DAY, Millis
from callfloor.usage.tables import Cadence

_EPOCH = datetime.date(1970, 1, 1).toordinal()
_FIRST_MONDAY = 4
"""1970-01-05."""
MONTHS_SHOWN = 4


def day_of(instant: Millis) -> int:
    """Return the UTC day of the instant, counted from 1970-01-01."""
    return instant // DAY


def date_of(day: int) -> datetime.date:
    """Return the day as a date."""
    return datetime.date.fromordinal(_EPOCH + day)


def number_of_date(date: datetime.date) -> int:
    """Return the date as a day counted from 1970-01-01."""
    return date.toordinal() - _EPOCH


@functools.lru_cache(maxsize=4096)
def period_of(day: int, cadence: Cadence) -> tuple[int, int]:
    """Return the first and the last day of the calendar period that the day lies in."""
    if cadence is Cadence.DAILY:
        return day, day
    if cadence is Cadence.WEEKLY:
        start = week_of(day)
        return start, start + 6
    date = date_of(day)
    last = calendar.monthrange(date.year, date.month)[1]
    return day - date.day + 1, day - date.day + last


def week_of(day: int) -> int:
    """Return the Monday of the day's week."""
    return day - (day - _FIRST_MONDAY) % 7


def month_of(day: int) -> int:
    """Return the first day of the day's month."""
    return period_of(day, Cadence.MONTHLY)[0]


def periods_between(first: int, last: int, cadence: Cadence) -> Iterator[tuple[int, int]]:
    """Yield first and last day of each period with a day from `first` to `last`, uncut, in order."""
    day = first
    while day <= last:
        start, end = period_of(day, cadence)
        yield start, end
        day = end + 1


def oldest_day(today: int) -> int:
    """Return the same day of the month four months before; in a shorter month, its last day."""
    date = date_of(today)
    months = date.year * 12 + date.month - 1 - MONTHS_SHOWN
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return number_of_date(datetime.date(year, month + 1, min(date.day, last)))
