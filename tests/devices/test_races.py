"""Log-ins and blocks of one team at the same moment: each seat is taken once, and who is blocked does not sit."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from callfloor.access.audit import OPERATOR
from callfloor.devices.arrival import LoggedIn
from callfloor.devices.blocking import BlockSeat, ChangeDevice, block_seat, unassign_device, unblock_device
from callfloor.devices.tokens import DeviceBlocked
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.teams.seats import DeleteSeat, NoEmptySeat, delete_seat
from tests.devices.looking import assert_seats_are_held_by_devices, device_of, every_device, tokens_of
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team, try_log_in
from tests.support.racing import at_once
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000


def coming(db: Database, team: DeviceTeam, number: int, *, now: int = NOW) -> Callable[[], Any]:
    """Return the work of logging the machine in."""
    return lambda: try_log_in(db, team, machine(number), now=now)


def test_the_free_seats_are_taken_once_each(db: Database, second: Database) -> None:
    team = make_device_team(db, seats=5)

    outcomes = at_once([coming(one, team, number) for number, one in enumerate([db, second] * 12)])

    seated = [one for one in outcomes if isinstance(one, LoggedIn)]
    assert len({one.seat_id for one in seated}) == len({one.device_id for one in seated}) == len(seated) == 5
    assert Counter(type(one) for one in outcomes) == {LoggedIn: 5, NoEmptySeat: 19}
    assert_counts_hold(db, team.id)
    assert_seats_are_held_by_devices(db, team.id)


def test_one_machine_takes_one_seat(db: Database, second: Database) -> None:
    team = make_device_team(db, seats=8)

    outcomes = at_once([coming(one, team, 1) for one in [db, second] * 6])

    assert len({(one.device_id, one.seat_id) for one in outcomes}) == len(every_device(db, team.id)) == 1
    assert_counts_hold(db, team.id)
    assert_seats_are_held_by_devices(db, team.id)


def test_a_log_in_while_the_device_is_blocked_seats_nobody(db: Database, second: Database) -> None:
    team = make_device_team(db, seats=2)
    for round_ in range(8):
        one = log_in(db, team, machine(1), now=NOW + round_)
        block = functools.partial(block_seat, command=BlockSeat(team.id, one.seat_id, OPERATOR, NOW + round_))

        *arrivals, blocked = at_once(
            [
                *[coming(each, team, 1, now=NOW + round_) for each in (db, second)] * 2,
                functools.partial(db.write_now, block),
            ]
        )

        assert blocked is None
        assert {type(each) for each in arrivals} <= {LoggedIn, DeviceBlocked}
        known = device_of(db, team.id, one.device_id)
        assert (known.state, known.seat_id) == ("blocked", None)
        assert set(tokens_of(db, team.id, one.device_id).values()) == {0}
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)
        change = ChangeDevice(team.id, one.device_id, OPERATOR, NOW + round_)
        db.write_now(functools.partial(unblock_device, command=change))


def test_a_seat_is_deleted_or_taken_never_both(db: Database, second: Database) -> None:
    for _ in range(5):
        team = make_device_team(db, seats=1)
        ((seat_id, *_),) = seats_of(db, team.id)
        removal = functools.partial(delete_seat, command=DeleteSeat(team.id, seat_id, OPERATOR, NOW))

        deleted, taken = at_once([functools.partial(db.write_now, removal), coming(second, team, 1)])

        assert isinstance(deleted, DomainError) == isinstance(taken, LoggedIn)
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)


def test_changes_of_all_kinds_leave_right_counts(db: Database, second: Database) -> None:
    team = make_device_team(db, seats=6)
    devices = [log_in(db, team, machine(number), now=NOW) for number in range(6)]
    works: list[Callable[[], Any]] = [coming(one, team, number + 3) for number, one in enumerate([db, second] * 6)]
    for one, each in zip([db, second] * 3, devices, strict=True):
        block = BlockSeat(team.id, each.seat_id, OPERATOR, NOW)
        change = ChangeDevice(team.id, each.device_id, OPERATOR, NOW)
        works += [functools.partial(one.write_now, functools.partial(block_seat, command=block))]
        works += [functools.partial(one.write_now, functools.partial(unassign_device, command=change))]

    at_once(works)

    assert_counts_hold(db, team.id)
    assert_seats_are_held_by_devices(db, team.id)
