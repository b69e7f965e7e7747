"""Changes of one team at the same moment: each seat is taken once, each addition made once, each account once."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from callfloor.access.accounts import AlreadyMember, NewMember, email_key
from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role, account, membership
from callfloor.foundation.database import Database, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_id
from callfloor.teams.people import PersonAdded, add_person
from callfloor.teams.seats import AddSeats, DeleteSeat, NoEmptySeat, SeatsAdded, add_seats, delete_seat
from callfloor.teams.tables import ledger_entry
from tests.factories.teams import make_team
from tests.support.racing import at_once
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000

_members = select(func.count()).select_from(membership).where(membership.c.team_id == param("team"))
_accounts = select(account.c.id).where(account.c.email_key == param("key"))
_charges = select(func.count()).select_from(ledger_entry).where(ledger_entry.c.team_id == param("team"))


def join(db: Database, team_id: int, email: str) -> Callable[[], PersonAdded]:
    """Return the work of adding the person."""
    member = NewMember(team_id, email, Role.USER, NOW)
    return lambda: db.write_now(lambda tx: add_person(tx, member, OPERATOR))


@pytest.mark.parametrize("free", [1, 5])
def test_the_last_free_seats_are_taken_once_each(db: Database, second: Database, free: int) -> None:
    team = make_team(db, seats=free)
    databases = [db, second] * 10

    outcomes = at_once([join(one, team.id, f"{new_id()}@people.example") for one in databases])

    winners = [one for one in outcomes if isinstance(one, PersonAdded)]
    assert len({one.seat_id for one in winners}) == len(winners) == free
    assert sum(isinstance(one, NoEmptySeat) for one in outcomes) == 20 - free
    assert Counter(status for _, status, _ in seats_of(db, team.id)) == {"assigned": free}
    assert db.read_now(lambda tx: tx.one(_members, {"team": team.id})) == (free,)
    assert_counts_hold(db, team.id)


def test_one_new_address_in_many_teams_makes_one_account(db: Database, second: Database) -> None:
    email = f"{new_id()}@People.example"
    teams = [make_team(db, seats=1) for _ in range(8)]
    spellings = [email, email.upper(), email.lower(), email.title()] * 2
    databases = [db, second] * 4

    outcomes = at_once(
        [join(one, team.id, spelling) for one, team, spelling in zip(databases, teams, spellings, strict=True)]
    )

    accounts = db.read_now(lambda tx: tx.all(_accounts, {"key": email_key(email)}))
    assert len(accounts) == 1
    assert {one.account_id for one in outcomes} == {accounts[0][0]}


def test_one_new_address_in_one_team_takes_one_seat(db: Database, second: Database) -> None:
    team, email = make_team(db, seats=8), f"{new_id()}@people.example"

    outcomes = at_once([join(one, team.id, email) for one in [db, second] * 4])

    assert sum(isinstance(one, PersonAdded) for one in outcomes) == 1
    assert sum(isinstance(one, AlreadyMember) for one in outcomes) == 7
    assert Counter(status for _, status, _ in seats_of(db, team.id)) == {"assigned": 1, "unassigned": 7}
    assert_counts_hold(db, team.id)


def test_ten_requests_with_one_key_make_one_addition(db: Database, second: Database) -> None:
    team, key = make_team(db), new_id()
    command = AddSeats(team.id, 3, OPERATOR, NOW, idempotency_key=key)

    outcomes = at_once(
        [functools.partial(one.write_now, functools.partial(add_seats, command=command)) for one in [db, second] * 5]
    )

    assert all(isinstance(one, SeatsAdded) for one in outcomes)
    assert all(one == outcomes[0] for one in outcomes)
    assert len(seats_of(db, team.id)) == 3
    assert db.read_now(lambda tx: tx.one(_charges, {"team": team.id})) == (1,)


def test_a_seat_is_deleted_or_taken_never_both(db: Database, second: Database) -> None:
    for _ in range(5):
        team = make_team(db, seats=1)
        ((seat_id, *_),) = seats_of(db, team.id)
        removal = functools.partial(delete_seat, command=DeleteSeat(team.id, seat_id, OPERATOR, NOW))

        deleted, taken = at_once(
            [functools.partial(db.write_now, removal), join(second, team.id, f"{new_id()}@people.example")]
        )

        assert isinstance(deleted, DomainError) != isinstance(taken, DomainError)
        assert len(seats_of(db, team.id)) == (1 if isinstance(taken, PersonAdded) else 0)
        assert_counts_hold(db, team.id)


def test_changes_of_all_kinds_leave_right_counts(db: Database, second: Database) -> None:
    team = make_team(db, seats=10)
    ids = [seat_id for seat_id, *_ in seats_of(db, team.id)]
    works: list[Callable[[], Any]] = []
    for number, one in enumerate([db, second] * 4):
        addition = functools.partial(add_seats, command=AddSeats(team.id, number + 1, OPERATOR, NOW))
        removal = functools.partial(delete_seat, command=DeleteSeat(team.id, ids[number], OPERATOR, NOW))
        works += [functools.partial(one.write_now, addition), functools.partial(one.write_now, removal)]
        works += [join(one, team.id, f"{new_id()}@people.example")]

    outcomes = at_once(works)

    added = sum(one.added for one in outcomes if isinstance(one, SeatsAdded))
    assert added == 36
    assert len(seats_of(db, team.id)) == 10 + added - sum(one is None for one in outcomes)
    assert_counts_hold(db, team.id)
