"""The calls and states of a simulated device, in the words of the agent API."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from callfloor_agent.clock import instant
from callfloor_agent.events import CallEvent, Event, Features, RunningCall, State, StateEvent, Stream
from callfloor_agent.simulator import facts
from callfloor_agent.simulator.facts import SECOND


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """What is the same in every call of a device."""

    language: str
    app_name: str
    headset: str
    converts_accents: bool

    def stream(self, *, muted: bool = False, is_microphone: bool = False) -> Stream:
        """Return the microphone or the speaker as it is reported."""
        converts = is_microphone and self.converts_accents
        return Stream(self.headset, muted=muted, noise_cancellation=True, accent_conversion=converts)


@dataclasses.dataclass(frozen=True, slots=True)
class Call:
    """A call that is over: what was told of it in order, each with its instant (ms)."""

    events: Sequence[tuple[int, Event]]
    record: CallEvent
    started_at: int
    ended_at: int

    def corrected(self, event_id: str, at: int, longer_by: int) -> CallEvent:
        """Return the second revision, told at `at`: the call ended later."""
        record, seconds = self.record, longer_by // SECOND
        return msgspec.structs.replace(
            record,
            id=event_id,
            at=instant(at),
            revision=record.revision + 1,
            ended_at=instant(self.ended_at + longer_by),
            mic_seconds=record.mic_seconds + seconds,
            speaker_seconds=record.speaker_seconds + seconds,
        )


def state(
    event_id: str,
    at: int,
    name: str,
    caller: Caller,
    *,
    reason: str | None = None,
    call_since: int | None = None,
    muted: bool = False,
) -> StateEvent:
    """Return a state event; an offline or unhealthy device has no streams."""
    has_streams = name in {"online", "in_call", "unavailable"}
    return StateEvent(
        id=event_id,
        at=instant(at),
        state=cast("State", name),
        reason=reason,
        call=None if call_since is None else RunningCall(caller.app_name, instant(call_since)),
        mic=caller.stream(muted=muted, is_microphone=True) if has_streams else None,
        speaker=caller.stream() if has_streams else None,
    )


def call(dice: random.Random, caller: Caller, started_at: int, new_id: Callable[[], str]) -> Call:
    """Return a call that begins then."""
    shortest, longest = facts.CALL_SECONDS
    length = round(min(max(dice.lognormvariate(facts.CALL_MU, facts.CALL_SIGMA), shortest), longest) * SECOND)
    ended_at = started_at + length
    call_id = new_id()
    events: list[tuple[int, Event]] = [
        (started_at, state(new_id(), started_at, "in_call", caller, call_since=started_at))
    ]
    muted = 0
    if dice.random() < facts.MUTE_SHARE:
        off, on = (started_at + round(length * share) for share in (dice.uniform(0.1, 0.4), dice.uniform(0.5, 0.9)))
        muted = on - off
        events += [
            (at, state(new_id(), at, "in_call", caller, call_since=started_at, muted=at == off)) for at in (off, on)
        ]
    record = _record(dice, caller, new_id(), call_id, (started_at, ended_at), muted // SECOND)
    events += [(ended_at, state(new_id(), ended_at, "online", caller)), (ended_at, record)]
    return Call(events, record, started_at, ended_at)


def _record(
    dice: random.Random, caller: Caller, event_id: str, call_id: str, span: tuple[int, int], muted_seconds: int
) -> CallEvent:
    seconds = (span[1] - span[0]) // SECOND
    mic_seconds = max(seconds - muted_seconds - dice.randint(0, 3), 0)
    others = dice.random() < facts.DETECTED_LANGUAGE_SHARE
    return CallEvent(
        id=event_id,
        at=instant(span[1]),
        call_id=call_id,
        revision=1,
        app_name=caller.app_name,
        started_at=instant(span[0]),
        ended_at=instant(span[1]),
        mic_seconds=mic_seconds,
        speaker_seconds=seconds,
        features=_features(dice, caller, mic_seconds, seconds),
        language=dice.choice(facts.LANGUAGES) if others else caller.language,
    )


def _features(dice: random.Random, caller: Caller, mic_seconds: int, seconds: int) -> Features:
    def part(whole: int, share: float) -> int:
        return round(whole * dice.uniform(0.5, 1)) if dice.random() < share else 0

    return Features(
        mic_noise_cancellation=part(mic_seconds, 0.95),
        speaker_noise_cancellation=part(seconds, 0.7),
        background_voice_cancellation=part(mic_seconds, 0.4),
        mic_accent_conversion=part(mic_seconds, 0.9) if caller.converts_accents else 0,
        speaker_accent_conversion=part(seconds, 0.1),
        voice_translation=part(seconds, 0.03),
        transcription=part(seconds, 0.5),
    )
