"""Seats that nobody uses over weeks: noticed, used again, reclaimed, given back."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import pytest

from callfloor.access.accounts import AlreadyMember, NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.memberships import AdministratorNeeded
from callfloor.access.tables import Role
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.devices.reseating import DeviceHasSeat
from callfloor.devices.tokens import DeviceBlocked
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.errors import InvalidInput
from callfloor.teams.people import ChangeRole, add_person, change_role
from callfloor.teams.seat_use import mark_people_used
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.teams import Team
from callfloor.usage.reclaim.cases import ReclaimedSeatNotFound
from callfloor.usage.reclaim.policy import Policy, policy_of_team
from callfloor.usage.reclaim.runs import SeatReclaimIsOff
from callfloor.usage.reclaim.undoing import SeatAlreadyRestored, SeatNotReclaimed
from callfloor.usage.records import FinishedCall, record_calls
from tests.devices.looking import assert_seats_are_held_by_devices, device_of, events_of, tokens_of, trail_of
from tests.factories.agents import Person, make_signed_in, session_of, sign_in_agent
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.factories.invitations import invitation_of, invite
from tests.factories.reclaim import (
    DAY,
    GRACE_DAYS,
    INACTIVE_DAYS,
    notices,
    restore,
    run,
    set_to,
    steps,
    switch_on,
    try_run,
)
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

START = clock.now()


def on_day(days: float) -> int:
    """Return the instant so many days after the people joined."""
    return START + int(days * DAY)


NOTICE_DAY = INACTIVE_DAYS + 1
DUE_DAY = NOTICE_DAY + GRACE_DAYS


@pytest.fixture
def team(db: Database) -> Team:
    """An email team that reclaims seats, with free seats."""
    made = make_team(db, seats=4)
    switch_on(db, made.id, now=START)
    return made


@pytest.fixture
def ada(db: Database, team: Team) -> Person:
    """Somebody who signed in on the first day, and never again."""
    return make_signed_in(db, team)


@pytest.fixture
def floor(db: Database) -> DeviceTeam:
    """A device team that reclaims seats."""
    made = make_device_team(db, seats=2)
    switch_on(db, made.id, now=START)
    return made


def statuses(db: Database, team_id: int) -> list[str]:
    return sorted(status for _, status, _ in seats_of(db, team_id))


def reclaimed(db: Database, team_id: int) -> int:
    """Let both days pass; return the id of the one seat that was reclaimed."""
    run(db, team_id, now=on_day(NOTICE_DAY))
    (row,) = run(db, team_id, now=on_day(DUE_DAY)).rows
    assert row.step == "reclaimed"
    return row.case.id


class TestPerson:
    def test_is_told_then_leaves(self, db: Database, team: Team, ada: Person) -> None:
        days = [INACTIVE_DAYS - 1, NOTICE_DAY, DUE_DAY - 1, DUE_DAY, DUE_DAY + 1]

        done = [steps(run(db, team.id, now=on_day(day))) for day in days]

        assert done == [[], [("noticed", ada.email)], [], [("reclaimed", ada.email)], []]
        assert statuses(db, team.id) == ["unassigned"] * 4
        assert_counts_hold(db, team.id)
        assert events_of(db, team.id, "seat.re%") == ["seat.reclaim_noticed", "seat.reclaimed"]
        actions = [action for action, *_ in trail_of(db, team.id, "%")]
        assert {"seat.reclaim_noticed", "seat.reclaimed", "membership.ended", "seat.freed"} <= set(actions)

    @pytest.mark.parametrize(
        "use",
        [
            lambda db, ada, now: session_of(db, ada.team, ada.account_id, now=now),
            lambda db, ada, now: db.write_now(
                lambda tx: mark_people_used(tx, ada.team.id, [ada.account_id], unless_after=now, now=now)
            ),
            lambda db, ada, now: sign_in_agent(db, ada, now=now),
        ],
        ids=["sign-in", "heartbeat", "agent"],
    )
    @pytest.mark.parametrize("day", [NOTICE_DAY - 2, NOTICE_DAY + 2])
    def test_who_uses_the_seat_keeps_it(
        self, db: Database, team: Team, ada: Person, use: Callable[[Database, Person, int], object], day: int
    ) -> None:
        if day > NOTICE_DAY:
            assert steps(run(db, team.id, now=on_day(NOTICE_DAY))) == [("noticed", ada.email)]

        use(db, ada, on_day(day))
        done = [steps(run(db, team.id, now=on_day(at))) for at in (NOTICE_DAY + 3, DUE_DAY)]

        assert done == [[("canceled", ada.email)] if day > NOTICE_DAY else [], []]
        assert statuses(db, team.id) == ["assigned", *["unassigned"] * 3]
        assert steps(run(db, team.id, now=on_day(day + NOTICE_DAY))) == [("noticed", ada.email)]

    def test_whose_calls_came_late_keeps_the_seat(self, db: Database, team: Team, ada: Person) -> None:
        device_id = sign_in_agent(db, ada, now=START).device_id
        call = FinishedCall(
            device_id=device_id,
            username="ada",
            account_id=ada.account_id,
            call_id="0b6e2f0e-7d7c-4a35-9d43-6a9d6f2b3f10",
            revision=1,
            app_name="Phone",
            language=None,
            started_at=on_day(10),
            ended_at=on_day(10) + 1000,
            mic_seconds=1,
            speaker_seconds=1,
        )
        db.write_now(lambda tx: record_calls(tx, team.id, [call], now=on_day(11)))

        assert steps(run(db, team.id, now=on_day(NOTICE_DAY))) == []
        assert steps(run(db, team.id, now=on_day(10 + NOTICE_DAY))) == [("noticed", ada.email)]

    def test_who_never_came_has_the_days_from_the_first(self, db: Database, team: Team) -> None:
        make_person(db, team, email="never@people.example")

        assert steps(run(db, team.id, now=on_day(INACTIVE_DAYS - 1))) == []
        assert steps(run(db, team.id, now=on_day(NOTICE_DAY))) == [("noticed", "never@people.example")]

    def test_agents_lose_their_tokens_with_the_seat(self, db: Database, team: Team, ada: Person) -> None:
        device_id = sign_in_agent(db, ada, now=START).device_id

        reclaimed(db, team.id)

        assert device_of(db, team.id, device_id).state == "unseated"

    def test_with_a_protected_role_stays(self, db: Database, team: Team) -> None:
        make_signed_in(db, team, role=Role.ADMIN)

        assert run(db, team.id, now=on_day(NOTICE_DAY)).rows == ()

    def test_who_gets_a_protected_role_meanwhile_stays(self, db: Database, team: Team, ada: Person) -> None:
        run(db, team.id, now=on_day(NOTICE_DAY))
        promotion = ChangeRole(team.id, ada.account_id, Role.ADMIN, OPERATOR, on_day(NOTICE_DAY))
        db.write_now(functools.partial(change_role, command=promotion))

        (row,) = run(db, team.id, now=on_day(DUE_DAY)).rows

        assert (row.step, row.code) == ("canceled", "protected")

    def test_the_last_administrator_stays_without_a_notice(self, db: Database, team: Team) -> None:
        switch_on(db, team.id, now=START, protected=())
        make_signed_in(db, team, role=Role.ADMIN)

        (row,) = run(db, team.id, now=on_day(NOTICE_DAY)).rows

        assert (row.step, row.code, notices(db, team.id)) == ("refused", "last_administrator", [])

    def test_of_two_administrators_the_last_stays(self, db: Database, team: Team) -> None:
        switch_on(db, team.id, now=START, protected=())
        for _ in range(2):
            make_signed_in(db, team, role=Role.ADMIN)

        told = [row.step for row in run(db, team.id, now=on_day(NOTICE_DAY)).rows]
        done = [(row.step, row.code) for row in run(db, team.id, now=on_day(DUE_DAY)).rows]

        assert told == ["noticed", "noticed"]
        assert done == [("reclaimed", None), ("refused", "last_administrator")]
        assert statuses(db, team.id) == ["assigned", *["unassigned"] * 3]

    def test_who_is_only_invited_is_never_noticed(self, db: Database, team: Team) -> None:
        invite(db, invitation_of(team, now=START, days=365))

        assert run(db, team.id, now=on_day(NOTICE_DAY)).rows == ()
        assert statuses(db, team.id) == ["invited", *["unassigned"] * 3]

    def test_of_another_team_is_left_alone(self, db: Database, team: Team, ada: Person) -> None:
        stranger = make_signed_in(db, make_team(db, seats=1))

        run(db, team.id, now=on_day(NOTICE_DAY))

        assert steps(run(db, team.id, now=on_day(DUE_DAY))) == [("reclaimed", ada.email)]
        assert statuses(db, stranger.team.id) == ["assigned"]


class TestMachine:
    def test_is_noticed_then_off_its_seat(self, db: Database, floor: DeviceTeam) -> None:
        one = log_in(db, floor, machine(1), now=START)
        log_in(db, floor, machine(2), now=on_day(NOTICE_DAY))

        done = [steps(run(db, floor.id, now=on_day(day))) for day in (NOTICE_DAY, DUE_DAY)]

        assert done == [[("noticed", "ws-1")], [("reclaimed", "ws-1")]]
        assert (device_of(db, floor.id, one.device_id).state, tokens_of(db, floor.id, one.device_id)) == (
            "unseated",
            {"ada": 0},
        )
        assert_counts_hold(db, floor.id)
        assert_seats_are_held_by_devices(db, floor.id)

    def test_that_logs_in_keeps_its_seat(self, db: Database, floor: DeviceTeam) -> None:
        one = log_in(db, floor, machine(1), now=START)
        run(db, floor.id, now=on_day(NOTICE_DAY))

        again = log_in(db, floor, machine(1), now=on_day(NOTICE_DAY + 1))

        assert again == one
        assert steps(run(db, floor.id, now=on_day(DUE_DAY))) == [("canceled", "ws-1")]

    def test_whose_seat_another_has_meanwhile_is_let_alone(self, db: Database, floor: DeviceTeam) -> None:
        one = log_in(db, floor, machine(1), now=START)
        run(db, floor.id, now=on_day(NOTICE_DAY))
        block = ChangeDevice(floor.id, one.device_id, OPERATOR, on_day(NOTICE_DAY))
        db.write_now(functools.partial(block_device, command=block))
        other = log_in(db, floor, machine(2), now=on_day(NOTICE_DAY))

        (row,) = run(db, floor.id, now=on_day(DUE_DAY)).rows

        assert other.seat_id == one.seat_id
        assert (row.step, row.code) == ("canceled", "holder_left")
        assert device_of(db, floor.id, other.device_id).state == "seated"


class TestUndoing:
    def test_brings_a_person_back(self, db: Database, team: Team, ada: Person) -> None:
        case_id = reclaimed(db, team.id)

        case = restore(db, team.id, case_id, now=on_day(DUE_DAY + 1))

        assert (case.state, case.restored_seat_id) == ("restored", ada.seat_id)
        assert statuses(db, team.id) == ["assigned", *["unassigned"] * 3]
        assert events_of(db, team.id, "seat.restored") == ["seat.restored"]
        assert steps(run(db, team.id, now=on_day(DUE_DAY + 2))) == []
        assert_counts_hold(db, team.id)
        with pytest.raises(SeatAlreadyRestored):
            restore(db, team.id, case_id, now=on_day(DUE_DAY + 1))

    def test_keeps_a_seat_for_a_machine(self, db: Database, floor: DeviceTeam) -> None:
        one = log_in(db, floor, machine(1), now=START)
        case_id = reclaimed(db, floor.id)

        case = restore(db, floor.id, case_id, now=on_day(DUE_DAY + 1))
        back = log_in(db, floor, machine(1), now=on_day(DUE_DAY + 2))

        assert back.device_id == one.device_id
        assert back.seat_id == case.restored_seat_id
        assert_counts_hold(db, floor.id)
        assert_seats_are_held_by_devices(db, floor.id)

    def test_needs_a_free_seat(self, db: Database, team: Team, ada: Person) -> None:
        case_id = reclaimed(db, team.id)
        for _ in range(4):
            make_person(db, team)

        with pytest.raises(NoEmptySeat):
            restore(db, team.id, case_id, now=on_day(DUE_DAY + 1))

    def test_says_that_the_person_is_back_already(self, db: Database, team: Team, ada: Person) -> None:
        case_id = reclaimed(db, team.id)
        db.write_now(lambda tx: add_person(tx, NewMember(team.id, ada.email, Role.USER, on_day(DUE_DAY)), OPERATOR))

        with pytest.raises(AlreadyMember):
            restore(db, team.id, case_id, now=on_day(DUE_DAY + 1))

    def test_says_that_the_machine_is_back_or_shut_out(self, db: Database, floor: DeviceTeam) -> None:
        one = log_in(db, floor, machine(1), now=START)
        case_id = reclaimed(db, floor.id)
        log_in(db, floor, machine(1), now=on_day(DUE_DAY))

        with pytest.raises(DeviceHasSeat):
            restore(db, floor.id, case_id, now=on_day(DUE_DAY + 1))
        block = ChangeDevice(floor.id, one.device_id, OPERATOR, on_day(DUE_DAY))
        db.write_now(functools.partial(block_device, command=block))
        with pytest.raises(DeviceBlocked):
            restore(db, floor.id, case_id, now=on_day(DUE_DAY + 1))

    def test_of_an_administrator_is_for_administrators(self, db: Database, team: Team, ada: Person) -> None:
        switch_on(db, team.id, now=START, protected=(Role.USER,))
        for _ in range(2):
            make_signed_in(db, team, role=Role.ADMIN)
        run(db, team.id, now=on_day(NOTICE_DAY))
        (row, _) = run(db, team.id, now=on_day(DUE_DAY)).rows

        with pytest.raises(AdministratorNeeded):
            restore(db, team.id, row.case.id, now=on_day(DUE_DAY), acting=ada.account_id)
        assert restore(db, team.id, row.case.id, now=on_day(DUE_DAY)).holder.role is Role.ADMIN

    def test_is_for_seats_that_were_reclaimed(self, db: Database, team: Team, ada: Person) -> None:
        run(db, team.id, now=on_day(NOTICE_DAY))
        (case,) = notices(db, team.id)

        with pytest.raises(SeatNotReclaimed):
            restore(db, team.id, case.id, now=on_day(NOTICE_DAY))
        with pytest.raises(ReclaimedSeatNotFound):
            restore(db, make_team(db).id, case.id, now=on_day(NOTICE_DAY))


class TestDryRun:
    def test_tells_what_a_run_then_does(self, db: Database, team: Team, ada: Person) -> None:
        make_signed_in(db, team)
        for day in (NOTICE_DAY, DUE_DAY):
            before = (seats_of(db, team.id), events_of(db, team.id, "%"), trail_of(db, team.id, "%"))

            tried = try_run(db, team.id, now=on_day(day))
            after = (seats_of(db, team.id), events_of(db, team.id, "%"), trail_of(db, team.id, "%"))
            done = run(db, team.id, now=on_day(day))

            assert before == after
            assert steps(tried) == steps(done)
            assert (tried.free_seats_before, tried.free_seats_after) == (done.free_seats_before, done.free_seats_after)
        assert (done.free_seats_before, done.free_seats_after) == (2, 4)

    def test_is_there_before_it_is_switched_on(self, db: Database) -> None:
        made = make_team(db, seats=1)
        bob = make_signed_in(db, made)

        assert steps(try_run(db, made.id, now=on_day(61))) == [("noticed", bob.email)]
        with pytest.raises(SeatReclaimIsOff):
            run(db, made.id, now=on_day(61))


class TestPolicy:
    def test_switched_off_takes_its_notices_back(self, db: Database, team: Team, ada: Person) -> None:
        run(db, team.id, now=on_day(NOTICE_DAY))
        known = db.read_now(lambda tx: policy_of_team(tx, team.id))

        set_to(db, team.id, dataclasses.replace(known, is_on=False), now=on_day(NOTICE_DAY))
        switch_on(db, team.id, now=on_day(NOTICE_DAY))

        assert notices(db, team.id) == []
        assert steps(run(db, team.id, now=on_day(DUE_DAY))) == [("noticed", ada.email)]

    def test_with_more_days_takes_its_notices_back(self, db: Database, team: Team, ada: Person) -> None:
        run(db, team.id, now=on_day(NOTICE_DAY))

        switch_on(db, team.id, now=on_day(NOTICE_DAY), inactive_days=90)

        assert steps(run(db, team.id, now=on_day(DUE_DAY))) == [("canceled", ada.email)]

    @pytest.mark.parametrize(
        ("field", "value"),
        [("inactive_days", 0), ("inactive_days", 3651), ("grace_days", -1), ("grace_days", 91), ("hour", 24)],
    )
    def test_out_of_range_is_refused(self, db: Database, team: Team, field: str, value: int) -> None:
        known = db.read_now(lambda tx: policy_of_team(tx, team.id))

        with pytest.raises(InvalidInput, match=field):
            set_to(db, team.id, dataclasses.replace(known, **{field: value}), now=START)  # type: ignore[arg-type]  # whole numbers all

    def test_of_machines_tells_administrators(self, db: Database, floor: DeviceTeam) -> None:
        known: Policy = db.read_now(lambda tx: policy_of_team(tx, floor.id))

        assert (known.tells_person, known.tells_administrators) == (False, True)
        with pytest.raises(InvalidInput, match="tells_person"):
            set_to(db, floor.id, dataclasses.replace(known, tells_person=True), now=START)


def test_a_run_changes_so_many_and_says_that_there_are_more(db: Database) -> None:
    made = make_team(db, seats=5)
    switch_on(db, made.id, now=START)
    for _ in range(5):
        make_signed_in(db, made)

    told = [run(db, made.id, now=on_day(NOTICE_DAY), at_most=2) for _ in range(3)]
    done = [run(db, made.id, now=on_day(DUE_DAY), at_most=3) for _ in range(2)]

    assert [(len(one.rows), one.has_more) for one in told] == [(2, True), (2, True), (1, False)]
    assert [(len(one.rows), one.has_more) for one in done] == [(3, True), (2, False)]
    assert statuses(db, made.id) == ["unassigned"] * 5
