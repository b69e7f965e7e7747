"""The law of the kept counts: after any changes they are what counting the rows gives, and every page is right."""

from __future__ import annotations

import asyncio
import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.errors import InvalidInput
from callfloor.teams.seat_counts import BUCKET_BITS, position
from callfloor.teams.seat_holding import SeatPerson, seat_person
from callfloor.teams.seats import (
    AddSeats,
    DeleteSeat,
    NoEmptySeat,
    SeatIsNotEmpty,
    SeatNotFound,
    add_seats,
    delete_seat,
)
from tests.factories.teams import make_team
from tests.teams.counting import BUCKET, assert_counts_hold, assert_page_holds, seats_of

NOW = 1_800_000_000_000
FILTERS: list[dict[str, str]] = [{}, {"status": "assigned"}, {"role": "user"}, {"status": "unassigned", "role": "user"}]
FILTERS += [{"role": "admin"}, {"status": "assigned", "role": "admin"}, {"status": "invited"}]

changes = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([1, 2, 30, 700, 1500])),
        st.tuples(st.just("delete"), st.integers(0, 5_000)),
        st.tuples(st.just("sit"), st.sampled_from([Role.ADMIN, Role.USER])),
    ),
    min_size=1,
    max_size=10,
)


class Changes:
    """Carries out changes of one team's seats, refusals included."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.team_id = make_team(db).id
        self._people = 0

    def add(self, count: int) -> None:
        self.db.write_now(functools.partial(add_seats, command=AddSeats(self.team_id, count, OPERATOR, NOW)))

    def delete(self, place: int) -> None:
        ids = [seat_id for seat_id, *_ in seats_of(self.db, self.team_id)] or [1]
        command = DeleteSeat(self.team_id, ids[place % len(ids)], OPERATOR, NOW)
        try:
            self.db.write_now(functools.partial(delete_seat, command=command))
        except (SeatNotFound, SeatIsNotEmpty):
            return

    def sit(self, role: Role) -> None:
        self._people += 1
        command = SeatPerson(self.team_id, self._people, role, OPERATOR, NOW)
        try:
            self.db.write_now(functools.partial(seat_person, command=command))
        except NoEmptySeat:
            return


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=changes, page=st.integers(1, 12), per_page=st.sampled_from([1, 7, 100]))
def test_after_any_changes(
    db: Database, runner: asyncio.Runner, steps: list[tuple[str, int | Role]], page: int, per_page: int
) -> None:
    team = Changes(db)

    for verb, argument in steps:
        getattr(team, verb)(argument)

    assert_counts_hold(db, team.team_id)
    for filters in FILTERS:
        assert_page_holds(db, runner, team.team_id, page=page, per_page=per_page, **filters)


def test_pages_far_beyond_the_first_bucket(db: Database, runner: asyncio.Runner) -> None:
    """Every page of a team whose seats are spread over many ids, some sat on, some deleted."""
    team, other = Changes(db), Changes(db)
    for _ in range(3):
        team.add(1000)
        other.add(500)
    for place in range(0, 120, 3):
        team.delete(place)
        team.sit(Role.ADMIN)

    assert_counts_hold(db, team.team_id)
    for filters in FILTERS:
        for page in (1, 2, 10, 11, 12, 20, 28, 29, 30):
            assert_page_holds(db, runner, team.team_id, page=page, per_page=100, **filters)


@given(st.lists(st.integers(0, 8 * BUCKET), min_size=1, max_size=60, unique=True))
def test_position_finds_each_row(ids: list[int]) -> None:
    ids.sort()
    buckets = [(bucket, sum(i // BUCKET == bucket for i in ids)) for bucket in sorted({i // BUCKET for i in ids})]

    for offset, wanted in enumerate(ids):
        bucket, step = position(buckets, offset)
        assert [i for i in ids if i >= bucket * BUCKET][step] == wanted
        assert step < BUCKET


def test_a_bucket_is_as_large_as_is_written_down() -> None:
    assert 1 << BUCKET_BITS == BUCKET


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_an_addition_out_of_range_changes_nothing(db: Database, count: int) -> None:
    team = Changes(db)

    with pytest.raises(InvalidInput):
        team.add(count)

    assert seats_of(db, team.team_id) == []
