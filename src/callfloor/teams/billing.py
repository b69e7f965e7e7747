"""What seats cost: the prorated charge of a card team, as an entry in the ledger."""

from __future__ import annotations

import dataclasses
import datetime

from sqlalchemy import insert

from callfloor.foundation.clock import Millis, as_datetime, from_datetime
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_id
from callfloor.teams.tables import charge

_enter = insert(charge)


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


@dataclasses.dataclass(frozen=True, slots=True)
class AddedSeats:
    """Seats added to a card team."""

    team_id: int
    seats: int
    seats_before: int
    seat_price: int
    currency: str
    now: Millis


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


def charge_added_seats(tx: Tx, added: AddedSeats) -> Charge:
    """Enter the prorated charge into the ledger and return it."""
    period = period_of(added.now)
    days_left = period.days_left(added.now)
    amount = prorated_amount(
        seat_price=added.seat_price, seats=added.seats, days_left=days_left, days_in_period=period.days
    )
    tx.run(
        _enter,
        {
            "team_id": added.team_id,
            "id": new_id(),
            "at": added.now,
            "amount": amount,
            "currency": added.currency,
            "period_start": period.start,
            "period_end": period.end,
            "seats": added.seats,
            "seats_before": added.seats_before,
            "seats_after": added.seats_before + added.seats,
            "seat_price": added.seat_price,
            "days_left": days_left,
            "days_in_period": period.days,
        },
    )
    return Charge(amount, added.currency, period.start, period.end, added.seats)
