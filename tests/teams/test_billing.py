"""What seats cost: the proration law, the edges of a period, the ledger."""

from __future__ import annotations

import datetime
import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from callfloor.access.audit import OPERATOR
from callfloor.foundation import clock
from callfloor.foundation.database import Database, param
from callfloor.teams.billing import period_of, prorated_amount
from callfloor.teams.seats import AddSeats, add_seats
from callfloor.teams.tables import Payment, ledger_entry
from tests.factories.teams import make_team

_ledger = (
    select(
        ledger_entry.c.amount,
        ledger_entry.c.seats,
        ledger_entry.c.seats_before,
        ledger_entry.c.seats_after,
        ledger_entry.c.days_left,
        ledger_entry.c.days_in_period,
        ledger_entry.c.period_start,
        ledger_entry.c.at,
    )
    .where(ledger_entry.c.team_id == param("team"))
    .order_by(ledger_entry.c.number)
)

instants = st.integers(0, 4_102_444_800_000)
prices = st.integers(0, 100_000)
counts = st.integers(1, 10_000)


def instant(text: str) -> int:
    """Return the instant of ISO 8601 text, UTC."""
    return clock.from_datetime(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC))


@st.composite
def days(draw: st.DrawFn) -> tuple[int, int]:
    """Days left and days of a period."""
    in_period = draw(st.integers(28, 31))
    return draw(st.integers(1, in_period)), in_period


class TestAmount:
    @given(prices, counts, days())
    def test_is_between_nothing_and_the_full_price(self, price: int, seats: int, left_of: tuple[int, int]) -> None:
        left, whole = left_of
        amount = prorated_amount(seat_price=price, seats=seats, days_left=left, days_in_period=whole)

        assert 0 <= amount <= price * seats
        assert prorated_amount(seat_price=price, seats=seats, days_left=whole, days_in_period=whole) == price * seats

    @given(prices, counts, days())
    def test_is_the_exact_share_to_the_nearest_minor_unit(
        self, price: int, seats: int, left_of: tuple[int, int]
    ) -> None:
        left, whole = left_of
        amount = prorated_amount(seat_price=price, seats=seats, days_left=left, days_in_period=whole)

        assert abs(amount * whole - price * seats * left) * 2 <= whole

    @given(prices, counts, days(), st.integers(1, 30))
    def test_grows_with_the_days_left(self, price: int, seats: int, left_of: tuple[int, int], more: int) -> None:
        left, whole = left_of
        later = min(left + more, whole)

        assert prorated_amount(seat_price=price, seats=seats, days_left=left, days_in_period=whole) <= prorated_amount(
            seat_price=price, seats=seats, days_left=later, days_in_period=whole
        )

    @given(prices, counts, counts, days())
    def test_of_two_additions_adds_up_to_one_of_both(
        self, price: int, first: int, second: int, left_of: tuple[int, int]
    ) -> None:
        left, whole = left_of
        of = functools.partial(prorated_amount, seat_price=price, days_left=left, days_in_period=whole)

        assert abs(of(seats=first) + of(seats=second) - of(seats=first + second)) <= 1

    def test_rounds_halves_up(self) -> None:
        assert prorated_amount(seat_price=1, seats=1, days_left=15, days_in_period=30) == 1
        assert prorated_amount(seat_price=1, seats=1, days_left=14, days_in_period=30) == 0
        assert prorated_amount(seat_price=1000, seats=3, days_left=10, days_in_period=31) == 968


