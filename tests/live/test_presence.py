"""Reports and signs of life become presence and transitions."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.foundation.database import Database
from callfloor.live.presence import OngoingCall, Sound, StateReport
from callfloor.live.tables import State
from tests.live.looking import (
    LEASE,
    NOW,
    floor_of,
    presence_of,
    receive,
    report,
    seq_of,
    shown,
    states,
    swept,
    transitions_of,
)


class TestReports:
    def test_show_the_newest_with_all_it_says(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        mic, call = Sound("Headset", False, True, False), OngoingCall("Zoom", NOW + 900)

        receive(db, team.id, [report(one, 1000, "in_call", reason="a call", mic=mic, call=call)], now=1200)

        (device,) = shown(db, team.id, 1300)
        assert (device.state, device.reason, device.since, device.updated_at) == (
            "in_call",
            "a call",
            NOW + 1000,
            NOW + 1000,
        )
        assert (device.content.mic, device.content.call, device.content.speaker) == (mic, call, None)
        assert (device.hostname, device.username, device.os, device.app_version) == ("ws-1", "ada", "windows", "1.0.0")

    def test_of_a_device_without_any_is_unavailable_while_its_lease_holds(self, db: Database) -> None:
        team, _ = floor_of(db, 1)

        assert states(db, team.id, LEASE - 1) == [("unavailable", 0)]
        assert states(db, team.id, LEASE) == [("offline", LEASE)]

    def test_that_repeat_a_state_keep_since_when(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        for at in (1000, 2000, 3000):
            receive(db, team.id, [report(one, at, "online")], now=at)

        assert states(db, team.id, 3000) == [("online", 1000)]
        assert len(transitions_of(db, team.id)) == 3

    def test_that_come_late_change_since_when_and_not_the_state(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online"), report(one, 9000, "online")], now=9000)

        receive(db, team.id, [report(one, 4000, "unhealthy")], now=9500)

        assert states(db, team.id, 9500) == [("online", 9000)]

    def test_at_one_instant_fall_to_the_greater_id(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online", event_id="b")], now=1000)
        receive(db, team.id, [report(one, 1000, "in_call", event_id="a")], now=1000)

        assert states(db, team.id, 1000) == [("online", 1000)]

    def test_take_one_number_of_the_team_for_a_batch(self, db: Database) -> None:
        team, devices = floor_of(db, 3)

        receive(db, team.id, [report(one, 1000, "online") for one in devices], now=1000)

        assert seq_of(db, team.id) == 1
        assert {one.seq for one in shown(db, team.id, 1000)} == {1}

    @pytest.mark.parametrize("late", [False, True])
    def test_cost_as_many_statements_for_one_device_as_for_forty(self, db: Database, *, late: bool) -> None:
        team, devices = floor_of(db, 40)
        receive(db, team.id, [report(one, 5000, "online") for one in devices], now=5000)
        at = itertools.count(1000 if late else 6000)

        few = receive(db, team.id, [report(devices[0], next(at), "in_call")], now=9000)
        many = receive(db, team.id, [report(one, next(at), "in_call") for one in devices * 3], now=9000)

        assert few == many <= 8


class TestHeartbeats:
    def test_change_nothing_that_can_be_seen(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        before = seq_of(db, team.id), presence_of(db, team.id)

        statements = receive(db, team.id, of=[one], now=30_000)

        assert (seq_of(db, team.id), presence_of(db, team.id)) == before
        assert statements == 0
        assert states(db, team.id, 30_000 + LEASE - 1) == [("online", 1000)]

    @pytest.mark.parametrize("is_swept", [False, True])
    def test_bring_a_device_back_in_its_last_state(self, db: Database, *, is_swept: bool) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "unhealthy", reason="no microphone")], now=1000)
        end = 1000 + LEASE
        if is_swept:
            swept(db, end + 500)

        receive(db, team.id, of=[one], now=200_000)

        assert states(db, team.id, 200_000) == [("unhealthy", 200_000)]
        assert [row[1:] for row in transitions_of(db, team.id)] == [
            (1000, f"{1000:036d}", "unhealthy", "no microphone", "agent"),
            (end, "lease", "offline", None, "lease"),
            (200_000, "return", "unhealthy", "no microphone", "return"),
        ]

    @pytest.mark.parametrize("is_swept", [False, True])
    def test_with_a_report_from_the_silence_leave_no_further_transition(self, db: Database, *, is_swept: bool) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        if is_swept:
            swept(db, 100_000)

        receive(db, team.id, [report(one, 150_000, "in_call")], now=200_000)

        assert states(db, team.id, 200_000) == [("in_call", 150_000)]
        assert [row[5] for row in transitions_of(db, team.id)] == ["agent", "lease", "agent"]

    @pytest.mark.parametrize("is_swept", [False, True])
    def test_with_a_report_from_before_the_silence_bring_that_state(self, db: Database, *, is_swept: bool) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        if is_swept:
            swept(db, 100_000)

        receive(db, team.id, [report(one, 50_000, "in_call")], now=200_000)

        assert states(db, team.id, 200_000) == [("in_call", 200_000)]
        assert [(row[1], row[3]) for row in transitions_of(db, team.id)] == [
            (1000, "online"),
            (50_000, "in_call"),
            (1000 + LEASE, "offline"),
            (200_000, "in_call"),
        ]

    def test_before_a_late_report_return_to_what_it_tells(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 1000, "online")], now=1000)
        receive(db, team.id, of=[one], now=200_000)

        receive(db, team.id, [report(one, 150_000, "in_call")], now=201_000)

        assert states(db, team.id, 201_000) == [("in_call", 150_000)]
        assert transitions_of(db, team.id)[-1][1:4] == (200_000, "return", "in_call")

    def test_of_an_agent_whose_clock_is_ahead(self, db: Database) -> None:
        team, (one,) = floor_of(db, 1)
        receive(db, team.id, [report(one, 280_000, "online")], now=1000)

        swept(db, 1000 + LEASE)

        assert states(db, team.id, 1000 + LEASE) == [("offline", 280_001)]
        receive(db, team.id, of=[one], now=150_000)
        assert states(db, team.id, 150_000) == [("online", 280_002)]


def test_a_blocked_device_is_left_out(db: Database) -> None:
    team, (one, other) = floor_of(db, 2)

    db.write_now(lambda tx: block_device(tx, ChangeDevice(team.id, one, OPERATOR, NOW)))

    assert [device.id for device in shown(db, team.id, 0)] == [other]


REPORTS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.sampled_from(list(State))), min_size=1, max_size=12
)


class TestAnyOrder:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(events=REPORTS, data=st.data())
    def test_ends_in_the_same(self, db: Database, events: list[tuple[int, int, State]], data: st.DataObject) -> None:
        straight, shuffled = floor_of(db, 2), floor_of(db, 2)
        order = data.draw(st.permutations(range(len(events))))
        cuts = sorted(data.draw(st.sets(st.integers(0, len(events)))))

        def reports(devices: list[int]) -> list[StateReport]:
            return [
                report(devices[which], 1000 * at - 2000, state, event_id=f"{number:04d}")
                for number, (which, at, state) in enumerate(events)
            ]

        for one in sorted(reports(straight[1]), key=lambda one: (one.at, one.event_id)):
            receive(db, straight[0].id, [one], now=10_000)
        mixed = [reports(shuffled[1])[place] for place in order]
        for begin, end in itertools.pairwise([0, *cuts, len(events)]):
            receive(db, shuffled[0].id, mixed[begin:end], now=10_000)

        assert without_ids(presence_of(db, straight[0].id)) == without_ids(presence_of(db, shuffled[0].id))
        assert without_ids(transitions_of(db, straight[0].id)) == without_ids(transitions_of(db, shuffled[0].id))

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(events=REPORTS, data=st.data())
    def test_after_a_silence_ends_in_what_the_transitions_say(
        self, db: Database, events: list[tuple[int, int, State]], data: st.DataObject
    ) -> None:
        team, devices = floor_of(db, 2)
        order = data.draw(st.permutations(range(len(events))))
        pauses = data.draw(st.lists(st.sampled_from([0, 1000, LEASE * 2]), min_size=len(events), max_size=len(events)))
        is_swept = data.draw(st.booleans())
        now = 10_000
        for place, pause in zip(order, pauses, strict=True):
            which, at, state = events[place]
            now += pause
            if is_swept:
                swept(db, now)
            receive(db, team.id, [report(devices[which], 1000 * at, state, event_id=f"{place:04d}")], now=now)

        swept(db, now)
        for device in shown(db, team.id, now):
            rows = [(row[1], row[3]) for row in transitions_of(db, team.id) if row[0] == device.id]
            if rows:
                assert (device.state, device.since - NOW) == present_run(rows)


def present_run(rows: list[tuple[int, str]]) -> tuple[str, int]:
    """Return the state of the last row, and since when it holds; before all rows a device is unavailable."""
    state = rows[-1][1]
    run = list(itertools.takewhile(lambda row: row[1] == state, reversed(rows)))
    is_from_the_first = len(run) == len(rows) and state == "unavailable"
    return state, min(run[-1][0], 0) if is_from_the_first else run[-1][0]


def without_ids(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows with the order of the devices in place of their ids."""
    places = {id_: place for place, id_ in enumerate(sorted({row[0] for row in rows}))}
    return [(places[row[0]], *row[1:]) for row in rows]
