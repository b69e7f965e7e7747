"""Blocking, unblocking, unassigning, naming: what changes, what is left behind, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR, Actor
from callfloor.devices.blocking import (
    BlockEntryNotFound,
    BlockSeat,
    ChangeDevice,
    DeviceHasNoSeat,
    DeviceIsNotBlocked,
    UnblockEntry,
    block_device,
    block_seat,
    unassign_device,
    unblock_device,
    unblock_entry,
)
from callfloor.devices.enrolment import settle_conflict
from callfloor.devices.names import NicknameDevice, nickname_device
from callfloor.devices.queries import BlockPage, Device, DeviceFilter, DeviceNotFound, block_page, devices_after
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError, InvalidInput
from callfloor.teams.device_seats import NotPermittedToChangeSeatStatus, SeatIsEmpty
from callfloor.teams.seats import SeatNotFound
from tests.devices.looking import (
    assert_seats_are_held_by_devices,
    device_of,
    events_of,
    seats_with_names,
    tokens_of,
    trail_of,
)
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team, try_log_in
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000
KEY = Actor("portal_key", "7", "ops", "req", "10.0.0.1")


def block(db: Database, team: DeviceTeam, seat_id: int, *, now: int = NOW) -> None:
    """Block the device on the seat."""
    db.write_now(functools.partial(block_seat, command=BlockSeat(team.id, seat_id, KEY, now)))


def change(db: Database, verb: Callable[..., Any], team: DeviceTeam, device_id: int, reason: str | None = None) -> Any:
    """Run a verb of one device."""
    return db.write_now(functools.partial(verb, command=ChangeDevice(team.id, device_id, KEY, NOW, reason)))


def nickname(db: Database, team: DeviceTeam, device_id: int, name: str | None) -> Device:
    """Name the device."""
    command = NicknameDevice(team.id, device_id, name, KEY, NOW, lambda known: None)
    return db.write_now(functools.partial(nickname_device, command=command))


def blocked(db: Database, team: DeviceTeam, name: str | None = None, *, skip: int = 0, take: int = 20) -> BlockPage:
    """Return a page of the block list."""
    return db.read_now(lambda tx: block_page(tx, team.id, name, skip=skip, take=take))


def found(db: Database, team: DeviceTeam, which: DeviceFilter, *, after: int = 0, take: int = 50) -> list[str]:
    """Return the hostnames of a page of devices."""
    return [one.hostname for one in db.read_now(lambda tx: devices_after(tx, team.id, which, after=after, take=take))]


class TestBlock:
    def test_frees_the_seat_ends_the_token_and_enters_the_list(self, db: Database) -> None:
        team = make_device_team(db, seats=2)
        one = log_in(db, team, machine(1, username="bob"), now=NOW)

        block(db, team, one.seat_id, now=NOW + 5)

        known = device_of(db, team.id, one.device_id)
        assert (known.state, known.seat_id) == ("blocked", None)
        assert known.block is not None
        assert blocked(db, team) == BlockPage([(known.block.id, "ws-1", None, "bob", NOW + 5, "ops")], 1)
        assert tokens_of(db, team.id, one.device_id) == {"bob": 0}
        assert [status for _, status, _ in seats_of(db, team.id)] == ["unassigned"] * 2
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)

    def test_leaves_audit_entries_and_events(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        block(db, team, one.seat_id)

        device, seat = str(one.device_id), str(one.seat_id)
        assert trail_of(db, team.id, "device.blocked") == [("device.blocked", "portal_key", device)]
        assert trail_of(db, team.id, "seat.%ed") == [
            ("seat.added", "operator", seat),
            ("seat.assigned", "device", seat),
            ("seat.freed", "portal_key", seat),
        ]
        assert events_of(db, team.id, "%.blocked") == ["device.blocked"]
        assert events_of(db, team.id, "seat.freed") == ["seat.freed"]

    def test_of_a_device_without_a_seat(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        change(db, unassign_device, team, one.device_id)

        known = change(db, block_device, team, one.device_id, "lost")

        assert (known.state, known.block.reason) == ("blocked", "lost")

    def test_of_a_blocked_device_changes_nothing(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        first = change(db, block_device, team, one.device_id, "lost")

        assert change(db, block_device, team, one.device_id, "stolen") == first
        assert len(trail_of(db, team.id, "device.blocked")) == 1

    @pytest.mark.parametrize("reason", ["", "x" * 256, "a\nb"])
    def test_with_a_reason_that_is_none(self, db: Database, reason: str) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        with pytest.raises(InvalidInput):
            change(db, block_device, team, one.device_id, reason)

        assert device_of(db, team.id, one.device_id).state == "seated"


class TestRefused:
    def test_of_an_empty_or_unknown_seat(self, db: Database) -> None:
        team, other = make_device_team(db, seats=1), make_device_team(db, seats=1)
        theirs = log_in(db, other, machine(1), now=NOW)

        with pytest.raises(SeatIsEmpty):
            block(db, team, seats_of(db, team.id)[0][0])
        for seat_id in (theirs.seat_id, 2**63 - 1):
            with pytest.raises(SeatNotFound):
                block(db, team, seat_id)

        assert device_of(db, other.id, theirs.device_id).state == "seated"

    def test_of_an_email_team(self, db: Database) -> None:
        email = make_team(db, seats=1)
        make_person(db, email)
        team = DeviceTeam(email, "", b"")

        for seat_id in (seats_of(db, email.id)[0][0], 2**63 - 1):
            with pytest.raises(NotPermittedToChangeSeatStatus):
                block(db, team, seat_id)
        for verb in (block_device, unblock_device, unassign_device):
            with pytest.raises(NotPermittedToChangeSeatStatus):
                change(db, verb, team, 1)
        with pytest.raises(NotPermittedToChangeSeatStatus):
            db.write_now(lambda tx: unblock_entry(tx, UnblockEntry(email.id, 1, KEY, NOW)))

    @pytest.mark.parametrize("verb", [block_device, unblock_device, unassign_device])
    def test_of_another_teams_device(self, db: Database, verb: Callable[..., Any]) -> None:
        team, other = make_device_team(db), make_device_team(db, seats=1)
        theirs = log_in(db, other, machine(1), now=NOW)

        with pytest.raises(DeviceNotFound):
            change(db, verb, team, theirs.device_id)

    def test_of_a_state_that_is_not(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        with pytest.raises(DeviceIsNotBlocked):
            change(db, unblock_device, team, one.device_id)
        change(db, unassign_device, team, one.device_id)
        with pytest.raises(DeviceHasNoSeat):
            change(db, unassign_device, team, one.device_id)

    def test_unblock_of_an_unknown_entry(self, db: Database) -> None:
        team, other = make_device_team(db), make_device_team(db, seats=1)
        theirs = log_in(db, other, machine(1), now=NOW)
        block(db, other, theirs.seat_id)
        entry = blocked(db, other).rows[0][0]

        for entry_id in (entry, theirs.seat_id, 2**63 - 1):
            with pytest.raises(BlockEntryNotFound):
                db.write_now(functools.partial(unblock_entry, command=UnblockEntry(team.id, entry_id, KEY, NOW)))

        assert blocked(db, other).total == 1


class TestUnblock:
    def test_takes_the_entry_off_and_seats_nobody(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        block(db, team, one.seat_id)
        entry = blocked(db, team).rows[0][0]

        db.write_now(lambda tx: unblock_entry(tx, UnblockEntry(team.id, entry, KEY, NOW)))

        assert blocked(db, team) == BlockPage([], 0)
        assert device_of(db, team.id, one.device_id).state == "unseated"
        assert trail_of(db, team.id, "device.unblocked")[0][1] == "portal_key"
        assert events_of(db, team.id, "device.unblocked") == ["device.unblocked"]
        with pytest.raises(BlockEntryNotFound):
            db.write_now(lambda tx: unblock_entry(tx, UnblockEntry(team.id, entry, KEY, NOW)))
        assert tokens_of(db, team.id, one.device_id) == {"ada": 0}


class TestBlockList:
    def test_is_searched_by_any_part_of_either_name_in_any_case(self, db: Database) -> None:
        team = make_device_team(db, seats=4)
        for name in ("WS-Straße", "100%_load", "plain"):
            one = log_in(db, team, machine(name, hostname=name), now=NOW)
            if name == "plain":
                nickname(db, team, one.device_id, "Front Desk")
            block(db, team, one.seat_id)

        def names(needle: str | None) -> list[str]:
            return [row[1] for row in blocked(db, team, needle).rows]

        assert names(None) == ["WS-Straße", "100%_load", "plain"]
        assert names("STRASSE") == names("straße") == ["WS-Straße"]
        assert names("%_") == ["100%_load"]
        assert names("front desk") == ["plain"]
        assert names("_") == ["100%_load"]
        assert names("machine") == []

    def test_is_paged_by_id(self, db: Database) -> None:
        team = make_device_team(db, seats=5)
        for number in range(5):
            block(db, team, log_in(db, team, machine(number), now=NOW).seat_id)

        pages = [blocked(db, team, "ws", skip=skip, take=2) for skip in (0, 2, 4, 6)]

        assert [[row[1] for row in page.rows] for page in pages] == [["ws-0", "ws-1"], ["ws-2", "ws-3"], ["ws-4"], []]
        assert {page.total for page in pages} == {5}


class TestNickname:
    def test_is_shown_on_the_seat_and_in_the_block_list(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        assert nickname(db, team, one.device_id, "Front Desk").nickname == "Front Desk"
        assert seats_with_names(db, team.id)[0][4:] == ("Front Desk", "front desk")
        block(db, team, one.seat_id)
        nickname(db, team, one.device_id, "Back Desk")
        assert blocked(db, team, "back").rows[0][2] == "Back Desk"
        assert nickname(db, team, one.device_id, None).nickname is None
        assert blocked(db, team).rows[0][2] is None
        assert len(trail_of(db, team.id, "device.nicknamed")) == len(events_of(db, team.id, "device.nicknamed")) == 3

    @pytest.mark.parametrize("name", ["", "x" * 256, "a\0b"])
    def test_that_is_none(self, db: Database, name: str) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        with pytest.raises(InvalidInput):
            nickname(db, team, one.device_id, name)

    def test_is_not_given_when_the_check_refuses(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)

        def refuse(known: Device) -> None:
            raise DomainError(known.hostname)

        with pytest.raises(DomainError, match="ws-1"):
            db.write_now(lambda tx: nickname_device(tx, NicknameDevice(team.id, one.device_id, "x", KEY, NOW, refuse)))
        assert device_of(db, team.id, one.device_id).nickname is None


class TestListOfDevices:
    def test_is_filtered_and_goes_on_after_an_id(self, db: Database) -> None:
        team = make_device_team(db, seats=4)
        devices = [log_in(db, team, machine(number, hostname=f"PC_{number}"), now=NOW) for number in range(4)]
        nickname(db, team, devices[0].device_id, "Desk")
        block(db, team, devices[1].seat_id)
        change(db, unassign_device, team, devices[2].device_id)
        try_log_in(db, team, machine(3, hostname="clone"), now=NOW + 1)

        assert found(db, team, DeviceFilter()) == ["PC_0", "PC_1", "PC_2", "PC_3"]
        assert found(db, team, DeviceFilter(), after=devices[0].device_id, take=2) == ["PC_1", "PC_2"]
        assert found(db, team, DeviceFilter(hostname="c_1")) == ["PC_1"]
        assert found(db, team, DeviceFilter(nickname="DES")) == ["PC_0"]
        assert found(db, team, DeviceFilter(state="blocked")) == ["PC_1"]
        assert found(db, team, DeviceFilter(state="unseated")) == ["PC_2"]
        assert found(db, team, DeviceFilter(state="seated", hostname="pc")) == ["PC_0", "PC_3"]
        assert found(db, team, DeviceFilter(state="conflict")) == ["PC_3"]

    def test_shows_a_conflict_until_it_is_settled(self, db: Database) -> None:
        team = make_device_team(db, seats=1)
        one = log_in(db, team, machine(1), now=NOW)
        try_log_in(db, team, machine(1, hostname="clone"), now=NOW + 1)

        for _ in range(2):
            db.write_now(lambda tx: settle_conflict(tx, team.id, one.device_id, actor=OPERATOR, now=NOW))

        assert device_of(db, team.id, one.device_id).conflict_at is None
        assert len(trail_of(db, team.id, "device.settled")) == 1