class TestPeriod:
    @given(instants)
    def test_holds_its_instant_and_meets_the_next(self, now: int) -> None:
        period = period_of(now)

        assert period.start <= now < period.end
        assert period.end - period.start == period.days * clock.DAY
        assert period_of(period.end).start == period.end
        assert period_of(period.start) == period_of(period.end - 1) == period
        assert 1 <= period.days_left(now) <= period.days

    @given(instants)
    def test_has_a_day_less_after_each_midnight(self, now: int) -> None:
        period = period_of(now)
        tomorrow = now + clock.DAY

        assert tomorrow >= period.end or period.days_left(tomorrow) == period.days_left(now) - 1

    @pytest.mark.parametrize(
        ("now", "left", "whole"),
        [
            ("2026-11-01T00:00:00.000", 30, 30),
            ("2026-11-01T23:59:59.999", 30, 30),
            ("2026-11-02T00:00:00.000", 29, 30),
            ("2026-11-30T00:00:00.000", 1, 30),
            ("2026-11-30T23:59:59.999", 1, 30),
            ("2026-12-01T00:00:00.000", 31, 31),
            ("2026-12-31T23:59:59.999", 1, 31),
            ("2027-01-01T00:00:00.000", 31, 31),
            ("2027-02-28T23:59:59.999", 1, 28),
            ("2028-02-28T00:00:00.000", 2, 29),
            ("2028-02-29T23:59:59.999", 1, 29),
            ("2028-03-01T00:00:00.000", 31, 31),
            ("2100-02-28T12:00:00.000", 1, 28),
        ],
    )
    def test_edges(self, now: str, left: int, whole: int) -> None:
        period = period_of(instant(now))

        assert (period.days_left(instant(now)), period.days) == (left, whole)


class TestLedger:
    def test_has_one_entry_an_addition(self, db: Database) -> None:
        team = make_team(db)
        additions = [
            (5, instant("2026-11-01T00:00:00.000")),
            (1, instant("2026-11-30T23:59:59.999")),
            (7, instant("2028-02-29T12:00:00.000")),
        ]
        charges = [
            db.write_now(functools.partial(add_seats, command=AddSeats(team.id, seats, OPERATOR, now))).charge
            for seats, now in additions
        ]

        entries = db.read_now(lambda tx: tx.all(_ledger, {"team": team.id}))

        additions_only = [entries[0], entries[1], entries[-1]]
        assert [entry[:6] for entry in additions_only] == [
            (5000, 5, 0, 5, 30, 30),
            (33, 1, 5, 6, 1, 30),
            (241, 7, 6, 13, 1, 29),
        ]
        assert [one.amount for one in charges if one] == [5000, 33, 241]
        assert [entry[7] for entry in additions_only] == [now for _, now in additions]
        assert [entry[6] for entry in additions_only] == [period_of(now).start for _, now in additions]

    def test_has_one_renewal_a_period(self, db: Database) -> None:
        team = make_team(db, seats=2, now=instant("2027-11-15T00:00:00.000"))
        add = AddSeats(team.id, 1, OPERATOR, instant("2028-03-01T00:00:00.000"))
        db.write_now(functools.partial(add_seats, command=add))

        _, *renewals, addition = db.read_now(lambda tx: tx.all(_ledger, {"team": team.id}))

        months = ["2027-12-01", "2028-01-01", "2028-02-01", "2028-03-01"]
        assert [entry[7] for entry in renewals] == [instant(month) for month in months]
        assert [entry[:6] for entry in renewals] == [(2000, 2, 2, 2, days, days) for days in (31, 31, 29, 31)]
        assert addition[:6] == (1000, 1, 2, 3, 31, 31)

    @pytest.mark.parametrize("activity_billing", [False, True])
    def test_of_an_invoice_team_has_additions_without_an_amount(
        self,
        db: Database,
        activity_billing: bool,  # noqa: FBT001  # a parameter
    ) -> None:
        team = make_team(db, payment=Payment.INVOICE, seats=3, activity_billing=activity_billing)

        ((amount, seats, before, after, *_),) = db.read_now(lambda tx: tx.all(_ledger, {"team": team.id}))

        assert (amount, seats, before, after) == (0, 3, 0, 3)

    def test_never_goes_back_in_time(self, db: Database) -> None:
        """A request that waited for the team's lock over the end of a period is charged in the period it came to."""
        late, early = instant("2026-12-01T00:00:00.000"), instant("2026-11-30T23:59:59.999")
        team = make_team(db, seats=1, now=late)

        charge = db.write_now(functools.partial(add_seats, command=AddSeats(team.id, 1, OPERATOR, early))).charge

        assert charge is not None
        assert (charge.period_start, charge.amount) == (late, 1000)
