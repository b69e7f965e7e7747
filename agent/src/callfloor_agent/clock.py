"""The clock of this machine, corrected by what the server's answers say the time is."""

from __future__ import annotations

import datetime
import email.utils
import functools
import time

HEADER_STEP_MS = 3000
"""A Date header tells whole seconds, rounded down, and a busy server writes one that is a second or two old."""

_EPOCH = datetime.date(1970, 1, 1)


def wall_ms() -> int:
    """Return the milliseconds since 1970 by this machine's own clock."""
    return time.time_ns() // 1_000_000


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
    """This machine's clock plus an offset; the server's clock as well as the headers allow to know it."""

    def __init__(self, offset_ms: int = 0, *, is_known: bool = False) -> None:
        self.offset_ms = offset_ms
        self.is_known = is_known

    def now(self) -> int:
        """Return the server's time in milliseconds."""
        return wall_ms() + self.offset_ms

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
        lowest, highest = server_ms - received_ms, server_ms + HEADER_STEP_MS - sent_ms
        if lowest > highest:  # this machine's clock was set back in between
            return False
        corrected = min(max(self.offset_ms, lowest), highest)
        changed = corrected != self.offset_ms or not self.is_known
        self.offset_ms, self.is_known = corrected, True
        return changed
