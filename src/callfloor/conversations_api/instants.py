"""Instants as clients write them: ISO 8601 dates and times."""

from __future__ import annotations

import datetime
import re

from callfloor.foundation.clock import DAY, Millis, from_datetime

_BARE_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_LOST_PLUS = re.compile(r"(:\d\d(?:\.\d{1,9})?) (?=\d\d:?\d\d$)", re.ASCII)
_LAST_YEAR = 9998
EXPECTED = "must be an ISO 8601 date or date and time, such as 2026-01-31 or 2026-01-31T09:30:00Z"


def instant(text: str) -> Millis:
    """Return the instant; without an offset it is UTC, a bare date its first moment.

    A `+` of an offset that the address lost to a space is put back.

    Raises:
        ValueError: no such date, with what was expected.
    """
    if _BARE_DATE.fullmatch(text):
        return _checked(text)
    repaired = _LOST_PLUS.sub(r"\1+", text.strip())
    if not _DATE_TIME.fullmatch(repaired):
        raise ValueError(EXPECTED)
    return _checked(repaired)


def last_instant(text: str) -> Millis:
    """Return the instant that an inclusive bound means: a bare date its last millisecond. Raises as `instant`."""
    begun = instant(text)
    return begun + DAY - 1 if _BARE_DATE.fullmatch(text) else begun


def _checked(text: str) -> Millis:
    try:
        moment = datetime.datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(EXPECTED) from None
    if moment.year > _LAST_YEAR or moment.year < 2:
        raise ValueError(EXPECTED)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC))
