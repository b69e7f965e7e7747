"""What seats cost: billing periods and proration, in whole minor units."""

from __future__ import annotations

import dataclasses
import datetime

from callfloor.foundation.clock import Millis, as_datetime, from_datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Period:
    """A billing period: one calendar month, UTC; `end` is the first instant after it."""

    start: Millis
    end: Millis
    days: int

    def days_left(self, now: Millis) -> int:
        """Return the days left to pay for, today included: 1 to `days`."""
        today = as_datetime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        return (as_datetime(self.end) - today).days


@dataclasses.dataclass(frozen=True, slots=True)
class Charge:
    """An amount owed for seats added within a period; `amount` in minor units of `currency`."""

    amount: int
    currency: str
    period_start: Millis
    period_end: Millis
    seats: int


def period_of(now: Millis) -> Period:
    """Return the billing period that holds the instant."""
    start = as_datetime(now).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + datetime.timedelta(days=31)).replace(day=1)
    return Period(from_datetime(start), from_datetime(end), (end - start).days)


def prorated_amount(*, seat_price: int, seats: int, days_left: int, days_in_period: int) -> int:
    """Return ``price × seats × days left / days in period`` in minor units, halves rounded up.

    Source:
        The Portal API's billing rule: price × days left / days in period.
    """
    return (2 * seat_price * seats * days_left + days_in_period) // (2 * days_in_period)
