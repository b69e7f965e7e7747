"""Log-in of a machine: its seat, its token, and every way to be refused."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.arrival import DeviceConflict, LoggedIn
from callfloor.devices.blocking import ChangeDevice, block_device, unassign_device, unblock_device
from callfloor.devices.names import NicknameDevice, nickname_device
from callfloor.devices.tokens import ACTIVE_FOR, TOKEN_LIFE, DeviceBlocked, DeviceCaller, log_out_device, renew_token
from callfloor.foundation.database import Database
from callfloor.teams.device_seats import TeamSecretInvalid
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.teams import rotate_device_secret
from tests.devices.looking import (
    assert_seats_are_held_by_devices,
    device_of,
    events_of,
    every_device,
    seats_with_names,
    tokens_of,
    trail_of,
)
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team, try_log_in
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000
DAY = 86_400_000


def caller_of(db: Database, team: DeviceTeam, seated: LoggedIn, *, username: str = "ada") -> DeviceCaller:
    """Return the caller that a token of the OS user stands for."""
    known, ends = device_of(db, team.id, seated.device_id), tokens_of(db, team.id, seated.device_id)
    return DeviceCaller(team.id, known.id, username, ends[username], known.hostname, known.seat_id, known.last_seen_at)


def change(team: DeviceTeam, device_id: int, *, now: int = NOW, reason: str | None = None) -> ChangeDevice:
    """Return the command of an administrator."""
    return ChangeDevice(team.id, device_id, OPERATOR, now, reason)


class TestSeat:
    def test_is_the_lowest_free_one_and_shows_the_machine(self, db: Database) -> None:
        team = make_device_team(db, seats=3)
        first, second, _ = seats_of(db, team.id)

        one = log_in(db, team, machine(1, hostname="WS-Straße"), now=NOW)
        two = log_in(db, team, machine(2), now=NOW)

        assert (one.seat_id, two.seat_id) == (first[0], second[0])
        assert seats_with_names(db, team.id)[0][1:] == ("assigned", "WS-Straße", "ws-strasse", None, None)
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)

    def test_is_the_same_when_the_machine_returns(self, db: Database) -> None:
        team = make_device_team(db, seats=2)
        first = log_in(db, team, machine(1), now=NOW)
        log_in(db, team, machine(2), now=NOW)

        again = log_in(db, team, machine(1, username="bob", os_version="12", app_version="2.0"), now=NOW + 1000)

        assert again == first
        known = device_of(db, team.id, first.device_id)
        assert (known.username, known.os_version, known.app_version) == ("bob", "12", "2.0")
        assert (known.enrolled_at, known.last_seen_at) == (NOW, NOW + 1000)
        trail = trail_of(db, team.id)
        assert len(trail) == 2
        assert set(trail) == {("device.enrolled", "device", str(one.id)) for one in every_device(db, team.id)}
        assert events_of(db, team.id) == ["device.enrolled", "device.enrolled", "device.logged_in"]

    def test_keeps_the_nickname_of_a_machine_that_comes_back(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        command = NicknameDevice(team.id, one.device_id, "Front Desk", OPERATOR, NOW, lambda known: None)
        db.write_now(lambda tx: nickname_device(tx, command))
        db.write_now(lambda tx: unassign_device(tx, change(team, one.device_id)))
        assert seats_with_names(db, team.id)[0][1:] == ("unassigned", None, None, None, None)

        log_in(db, team, machine(1), now=NOW)

        assert seats_with_names(db, team.id)[0][1:] == ("assigned", "ws-1", "ws-1", "Front Desk", "front desk")

    def test_is_refused_when_every_one_is_taken_and_nothing_stays(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        log_in(db, team, machine(1), now=NOW)

        with pytest.raises(NoEmptySeat):
            log_in(db, team, machine(2), now=NOW)

        assert [known.machine_id for known in every_device(db, team.id)] == ["machine-1"]
        log_in(db, team, machine(1), now=NOW + 1)
        assert_counts_hold(db, team.id)

    def test_stays_after_a_log_out(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        db.write_now(lambda tx: log_out_device(tx, caller_of(db, team, one), now=NOW + 1))

        assert tokens_of(db, team.id, one.device_id) == {}
        with pytest.raises(NoEmptySeat):
            log_in(db, team, machine(2), now=NOW + 2)
        assert log_in(db, team, machine(1), now=NOW + 3) == one


class TestSecret:
    def test_that_is_unknown(self, db: Database) -> None:
        team = make_device_team(db, seats=1)

        with pytest.raises(TeamSecretInvalid):
            log_in(db, dataclasses.replace(team, secret="another"), machine(1), now=NOW)

        assert every_device(db, team.id) == []

    def test_that_was_rotated(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        log_in(db, team, machine(1), now=NOW)
        db.write_now(
            lambda tx: rotate_device_secret(tx, team.id, b"x" * 24 + team.id.to_bytes(8), actor=OPERATOR, now=NOW)
        )

        with pytest.raises(TeamSecretInvalid):
            log_in(db, team, machine(1), now=NOW)


class TestBlocked:
    def test_machine_is_told_why(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        db.write_now(lambda tx: block_device(tx, change(team, one.device_id, reason="stolen")))

        with pytest.raises(DeviceBlocked, match="stolen"):
            log_in(db, team, machine(1, hostname="elsewhere"), now=NOW + 1)

        assert seats_with_names(db, team.id)[0][1] == "unassigned"
        assert set(tokens_of(db, team.id, one.device_id).values()) == {0}

    def test_machine_that_is_let_in_again_takes_a_free_seat(self, db: Database) -> None:
        team = make_device_team(db, seats=2)
        one = log_in(db, team, machine(1), now=NOW)
        db.write_now(lambda tx: block_device(tx, change(team, one.device_id)))
        two = log_in(db, team, machine(2), now=NOW)
        db.write_now(lambda tx: unblock_device(tx, change(team, one.device_id)))
        assert device_of(db, team.id, one.device_id).seat_id is None

        again = log_in(db, team, machine(1), now=NOW + 1)

        assert (again.device_id, two.seat_id) == (one.device_id, one.seat_id)
        assert again.seat_id != one.seat_id


class TestOneMachineIdOnTwoHosts:
    def test_at_once_is_a_conflict_that_administrators_see_once(self, db: Database) -> None:
        team = make_device_team(db, seats=2)
        one = log_in(db, team, machine(1), now=NOW)

        for later in (1, 2):
            refused = try_log_in(db, team, machine(1, hostname="clone"), now=NOW + later)
            assert isinstance(refused, DeviceConflict)

        known = device_of(db, team.id, one.device_id)
        assert (known.hostname, known.conflict_hostname, known.conflict_at) == ("ws-1", "clone", NOW + 2)
        assert events_of(db, team.id, "device.conflicted") == ["device.conflicted"]
        assert len(trail_of(db, team.id, "device.conflicted")) == 1

    @pytest.mark.parametrize("hostname", ["WS-1", "ws-1"])
    def test_is_none_in_another_case(self, db: Database, hostname: str) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        assert log_in(db, team, machine(1, hostname=hostname), now=NOW + 1) == one

    def test_one_after_the_other_is_normal_and_ends_the_first_ones_token(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        try_log_in(db, team, machine(1, hostname="clone"), now=NOW + ACTIVE_FOR - 1)

        two = log_in(db, team, machine(1, hostname="clone", username="bob"), now=NOW + ACTIVE_FOR)

        assert two == one
        assert tokens_of(db, team.id, one.device_id) == {"bob": NOW + ACTIVE_FOR + TOKEN_LIFE}
        assert seats_with_names(db, team.id)[0][2] == "clone"
        assert device_of(db, team.id, one.device_id).conflict_at is None
        assert events_of(db, team.id, "device.renamed") == ["device.renamed"]

    def test_after_a_log_out_is_normal(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        db.write_now(lambda tx: log_out_device(tx, caller_of(db, team, one), now=NOW + 1))

        assert log_in(db, team, machine(1, hostname="ws-9"), now=NOW + 2) == one

    def test_is_a_conflict_while_another_os_user_is_there(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        log_in(db, team, machine(1, username="bob"), now=NOW)
        db.write_now(lambda tx: log_out_device(tx, caller_of(db, team, one), now=NOW + 1))

        assert isinstance(try_log_in(db, team, machine(1, hostname="ws-9"), now=NOW + 2), DeviceConflict)

    def test_renewal_keeps_the_other_out(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        db.write_now(lambda tx: renew_token(tx, caller_of(db, team, one), now=NOW + ACTIVE_FOR - 1))

        assert isinstance(try_log_in(db, team, machine(1, hostname="c"), now=NOW + ACTIVE_FOR), DeviceConflict)


class TestToken:
    def test_of_several_os_users_live_side_by_side(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        log_in(db, team, machine(1, username="bob"), now=NOW + 1)
        log_in(db, team, machine(1, username="bob"), now=NOW + 2)

        assert tokens_of(db, team.id, one.device_id) == {"ada": NOW + TOKEN_LIFE, "bob": NOW + 2 + TOKEN_LIFE}

    def test_lives_thirty_days_from_its_last_use(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        db.write_now(lambda tx: renew_token(tx, caller_of(db, team, one), now=NOW + DAY))

        assert tokens_of(db, team.id, one.device_id) == {"ada": NOW + 31 * DAY}
        assert device_of(db, team.id, one.device_id).last_seen_at == NOW + DAY

    def test_that_ended_is_not_renewed(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        caller = caller_of(db, team, one)
        db.write_now(lambda tx: unassign_device(tx, change(team, one.device_id, now=NOW + 2)))

        for read_the_clock_at in (NOW + 1, NOW + 3):
            renewal = functools.partial(renew_token, caller=caller, now=read_the_clock_at)
            db.write_now(renewal)

        assert tokens_of(db, team.id, one.device_id) == {"ada": 0}
        assert device_of(db, team.id, one.device_id).last_seen_at == NOW

    def test_that_ended_is_forgotten_at_the_next_log_in(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        log_in(db, team, machine(1, username="bob"), now=NOW + TOKEN_LIFE)

        assert set(tokens_of(db, team.id, one.device_id)) == {"bob"}
