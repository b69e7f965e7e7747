"""The clock of this machine, corrected by what the server's answers say the time is."""

from __future__ import annotations

import datetime
import email.utils
import functools
import sys
import time
from collections.abc import Callable

HEADER_STEP_MS = 3000
"""A Date header tells whole seconds, rounded down, and a busy server writes one that is a second or two old."""
SET_MS = 5000
"""By so much the wall clock goes otherwise than the steady one between two readings only where somebody set it."""

_EPOCH = datetime.date(1970, 1, 1)


def wall_ms() -> int:
    """Return the milliseconds since 1970 by this machine's own clock."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return the milliseconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    platform: str = sys.platform
    if platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    if platform == "win32":
        return time.monotonic_ns() // 1_000_000
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000  # on macOS it counts sleep, time.monotonic does not


def instant(at_ms: int) -> str:
    """Return the instant as the wire writes it: ISO 8601, UTC, milliseconds."""
    seconds, milliseconds = divmod(at_ms, 1000)
    days, second = divmod(seconds, 86_400)
    time_of_day = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{milliseconds:03}"
    return f"{_date(days)}T{time_of_day}Z"


@functools.lru_cache(maxsize=256)
def _date(days: int) -> str:
    return (_EPOCH + datetime.timedelta(days=days)).isoformat()


def instant_ms(text: str) -> int:
    """Return the milliseconds since 1970 of an instant of the wire."""
    moment = datetime.datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)


class ServerClock:
    """This machine's clock plus an offset; the server's clock as well as the headers allow to know it.

    Where somebody sets this machine's clock, the offset goes the other way, and the server's time goes on as before.

    Args:
        offset_ms: how far the server's clock is ahead, as it was known last.
        is_known: whether the server told it since this program began; the clock may have been set before.
        wall: reads this machine's clock.
        steady: reads a clock that nobody sets.
    """

    def __init__(
        self,
        offset_ms: int = 0,
        *,
        is_known: bool = False,
        wall: Callable[[], int] = wall_ms,
        steady: Callable[[], int] = steady_ms,
    ) -> None:
        self.offset_ms = offset_ms
        self.is_known = is_known
        self.corrected_ms = 0
        """By how much the server's answers have corrected what was taken for its time, all in all."""
        self.wall = wall
        """Reads this machine's own clock."""
        self._steady = steady
        self._read_at = wall(), steady()

    def now(self) -> int:
        """Return the server's time in milliseconds."""
        return self._read() + self.offset_ms

    def _read(self) -> int:
        """Return this machine's time; the offset makes up for a clock that was set since the last reading."""
        wall, steady = self.wall(), self._steady()
        set_by_ms = wall - self._read_at[0] - (steady - self._read_at[1])
        self._read_at = wall, steady
        if abs(set_by_ms) > SET_MS:
            self.offset_ms -= set_by_ms
        return wall

    def observe(self, date_header: str | None, *, sent_ms: int, received_ms: int) -> bool:
        """Learn from an answer's Date header; return whether the offset changed or became known.

        The server wrote the header between the sending and the receiving, so the true offset lies in an interval.
        An offset within it stays; another moves to the nearer end: no jitter, and right to three seconds and the delay.

        Args:
            date_header: as received; one that cannot be read teaches nothing.
            sent_ms: by this machine's own clock.
            received_ms: by this machine's own clock.
        """
        try:
            server_ms = round(email.utils.parsedate_to_datetime(date_header or "").timestamp() * 1000)
        except (TypeError, ValueError):
            return False
        self._read()
        lowest, highest = server_ms - received_ms, server_ms + HEADER_STEP_MS - sent_ms
        if lowest > highest:  # this machine's clock was set back in between
            return False
        corrected = min(max(self.offset_ms, lowest), highest)
        changed = corrected != self.offset_ms or not self.is_known
        self.corrected_ms += corrected - self.offset_ms
        self.offset_ms, self.is_known = corrected, True
        return changed
