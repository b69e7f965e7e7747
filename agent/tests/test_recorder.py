"""The recorder: a call from its beginning to its record, through lost sights, restarts and corrected clocks."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_support.sights import HEADSET, seen, sights
from callfloor_agent.clock import instant, instant_ms
from callfloor_agent.events import CallEvent, Event, StateEvent
from callfloor_agent.recorder import REJOIN_MS, Look, Memory, Names, advance
from callfloor_agent.sight import Device, Side, Sight
from callfloor_agent.tally import CALL_MAX_MS

T = 1_795_000_000_000
SECOND = 1000
TALKING = seen(in_call=True)


class Recorder:
    """A recorder and all it told."""

    def __init__(self, names: Names | None = None) -> None:
        self.memory = Memory()
        self.events: list[Event] = []
        self._names = names or Names()

    def look(self, sight: Sight | None, second: float, *, offset_ms: int = 0, is_stopping: bool = False) -> None:
        look = Look(sight, T + round(second * SECOND), offset_ms, is_stopping=is_stopping)
        self.memory, events = advance(self.memory, look, self._names)
        self.events += events

    def restart(self) -> None:
        self.memory = self.memory.after_restart()

    @property
    def calls(self) -> list[CallEvent]:
        return [event for event in self.events if isinstance(event, CallEvent)]

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, StateEvent)]

    def watch(self, sight: Sight, first: int, last: int) -> None:
        for second in range(first, last + 1, 10):
            self.look(sight, second)


def at(second: float) -> str:
    """Return the instant so many seconds after the beginning."""
    return instant(T + round(second * SECOND))


def test_a_call_becomes_one_record_with_its_seconds() -> None:
    recorder = Recorder(Names("Softphone", "de-DE"))
    recorder.look(seen(), 0)
    recorder.watch(TALKING, 10, 40)
    recorder.watch(seen(in_call=True, mic=Side(Device("Headset"), noise_cancellation=True)), 40, 60)
    recorder.watch(seen(in_call=True, speaker=Side(Device("Headset"), accent_conversion=True)), 60, 65)
    recorder.look(seen(), 65)

    (call,) = recorder.calls

    assert (call.started_at, call.ended_at, call.revision) == (at(10), at(65), 1)
    assert (call.mic_seconds, call.speaker_seconds) == (55, 55)
    assert (call.features.mic_noise_cancellation, call.features.speaker_accent_conversion) == (20, 5)
    assert (call.features.speaker_noise_cancellation, call.features.mic_accent_conversion) == (0, 0)
    assert (call.app_name, call.language) == ("Softphone", "de-DE")
    assert recorder.states == ["online", "in_call", "in_call", "in_call", "online"]


def test_the_apps_own_instants_are_believed() -> None:
    recorder = Recorder()
    recorder.look(seen(in_call_changed_at=T), 5)
    recorder.look(seen(in_call=True, in_call_changed_at=T + 7 * SECOND), 8)
    recorder.look(seen(in_call=False, in_call_changed_at=T + 15 * SECOND), 18)

    (call,) = recorder.calls

    assert (call.started_at, call.ended_at, call.mic_seconds) == (at(7), at(15), 7)


def test_the_apps_instants_are_by_this_machines_clock() -> None:
    recorder = Recorder()
    recorder.look(seen(in_call=True, in_call_changed_at=T - 3600 * SECOND), 0, offset_ms=3600 * SECOND)

    assert recorder.memory.call is not None
    assert recorder.memory.call.started_at == T


def test_a_stream_without_a_device_counts_no_seconds() -> None:
    recorder = Recorder()
    recorder.watch(TALKING, 0, 20)
    recorder.watch(seen(in_call=True, mic=Side(None)), 20, 50)
    recorder.look(seen(), 50)

    (call,) = recorder.calls

    assert (call.mic_seconds, call.speaker_seconds) == (20, 50)
    assert recorder.states == ["in_call", "unhealthy", "online"]


def test_a_machine_that_slept_counts_no_seconds() -> None:
    recorder = Recorder()
    recorder.watch(TALKING, 0, 20)
    recorder.look(TALKING, 620)
    recorder.look(seen(), 625)

    (call,) = recorder.calls

    assert (call.started_at, call.ended_at, call.mic_seconds) == (at(0), at(625), 25)


def test_two_calls_right_after_each_other_are_two() -> None:
    recorder = Recorder()
    recorder.look(TALKING, 0)
    recorder.look(seen(), 10)
    recorder.look(TALKING, 11)
    recorder.look(seen(), 20)

    assert [call.revision for call in recorder.calls] == [1, 1]
    assert len({call.call_id for call in recorder.calls}) == 2


def test_a_call_that_goes_on_after_its_source_was_lost_is_corrected() -> None:
    recorder = Recorder()
    recorder.watch(TALKING, 0, 30)
    recorder.look(None, 31)
    recorder.look(seen(in_call=True, in_call_changed_at=T + 36 * SECOND), 36)
    recorder.watch(TALKING, 40, 60)
    recorder.look(seen(), 61)

    first, second = recorder.calls

    assert (first.revision, first.ended_at, first.mic_seconds) == (1, at(31), 31)
    assert (second.revision, second.started_at, second.ended_at, second.mic_seconds) == (2, at(0), at(61), 61)
    assert first.call_id == second.call_id
    assert first.id != second.id


def test_a_call_that_begins_long_after_the_loss_is_another() -> None:
    recorder = Recorder()
    recorder.look(TALKING, 0)
    recorder.look(None, 10)
    recorder.look(seen(in_call=True, in_call_changed_at=T + 20 * SECOND + REJOIN_MS), 30 + REJOIN_MS / SECOND)
    recorder.look(seen(), 40 + REJOIN_MS / SECOND)

    assert [call.revision for call in recorder.calls] == [1, 1]
    assert len({call.call_id for call in recorder.calls}) == 2


def test_a_killed_agent_finds_its_call_again() -> None:
    recorder = Recorder()
    recorder.watch(seen(in_call=True, in_call_changed_at=T), 0, 30)
    recorder.restart()
    recorder.watch(seen(in_call=True, in_call_changed_at=T), 300, 320)
    recorder.look(seen(), 321)

    (call,) = recorder.calls

    assert (call.revision, call.started_at, call.ended_at) == (1, at(0), at(321))
    assert call.mic_seconds == 51


def test_a_call_that_ended_while_the_agent_was_away_ends_when_the_app_says() -> None:
    recorder = Recorder()
    recorder.watch(TALKING, 0, 30)
    recorder.restart()
    recorder.look(seen(in_call_changed_at=T + 200 * SECOND), 300)

    (call,) = recorder.calls

    assert (call.revision, call.started_at, call.ended_at, call.mic_seconds) == (1, at(0), at(200), 30)


def test_a_call_that_ended_while_nobody_saw_it_ends_when_it_was_last_seen() -> None:
    recorder = Recorder()
    recorder.watch(TALKING, 0, 30)
    recorder.restart()
    recorder.look(seen(), 300)

    (call,) = recorder.calls

    assert call.ended_at == at(30)


def test_an_agent_that_is_stopped_records_its_call_and_goes_on_with_it() -> None:
    recorder = Recorder()
    recorder.watch(seen(in_call=True, in_call_changed_at=T), 0, 30)
    recorder.look(TALKING, 31, is_stopping=True)
    recorder.restart()
    recorder.look(seen(in_call=True, in_call_changed_at=T), 40)
    recorder.look(seen(), 50)

    first, second = recorder.calls

    assert (first.revision, second.revision, first.call_id) == (1, 2, second.call_id)
    assert recorder.states == ["in_call", "offline", "in_call", "online"]


def test_a_call_longer_than_a_day_is_cut() -> None:
    recorder = Recorder()
    recorder.look(TALKING, 0)
    recorder.look(TALKING, CALL_MAX_MS / SECOND + 30)
    recorder.look(seen(), CALL_MAX_MS / SECOND + 40)

    first, second = recorder.calls

    assert instant_ms(first.ended_at) - instant_ms(first.started_at) == CALL_MAX_MS
    assert (second.started_at, first.call_id != second.call_id) == (first.ended_at, True)


def test_a_corrected_clock_moves_the_open_call() -> None:
    recorder = Recorder()
    recorder.look(TALKING, 0)
    recorder.memory = recorder.memory.shifted(3600 * SECOND)
    recorder.look(seen(), 3610)

    (call,) = recorder.calls

    assert (call.started_at, call.ended_at, call.mic_seconds) == (at(3600), at(3610), 10)


def test_nothing_new_tells_nothing() -> None:
    recorder = Recorder()
    recorder.watch(seen(), 0, 100)

    assert recorder.states == ["online"]


def test_states_follow_each_other_also_within_a_millisecond() -> None:
    recorder = Recorder()
    recorder.look(seen(), 0)
    recorder.look(TALKING, 0)
    recorder.look(seen(mic=HEADSET, speaker=Side(None)), 0)

    stamps = [event.at for event in recorder.events if isinstance(event, StateEvent)]
    assert stamps == [at(0), at(0.001), at(0.002)]


def test_what_is_too_long_for_the_server_is_cut() -> None:
    recorder = Recorder()
    recorder.look(seen(fault="x" * 300), 0)
    recorder.look(seen(in_call=True, mic=Side(Device("y\n" * 300)), app_names=("z" * 300,)), 1)
    recorder.look(seen(), 2)

    first, second = (event for event in recorder.events[:2] if isinstance(event, StateEvent))
    assert first.reason == "x" * 255
    assert second.mic is not None
    assert second.mic.device == "y" * 255
    assert recorder.calls[0].app_name == "z" * 255


steps = st.lists(
    st.tuples(st.none() | sights, st.integers(0, 10**6), st.booleans(), st.sampled_from((0, 0, 5000, -5000))),
    max_size=25,
)


@settings(max_examples=300, deadline=None)
@given(steps)
def test_whatever_is_seen_the_records_are_ones_the_server_takes(
    looks: list[tuple[Sight | None, int, bool, int]],
) -> None:
    recorder = Recorder()
    second = 0.0
    for sight, pause, is_restarted, correction in looks:
        second += pause / SECOND
        if is_restarted:
            recorder.restart()
        recorder.memory = recorder.memory.shifted(correction)
        recorder.look(sight, second)

    seen_revisions: dict[str, int] = {}
    for call in recorder.calls:
        length = instant_ms(call.ended_at) - instant_ms(call.started_at)
        parts = (
            call.mic_seconds,
            call.speaker_seconds,
            *(getattr(call.features, n) for n in call.features.__struct_fields__),
        )
        assert 0 <= length <= CALL_MAX_MS
        assert all(0 <= part * SECOND <= length for part in parts)
        assert call.revision > seen_revisions.get(call.call_id, 0)
        seen_revisions[call.call_id] = call.revision
    changes = [
        (event.state, event.reason, event.call, event.mic, event.speaker)
        for event in recorder.events
        if isinstance(event, StateEvent)
    ]
    if not any(is_restarted for _, _, is_restarted, _ in looks):
        assert all(one != other for one, other in itertools.pairwise(changes))
    ids = [event.id for event in recorder.events]
    assert len(ids) == len(set(ids))
