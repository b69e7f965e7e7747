"""Seats reclaimed while somebody uses them, or somebody else runs: one of the two wins, and nothing is left between."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

from callfloor.access.tables import Role
from callfloor.devices.arrival import LoggedIn
from callfloor.devices.tokens import DeviceCaller, renew_token
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.usage.reclaim.undoing import SeatAlreadyRestored
from tests.devices.looking import assert_seats_are_held_by_devices, device_of, events_of, tokens_of
from tests.factories.agents import make_signed_in
from tests.factories.devices import log_in, machine, make_device_team, try_log_in
from tests.factories.reclaim import DAY, GRACE_DAYS, INACTIVE_DAYS, notices, restore, run, steps, switch_on
from tests.factories.teams import make_team
from tests.support.racing import at_once
from tests.teams.counting import assert_counts_hold, seats_of

START = clock.now()
NOTICE = START + (INACTIVE_DAYS + 1) * DAY
DUE = NOTICE + GRACE_DAYS * DAY


def running(db: Database, team_id: int, *, now: int = DUE) -> Callable[[], Any]:
    return lambda: steps(run(db, team_id, now=now))


def test_a_machine_that_logs_in_keeps_its_seat_or_takes_another(db: Database, second: Database) -> None:
    for _ in range(6):
        team = make_device_team(db, seats=1)
        switch_on(db, team.id, now=START)
        one = log_in(db, team, machine(1), now=START)
        run(db, team.id, now=NOTICE)

        done, back = at_once([running(db, team.id), lambda: try_log_in(second, team, machine(1), now=DUE)])  # noqa: B023  # called at once

        assert isinstance(back, LoggedIn)
        assert done in ([("reclaimed", "ws-1")], [("canceled", "ws-1")])
        was_freed = done == [("reclaimed", "ws-1")]
        assert events_of(db, team.id, "seat.freed") == ["seat.freed"] * was_freed
        assert events_of(db, team.id, "seat.assigned") == ["seat.assigned"] * (1 + was_freed)
        assert device_of(db, team.id, one.device_id).seat_id == back.seat_id
        assert notices(db, team.id) == []
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)


def test_a_machine_that_is_heard_of_keeps_its_seat_or_its_token_has_ended(db: Database, second: Database) -> None:
    for _ in range(6):
        team = make_device_team(db, seats=1)
        switch_on(db, team.id, now=START)
        one = log_in(db, team, machine(1), now=DUE - 20 * DAY)
        switch_on(db, team.id, now=START, inactive_days=10)
        run(db, team.id, now=DUE - 8 * DAY)
        known = device_of(db, team.id, one.device_id)
        ends = tokens_of(db, team.id, one.device_id)["ada"]
        caller = DeviceCaller(team.id, known.id, "ada", ends, known.hostname, known.seat_id, known.last_seen_at)
        renewal = functools.partial(renew_token, caller=caller, now=DUE)

        done, _ = at_once([running(db, team.id), functools.partial(second.write_now, renewal)])

        after = device_of(db, team.id, one.device_id)
        is_reclaimed = done == [("reclaimed", "ws-1")]
        assert is_reclaimed or done == [("canceled", "ws-1")]
        assert (after.seat_id is None) == is_reclaimed
        assert (tokens_of(db, team.id, one.device_id)["ada"] == 0) == is_reclaimed
        assert (after.last_seen_at == DUE) != is_reclaimed
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)


def test_two_runs_tell_and_reclaim_once(db: Database, second: Database) -> None:
    team = make_team(db, seats=3)
    switch_on(db, team.id, now=START)
    people = [make_signed_in(db, team) for _ in range(3)]

    told = at_once([running(one, team.id, now=NOTICE) for one in [db, second] * 3])
    done = at_once([running(one, team.id) for one in [db, second] * 3])

    assert sorted(itertools.chain.from_iterable(told)) == sorted(("noticed", one.email) for one in people)
    assert sorted(itertools.chain.from_iterable(done)) == sorted(("reclaimed", one.email) for one in people)
    assert events_of(db, team.id, "seat.reclaimed") == ["seat.reclaimed"] * 3
    assert_counts_hold(db, team.id)


def test_administrators_are_not_all_reclaimed(db: Database, second: Database) -> None:
    team = make_team(db, seats=3)
    switch_on(db, team.id, now=START, protected=())
    for _ in range(3):
        make_signed_in(db, team, role=Role.ADMIN)
    run(db, team.id, now=NOTICE)

    at_once([running(one, team.id) for one in [db, second] * 2])

    assert sorted(status for _, status, _ in seats_of(db, team.id)) == ["assigned", "unassigned", "unassigned"]


def test_one_seat_is_restored_once(db: Database, second: Database) -> None:
    team = make_team(db, seats=3)
    switch_on(db, team.id, now=START)
    make_signed_in(db, team)
    run(db, team.id, now=NOTICE)
    (row,) = run(db, team.id, now=DUE).rows

    outcomes = at_once([functools.partial(restore, one, team.id, row.case.id, now=DUE) for one in [db, second] * 4])

    assert sum(isinstance(one, SeatAlreadyRestored) for one in outcomes) == 7
    assert sum(not isinstance(one, DomainError) for one in outcomes) == 1
    assert sorted(status for _, status, _ in seats_of(db, team.id)) == ["assigned", "unassigned", "unassigned"]
    assert_counts_hold(db, team.id)
