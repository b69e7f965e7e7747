"""The one place that reads the clock; everything else is handed the time."""

from __future__ import annotations

import datetime
import functools
import time

Millis = int
"""An instant as whole milliseconds since 1970-01-01T00:00:00Z."""

SECOND: Millis = 1000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY = _EPOCH.toordinal()
_MINUTES = tuple(f"T{minute // 60:02}:{minute % 60:02}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02}." for second in range(60))
_MILLIS = tuple(f"{milli:03}Z" for milli in range(1000))


def now() -> Millis:
    """Return the present instant. Called at the edges (request, job, command, loop), never inside a verb."""
    return time.time_ns() // 1_000_000


def as_datetime(instant: Millis) -> datetime.datetime:
    """Return the instant as an aware UTC datetime, exact to the millisecond."""
    return _EPOCH + datetime.timedelta(milliseconds=instant)


def from_datetime(moment: datetime.datetime) -> Millis:
    """Return the instant of an aware datetime, cut to whole milliseconds.

    Raises:
        ValueError: the datetime carries no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a datetime without a time zone is no instant")
    return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)


def iso(instant: Millis) -> str:
    """Return the instant as the APIs write it: ISO 8601, UTC, milliseconds, ``Z``.

    A page holds a hundred of them, so it is put together from ready texts: a fifth of what `isoformat` takes.
    """
    day, rest = divmod(instant, DAY)
    minute, rest = divmod(rest, MINUTE)
    return _date(day) + _MINUTES[minute] + _SECONDS[rest // SECOND] + _MILLIS[rest % SECOND]


@functools.lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return datetime.date.fromordinal(_EPOCH_DAY + day).isoformat()


def iso_or_none(instant: Millis | None) -> str | None:
    """Return `iso` of the instant, or None for None."""
    return None if instant is None else iso(instant)
