"""Leases that run out, states that settle, and changes of devices that watchers must see."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.devices.leases import lock_devices, renew_leases
from callfloor.devices.tokens import DeviceCaller, log_out_device
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.outbox import OUTBOX, Event, Follower, NumberedEvent
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.live.presence import apply_reports, heard
from callfloor.live.queries import changes_after
from callfloor.live.sweeping import SEEN_KINDS, is_sweep_due, prepare_sweep, see_device, sweep
from tests.factories.devices import log_in, machine
from tests.live.looking import (
    LEASE,
    NOW,
    SETTLE,
    floor_of,
    presence_of,
    receive,
    report,
    seq_of,
    states,
    swept,
    told_of,
    transitions_of,
)
from tests.support.racing import wait_until_somebody_waits


def follow(db: Database) -> None:
    """Let live see every event published so far, of all teams."""
    db.write_now(partial(prepare, what=OUTBOX))
    number_waiting(db, OUTBOX)
    Follower("live", SEEN_KINDS, see_device).follow(db)


class TestLease:
    def test_that_runs_out_shows_offline_even_if_nobody_sweeps(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "in_call")], now=1000)

        assert states(db, team.id, 1000 + LEASE - 1) == [("in_call", 1000)]
        assert states(db, team.id, 1000 + LEASE) == [("offline", 1000 + LEASE)]

    def test_that_runs_out_is_a_transition_at_its_end_and_a_number(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        seq = seq_of(db, team.id)

        swept(db, 200_000)
        swept(db, 201_000)

        assert transitions_of(db, team.id)[1:] == [(one, 1000 + LEASE, "lease", "offline", None, "lease")]
        assert seq_of(db, team.id) == seq + 1
        assert states(db, team.id, 201_000) == [("offline", 1000 + LEASE)]

    def test_that_a_report_did_not_renew_does_not_keep_the_sweeper_busy(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        late = NOW + LEASE + 5000
        reports = [report(one, LEASE + 4000, "online")]
        db.write_now(lambda tx: apply_reports(tx, team.id, reports, now=late))

        swept(db, 2 * LEASE + 10_000)

        assert not db.read_now(lambda tx: is_sweep_due(tx, now=NOW + 2 * LEASE + 10_000))
        assert states(db, team.id, 2 * LEASE + 10_000) == [("offline", LEASE + 4000)]

    def test_that_was_renewed_is_left_alone(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        for now in range(30_000, 300_000, 30_000):
            receive(db, team.id, of=[one], now=now)
            swept(db, now)

        assert len(transitions_of(db, team.id)) == 1
        assert states(db, team.id, 300_000) == [("online", 1000)]

    def test_is_ended_by_a_log_out(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        caller = DeviceCaller(team.id, one, "ada", NOW + 10**9, "ws-1", None, NOW)

        db.write_now(lambda tx: log_out_device(tx, caller, now=NOW + 5000))

        assert states(db, team.id, 5000) == [("offline", 5000)]
        follow(db)
        assert transitions_of(db, team.id)[1:] == [(one, 5000, "logout", "offline", None, "logout")]

    def test_is_renewed_by_a_log_in(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        swept(db, 200_000)

        log_in(db, team, machine(1), now=NOW + 300_000)
        follow(db)

        assert states(db, team.id, 300_000) == [("online", 300_000)]
        assert transitions_of(db, team.id)[-1][1:4] == (300_000, "return", "online")

    def test_of_many_devices_costs_as_many_statements_as_of_one(self, fresh_database_url: str) -> None:
        db = open_database(fresh_database_url)
        team, devices = floor_of(db, 30)
        swept(db, 0)
        receive(db, team.id, [report(devices[0], 1000, "online")], now=1000)

        def statements_at(now: int) -> int:
            def verb(tx: Tx) -> int:
                assert sweep(tx, now=NOW + now, settle=SETTLE)
                return tx.statements

            return db.write_now(verb)

        one = statements_at(1000 + LEASE)
        receive(db, team.id, [report(device, 500_000, "online") for device in devices], now=500_000)
        assert statements_at(500_000 + LEASE) == one
        db.close_now()

    def test_is_swept_by_one_process_at_a_time(self, fresh_database_url: str) -> None:
        db = open_database(fresh_database_url)
        team, devices = floor_of(db, 5)
        receive(db, team.id, [report(device, 1000, "online") for device in devices], now=1000)
        db.write_now(prepare_sweep)

        def work() -> None:
            db.write_now(partial(sweep, now=NOW + 200_000))

        at_once(work, 4)

        assert len(transitions_of(db, team.id)) == 10
        assert seq_of(db, team.id) == 2
        db.close_now()


class TestSettling:
    def test_tells_of_a_state_that_held(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)

        swept(db, 1000 + SETTLE - 1)
        assert told_of(db, team.id) == []
        swept(db, 1000 + SETTLE)
        swept(db, 1000 + SETTLE + 1000)

        assert told_of(db, team.id) == [(str(one), None, "online")]

    def test_tells_nobody_of_a_state_that_returns(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        swept(db, 40_000)
        for at in range(41_000, 71_000, 2000):
            state = "unhealthy" if (at // 2000) % 2 else "online"
            receive(db, team.id, [report(one, at, state)], now=at)
            swept(db, at)
        receive(db, team.id, [report(one, 72_000, "online")], now=72_000)

        swept(db, 72_000 + SETTLE)

        assert told_of(db, team.id) == [(str(one), None, "online")]
        assert len(transitions_of(db, team.id)) == 17

    def test_tells_of_the_last_of_several_states(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        swept(db, 40_000)
        receive(db, team.id, [report(one, 41_000, "in_call")], now=41_000)
        receive(db, team.id, [report(one, 61_000, "unhealthy", reason="muted by the driver")], now=61_000)

        swept(db, 41_000 + SETTLE)
        assert len(told_of(db, team.id)) == 1
        swept(db, 61_000 + SETTLE)

        assert told_of(db, team.id)[1:] == [(str(one), "online", "unhealthy")]

    def test_tells_of_a_silence_that_lasts(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        for now in range(40_000, 200_000, 10_000):
            swept(db, now)

        assert told_of(db, team.id) == [(str(one), None, "online"), (str(one), "online", "offline")]


class TestDevices:
    def test_that_enroll_are_seen(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)

        follow(db)

        found = db.read_now(lambda tx: changes_after(tx, team.id, 0, limit=10, now=NOW))
        assert found.devices is not None
        assert [(device.id, device.state) for device in found.devices] == [(one, "unavailable")]

    def test_that_are_blocked_are_told_as_removed(self, db: Database) -> None:
        team, (one, other) = floor_of(db, 2)
        follow(db)
        seq = seq_of(db, team.id)
        db.write_now(lambda tx: block_device(tx, ChangeDevice(team.id, one, OPERATOR, NOW + 1)))

        follow(db)

        found = db.read_now(lambda tx: changes_after(tx, team.id, seq, limit=10, now=NOW + 1))
        assert (found.devices, found.removed) == ([], [one])
        assert other not in found.removed

    def test_seen_late_are_shown_as_they_are_by_now(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        swept(db, 200_000)
        log_in(db, team, machine(1), now=NOW + 300_000)
        swept(db, 500_000)
        receive(db, team.id, of=[one], now=600_000)
        swept(db, 600_000 + LEASE)

        follow(db)

        assert states(db, team.id, 600_000 + LEASE)[0][0] == "offline"
        assert transitions_of(db, team.id)[-1][3] == "offline"


def test_two_followers_hand_on_each_event_once(fresh_database_url: str) -> None:
    db = open_database(fresh_database_url)
    db.write_now(partial(prepare, what=OUTBOX))
    handed: list[str] = []
    floor_of(db, 20)
    number_waiting(db, OUTBOX)

    def note(tx: Tx, numbered: NumberedEvent) -> None:
        handed.append(numbered.event.subject)

    followers = [Follower("test", ["device.enrolled"], note) for _ in range(3)]
    while sum(follower.follow(db) for follower in followers):
        pass
    at_once(lambda: Follower("test", ["device.enrolled"], note).follow(db), 2)

    assert len(handed) == len(set(handed)) == 20
    db.close_now()


class Broken(Exception):
    """What a verb of the test raises."""


def test_a_verb_that_fails_leaves_its_event_for_the_next_time(fresh_database_url: str) -> None:
    db = open_database(fresh_database_url)
    db.write_now(partial(prepare, what=OUTBOX))
    team, devices = floor_of(db, 5)
    number_waiting(db, OUTBOX)
    is_broken = True

    def verb(tx: Tx, numbered: NumberedEvent) -> None:
        see_device(tx, numbered)
        if is_broken and numbered.event.subject == str(devices[2]):
            raise Broken

    follower = Follower("test", ["device.enrolled"], verb)
    raised = 0
    for _ in range(3):
        try:
            follower.follow(db)
        except Broken:
            raised += 1
    assert raised == 3
    assert len(db.read_now(lambda tx: changes_after(tx, team.id, 0, limit=10, now=NOW)).devices or []) == 2

    is_broken = False
    follower.follow(db)

    assert len(db.read_now(lambda tx: changes_after(tx, team.id, 0, limit=10, now=NOW)).devices or []) == 5
    db.close_now()


def test_a_follower_writes_nothing_for_events_of_other_kinds(fresh_database_url: str) -> None:
    db = open_database(fresh_database_url)
    db.write_now(partial(prepare, what=OUTBOX))
    handed: list[Event] = []
    follower = Follower("test", ["nothing.happened"], lambda _tx, numbered: handed.append(numbered.event))
    follower.follow(db)
    floor_of(db, 3)
    number_waiting(db, OUTBOX)

    assert follower.follow(db) == follower.follow(db) == 0
    assert handed == []
    db.close_now()


def test_a_sweep_that_waited_for_a_report_sees_what_it_told(fresh_database_url: str) -> None:
    """Otherwise it writes what it read before it waited, and the report is shown nowhere."""
    db, other = open_database(fresh_database_url), open_database(fresh_database_url)
    team, (one,) = floor_of(db, 1)
    receive(db, team.id, [report(one, 1000, "online")], now=1000)
    db.write_now(prepare_sweep)
    now = LEASE + 2000
    sweeping = threading.Thread(target=lambda: swept(other, now))

    def verb(tx: Tx) -> None:
        devices = lock_devices(tx, team.id, [one])
        sweeping.start()
        wait_until_somebody_waits(db)
        apply_reports(tx, team.id, [report(one, now - 500, "in_call")], now=NOW + now)
        heard(tx, team.id, devices, now=NOW + now)
        renew_leases(tx, team.id, devices, now=NOW + now)

    db.write_now(verb)
    sweeping.join(60)

    assert not sweeping.is_alive()
    assert states(db, team.id, now) == [("in_call", now - 500)]
    assert [row[1] for row in presence_of(db, team.id)] == ["in_call"]
    db.close_now()
    other.close_now()


def at_once(work: Callable[[], object], times: int) -> None:
    """Do the work on several threads that begin together."""
    barrier = threading.Barrier(times)

    def begin() -> None:
        barrier.wait(60)
        work()

    threads = [threading.Thread(target=begin) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
