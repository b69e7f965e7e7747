"""A statement always adds up: with its entries, with the periods beside it, with the seats there are."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from callfloor.access.audit import OPERATOR
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database, Tx, param
from callfloor.teams.billing import period_of, prorated_amount
from callfloor.teams.seats import AddSeats, DeleteSeat, add_seats, delete_seat, seats_of_team
from callfloor.teams.statements import NoSuchStatement, Statement, statement_of, statements_of
from callfloor.teams.tables import Payment, ledger_entry
from callfloor.teams.team_settings import set_seat_price
from callfloor.teams.teams import Team
from tests.factories.teams import make_team
from tests.teams.counting import seats_of

_entries = (
    select(
        ledger_entry.c.number,
        ledger_entry.c.at,
        ledger_entry.c.period_start,
        ledger_entry.c.amount,
        ledger_entry.c.seats_before,
        ledger_entry.c.seats_after,
    )
    .where(ledger_entry.c.team_id == param("team"))
    .order_by(ledger_entry.c.number)
)

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "delete", "price"]),
        st.integers(0, 40),
        st.integers(0, 70 * 24).map(lambda hours: hours * HOUR) | st.sampled_from([0, 1, DAY - 1, 366 * DAY]),
    ),
    min_size=1,
    max_size=12,
)
payments = st.sampled_from(list(Payment))
beginnings = st.sampled_from(
    ["2026-11-22T10:00", "2027-12-31T23:59", "2028-02-01T00:00", "2028-02-29T12:00", "2027-02-28T23:59"]
)


def instant(text: str) -> int:
    """Return the instant of ISO 8601 text, UTC."""
    return clock.from_datetime(datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC))


def change(db: Database, team: Team, step: tuple[str, int, int], now: int) -> None:
    """Carry out one step; a deletion of what is not there is none."""
    kind, number, _ = step
    if kind == "add":
        db.write_now(functools.partial(add_seats, command=AddSeats(team.id, number + 1, OPERATOR, now)))
    elif kind == "price":
        db.write_now(lambda tx: set_seat_price(tx, team.id, number * 100, actor=OPERATOR, now=now))
    elif team.payment is Payment.CARD:
        for seat_id, *_ in seats_of(db, team.id)[: number % 3]:
            db.write_now(functools.partial(delete_seat, command=DeleteSeat(team.id, seat_id, OPERATOR, now)))


def all_statements(db: Database, team: Team, now: int) -> list[Statement]:
    """Return the statements of the team, oldest first."""
    found = db.read_now(lambda tx: statements_of(tx, team.id, now=now, before=None, limit=10_000))
    return found[::-1]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps, payment=payments, begin=beginnings)
def test_after_any_changes(db: Database, steps: list[tuple[str, int, int]], payment: Payment, begin: str) -> None:
    team, now = make_team(db, payment=payment), instant(begin)
    for step in steps:
        now += step[2]
        change(db, team, step, now)

    statements = all_statements(db, team, now)
    entries = db.read_now(lambda tx: tx.all(_entries, {"team": team.id}))
    seats = db.read_now(lambda tx: seats_of_team(tx, team.id))

    assert_entries_follow(entries)
    assert [one.period for one in statements] == sorted({one.period for one in statements}, key=lambda p: p.start)
    assert (statements[-1].closing_seats if statements else 0) == seats
    for earlier, later in itertools.pairwise(statements):
        assert (earlier.period.end, earlier.closing_seats) == (later.period.start, later.opening_seats)
    for one in statements:
        assert one.closing_seats == one.opening_seats + one.added_seats - one.removed_seats
        assert one.total == one.base_amount + one.added_amount
        assert one.base_amount == one.opening_seats * one.seat_price
        is_renewed = one.period.start <= entries[-1][1] or not one.base_amount
        assert not is_renewed or one.total == sum(row[3] for row in entries if row[2] == one.period.start)
        assert one == db.read_now(functools.partial(_one, team_id=team.id, start=one.period.start, now=now))
    assert payment is Payment.CARD or not any(one.added_amount for one in statements)


def assert_entries_follow(entries: list[tuple[int, int, int, int, int, int]]) -> None:
    """Numbers have no gap, time does not go back, each entry begins with the seats the one before left."""
    assert [row[0] for row in entries] == list(range(1, len(entries) + 1))
    assert [row[1] for row in entries] == sorted(row[1] for row in entries)
    assert [row[4] for row in entries] == [0, *(row[5] for row in entries[:-1])][: len(entries)]
    assert all(period_of(row[1]).start == row[2] for row in entries)


def _one(tx: Tx, team_id: int, start: int, now: int) -> Statement:
    return statement_of(tx, team_id, start, now=now)


def test_tells_what_a_month_cost(db: Database) -> None:
    team = make_team(db, seats=10, now=instant("2028-01-31T23:59"))
    add = AddSeats(team.id, 4, OPERATOR, instant("2028-02-15T12:00"))
    db.write_now(functools.partial(add_seats, command=add))
    for seat_id, *_ in seats_of(db, team.id)[:3]:
        gone = DeleteSeat(team.id, seat_id, OPERATOR, instant("2028-02-20T08:00"))
        db.write_now(functools.partial(delete_seat, command=gone))

    january, february, march = all_statements(db, team, instant("2028-03-05T00:00"))

    share = prorated_amount(seat_price=1000, seats=4, days_left=15, days_in_period=29)
    assert dataclasses.astuple(february)[1:] == ("USD", 10, 1000, 10_000, 1, 4, share, 3, 3, 11, 10_000 + share, True)
    assert (january.opening_seats, january.total, january.closing_seats) == (0, 323, 10)
    assert (march.opening_seats, march.total, march.is_closed) == (11, 11_000, False)


def test_a_new_price_counts_from_the_next_renewal_and_for_new_seats(db: Database) -> None:
    team = make_team(db, seats=2, now=instant("2026-11-01T00:00"))
    db.write_now(lambda tx: set_seat_price(tx, team.id, 3000, actor=OPERATOR, now=instant("2026-12-16T00:00")))
    add = AddSeats(team.id, 1, OPERATOR, instant("2026-12-31T00:00"))
    db.write_now(functools.partial(add_seats, command=add))

    _, december, january = all_statements(db, team, instant("2027-01-01T00:00"))

    assert (december.seat_price, december.base_amount, december.added_amount) == (1000, 2000, 97)
    assert (january.seat_price, january.base_amount) == (3000, 9000)


def test_there_is_none_before_the_first_seats_nor_of_a_period_to_come(db: Database) -> None:
    team = make_team(db, seats=1, now=instant("2026-11-15T00:00"))
    now = instant("2026-12-15T00:00")

    for text in ("2026-10-01T00:00", "2027-01-01T00:00", "2026-11-02T00:00"):
        with pytest.raises(NoSuchStatement):
            db.read_now(functools.partial(_one, team_id=team.id, start=instant(text), now=now))
    with pytest.raises(NoSuchStatement):
        db.read_now(functools.partial(_one, team_id=make_team(db).id, start=instant("2026-12-01T00:00"), now=now))


def test_are_listed_newest_first_in_parts(db: Database) -> None:
    team, now = make_team(db, seats=1, now=instant("2026-01-15T00:00")), instant("2027-01-15T00:00")
    listed: list[Statement] = []
    before: int | None = None

    while part := db.read_now(functools.partial(statements_of, team_id=team.id, now=now, before=before, limit=5)):
        listed += part
        before = part[-1].period.start

    assert listed == all_statements(db, team, now)[::-1]
    assert len(listed) == 13
