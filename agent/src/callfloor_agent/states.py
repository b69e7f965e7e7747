"""The rules by which what is seen becomes one of the five states; docs/use/agents.md tells them to users."""

from __future__ import annotations

import dataclasses

from callfloor_agent.events import State
from callfloor_agent.sight import Sight

NOTHING_TO_WATCH = "neither the desktop app nor the microphone use of the system can be followed"
STARTING = "the desktop app has not told its state yet"
NO_MICROPHONE = "no usable microphone"
NO_SPEAKER = "no usable speaker"
STOPPED = "the agent was stopped"


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """A state, and why, where the state does not say it."""

    state: State
    reason: str | None = None


def state_of(sight: Sight | None, *, is_stopping: bool = False) -> Verdict:
    """Return the state; the first rule that holds decides.

    1. The agent stops → offline.
    2. No source, or one that has not told all yet → unavailable.
    3. The source says that something is broken → unhealthy.
    4. In a call with no usable microphone or speaker: a stream cannot be open → unhealthy.
    5. In a call → in_call.
    6. Not in a call, with no usable microphone or speaker: running, not usable → unavailable.
    7. Else → online.

    Being muted changes none of them.
    """
    if is_stopping:
        return Verdict("offline", STOPPED)
    if sight is None:
        return Verdict("unavailable", NOTHING_TO_WATCH)
    missing = _missing(sight)
    if sight.fault is not None:
        return Verdict("unhealthy", sight.fault)
    if not sight.is_complete:
        return Verdict("unavailable", STARTING)
    if sight.in_call:
        return Verdict("unhealthy", missing) if missing else Verdict("in_call")
    return Verdict("unavailable", missing) if missing else Verdict("online")


def _missing(sight: Sight) -> str | None:
    if sight.mic is None or not sight.mic.is_usable:
        return NO_MICROPHONE
    if sight.speaker is None or not sight.speaker.is_usable:
        return NO_SPEAKER
    return None
