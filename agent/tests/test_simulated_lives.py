"""The lives of a simulated fleet: in order, the same each time, and within what ingest takes."""

from __future__ import annotations

import itertools
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor_agent.clock import instant_ms
from callfloor_agent.events import CallEvent, StateEvent, encode
from callfloor_agent.simulator.facts import DAY, HOUR, MINUTE
from callfloor_agent.simulator.lives import Fleet, Happening, Leave, LogIn, Tell

NOW = 1_795_000_000_000
SLACK_SECONDS = 60

fleets = st.builds(Fleet, st.integers(0, 2**32), st.just(NOW) | st.just(0), st.booleans())
numbers = st.integers(0, 10_000)
windows = st.tuples(st.integers(-20 * DAY, 20 * DAY), st.integers(MINUTE, 12 * HOUR))
few = settings(max_examples=15, deadline=None)


def lived(fleet: Fleet, number: int, start: int, length: int) -> list[Happening]:
    """Return what happens to a device in the window."""
    return list(fleet.life(number).happenings(start, start + length))


def calls_of(happenings: list[Happening]) -> list[CallEvent]:
    """Return the revisions of calls, in their order."""
    return [one.event for one in happenings if isinstance(one, Tell) and isinstance(one.event, CallEvent)]


@few
@given(fleets, numbers, windows)
def test_what_happens_is_in_order_and_in_the_window(fleet: Fleet, number: int, window: tuple[int, int]) -> None:
    start, length = NOW + window[0], window[1]

    happenings = lived(fleet, number, start, length)

    instants = [one.at for one in happenings]
    assert instants == sorted(instants)
    assert all(start <= at < start + length for at in instants)


@few
@given(fleets, numbers, windows)
def test_the_same_seed_tells_the_same_bytes(fleet: Fleet, number: int, window: tuple[int, int]) -> None:
    start, length = NOW + window[0], window[1]

    again = lived(Fleet(fleet.seed, fleet.base, fleet.round_the_clock), number, start, length)

    assert again == lived(fleet, number, start, length)


@few
@given(fleets, numbers, windows, st.floats(0, 1))
def test_two_runs_that_follow_each_other_tell_each_call_once(
    fleet: Fleet, number: int, window: tuple[int, int], share: float
) -> None:
    start, length = NOW + window[0], window[1]
    first = round(length * share)

    parts = lived(fleet, number, start, first) + lived(fleet, number, start + first, length - first)

    assert calls_of(parts) == calls_of(lived(fleet, number, start, length))


@few
@given(fleets, numbers, windows)
def test_calls_are_what_ingest_takes(fleet: Fleet, number: int, window: tuple[int, int]) -> None:
    for call in calls_of(lived(fleet, number, NOW + window[0], window[1])):
        at, started_at, ended_at = (instant_ms(one) for one in (call.at, call.started_at, call.ended_at))
        length = (ended_at - started_at) // 1000
        features = [getattr(call.features, name) for name in call.features.__struct_fields__]
        assert started_at < ended_at <= at
        assert length <= DAY // 1000
        assert all(0 <= seconds <= length + SLACK_SECONDS for seconds in (call.mic_seconds, call.speaker_seconds))
        assert all(0 <= seconds <= length + SLACK_SECONDS for seconds in features)
        assert len(encode(call)) < 2000


@few
@given(fleets, numbers, windows)
def test_a_device_tells_only_between_log_in_and_leaving(fleet: Fleet, number: int, window: tuple[int, int]) -> None:
    is_there = False
    for one in lived(fleet, number, NOW + window[0], window[1]):
        if isinstance(one, LogIn):
            is_there = True
        assert is_there
        if isinstance(one, Leave):
            is_there = False


def test_ids_are_different_and_a_correction_is_the_same_call_longer() -> None:
    fleet = Fleet(3, NOW)
    happenings = [one for number in range(30) for one in lived(fleet, number, NOW - 4 * HOUR, 10 * HOUR)]

    told = [one.event for one in happenings if isinstance(one, Tell)]
    calls = calls_of(happenings)
    first = {call.call_id: call for call in calls if call.revision == 1}
    second = [call for call in calls if call.revision == 2]

    assert len({event.id for event in told}) == len(told) > 1000
    assert all(uuid.UUID(event.id).version == 4 for event in told)
    assert len(first) + len(second) == len(calls)
    assert 0.002 < len(second) / len(first) < 0.03
    assert all(call.ended_at > first[call.call_id].ended_at for call in second)
    assert all(call.mic_seconds >= first[call.call_id].mic_seconds for call in second)


def test_a_fleet_has_everything_that_happens_in_a_call_center() -> None:
    fleet = Fleet(1, NOW)
    lives = [lived(fleet, number, NOW - 4 * HOUR, 14 * HOUR) for number in range(30)]

    events = [one.event for life in lives for one in life if isinstance(one, Tell)]
    states = [event for event in events if isinstance(event, StateEvent)]
    log_ins = [[one.machine for one in life if isinstance(one, LogIn)] for life in lives]
    at_work = sum(one.at - life[0].at for life in lives for one in life if isinstance(one, Leave))

    assert {state.state for state in states} == {"online", "in_call", "offline", "unhealthy", "unavailable"}
    assert any(state.mic is not None and state.mic.muted for state in states)
    assert any(len({machine.username for machine in machines}) == 2 for machines in log_ins)
    assert len({call.language for life in lives for call in calls_of(life)}) > 5
    assert 7 < sum(len(calls_of(life)) for life in lives) / (at_work / HOUR) < 13


def test_a_machine_comes_back_as_another_version_every_four_weeks() -> None:
    happenings = lived(Fleet(1, round_the_clock=True), 5, NOW, 57 * DAY)

    versions = [one.machine.app_version for one in happenings if isinstance(one, LogIn)]

    assert len(set(versions)) == 3
    assert versions == sorted(versions)


def test_round_the_clock_somebody_is_always_at_work() -> None:
    fleet = Fleet(1, round_the_clock=True)

    at_work = [
        sum(isinstance(next(fleet.life(number).happenings(at, at + 2 * HOUR), None), LogIn) for number in range(40))
        for at in range(NOW, NOW + 7 * DAY, 15 * HOUR)
    ]

    assert all(8 < count < 32 for count in at_work)


def test_fewer_work_at_weekends_of_the_past() -> None:
    fleet = Fleet(1, NOW)
    calls = [call for number in range(8) for call in calls_of(lived(fleet, number, NOW - 29 * DAY, 28 * DAY))]

    weekday = [(instant_ms(call.started_at) // DAY + 3) % 7 for call in calls]
    by_day = {day: len(list(found)) for day, found in itertools.groupby(sorted(weekday))}

    assert max(by_day[5], by_day[6]) < min(by_day[day] for day in range(5)) / 2
