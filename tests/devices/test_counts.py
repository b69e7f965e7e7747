"""The law of a device team: after any changes the kept counts are the rows, and no machine sits twice."""

from __future__ import annotations

import functools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import (
    BlockSeat,
    ChangeDevice,
    UnblockEntry,
    block_device,
    block_seat,
    unassign_device,
    unblock_entry,
)
from callfloor.devices.queries import block_page
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.teams.seats import AddSeats, DeleteSeat, add_seats, delete_seat
from tests.devices.looking import assert_seats_are_held_by_devices, every_device
from tests.factories.devices import machine, make_device_team, try_log_in
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "log_in", "log_in", "log_in", "clone", "block", "block_device", "unblock", "stand_up"])
        | st.just("delete"),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=25,
)


class Floor:
    """Carries out changes of one device team, refusals included; each step is a minute after the last."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.team = make_device_team(db, seats=2)
        self.now = NOW

    def run(self, step: str, place: int) -> None:
        self.now += 60_000
        try:
            getattr(self, step)(place)
        except DomainError:
            return

    def add(self, place: int) -> None:
        self.db.write_now(functools.partial(add_seats, command=AddSeats(self.team.id, 1, OPERATOR, self.now)))

    def delete(self, place: int) -> None:
        command = DeleteSeat(self.team.id, self._seat(place), OPERATOR, self.now)
        self.db.write_now(functools.partial(delete_seat, command=command))

    def log_in(self, place: int) -> None:
        try_log_in(self.db, self.team, machine(place), now=self.now)

    def clone(self, place: int) -> None:
        try_log_in(self.db, self.team, machine(place, hostname=f"clone-{place}"), now=self.now)

    def block(self, place: int) -> None:
        command = BlockSeat(self.team.id, self._seat(place), OPERATOR, self.now)
        self.db.write_now(functools.partial(block_seat, command=command))

    def block_device(self, place: int) -> None:
        self.db.write_now(functools.partial(block_device, command=self._change(place)))

    def stand_up(self, place: int) -> None:
        self.db.write_now(functools.partial(unassign_device, command=self._change(place)))

    def unblock(self, place: int) -> None:
        page = self.db.read_now(lambda tx: block_page(tx, self.team.id, None, skip=0, take=100))
        entry_id = page.rows[place % len(page.rows)][0] if page.rows else 1
        command = UnblockEntry(self.team.id, entry_id, OPERATOR, self.now)
        self.db.write_now(functools.partial(unblock_entry, command=command))

    def _seat(self, place: int) -> int:
        seats = seats_of(self.db, self.team.id)
        return seats[place % len(seats)][0] if seats else 1

    def _change(self, place: int) -> ChangeDevice:
        devices = every_device(self.db, self.team.id)
        number = devices[place % len(devices)].id if devices else 1
        return ChangeDevice(self.team.id, number, OPERATOR, self.now)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=steps)
def test_after_any_changes(db: Database, changes: list[tuple[str, int]]) -> None:
    floor = Floor(db)

    for step, place in changes:
        floor.run(step, place)

    assert_counts_hold(db, floor.team.id)
    assert_seats_are_held_by_devices(db, floor.team.id)
