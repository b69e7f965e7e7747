"""From what is seen to what is told: state events when something changed, a record when a call has ended.

    no call ──in call──▶ call ──not in call──▶ record, no call
                          │
                          └─source lost, agent stopped──▶ record, lost call
    lost call ──in call since before, or within a minute──▶ the same call; its next record is a revision
    lost call ──not in call, or another call──▶ gone

A pure function of a memory that outlives the process: written together with the events, it tells after a crash where
the agent was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import msgspec

from callfloor_agent.clock import instant
from callfloor_agent.events import Event, RunningCall, StateEvent, Stream, fitting, new_event_id
from callfloor_agent.sight import Side, Sight
from callfloor_agent.states import Verdict, state_of
from callfloor_agent.tally import CALL_MAX_MS, Tally

REJOIN_MS = 60_000
"""A call that begins so soon after the sight of one was lost is that one: the app, or the agent, came back."""
AHEAD_MAX_MS = 300_000
"""States are stamped in their order, also when the clock was set back; beyond this the server would refuse them."""


class LostCall(msgspec.Struct, frozen=True):
    """A call of which nothing is seen any more since `lost_at`; it may go on."""

    tally: Tally
    lost_at: int
    is_recorded: bool


class Told(msgspec.Struct, frozen=True):
    """What the last state event said."""

    state: str
    reason: str | None
    call: RunningCall | None
    mic: Stream | None
    speaker: Stream | None


class Memory(msgspec.Struct, frozen=True):
    """All that the recorder remembers; instants are milliseconds by the server's clock."""

    seen_at: int = 0
    sight: Sight | None = None
    call: Tally | None = None
    lost: LostCall | None = None
    told: Told | None = None
    told_at: int = 0

    def shifted(self, by_ms: int, *, kept: Collection[int] = ()) -> Memory:
        """Return it after a correction of the clock, which moves no instant that is kept."""

        def moved(call: Tally) -> Tally:
            return call if call.started_at in kept else call.shifted(by_ms)

        lost = self.lost
        if lost is not None:
            lost_at = lost.lost_at if lost.lost_at in kept else lost.lost_at + by_ms
            lost = LostCall(moved(lost.tally), lost_at, lost.is_recorded)
        call = self.call and moved(self.call)
        return msgspec.structs.replace(self, seen_at=self.seen_at + by_ms, call=call, lost=lost)

    def after_restart(self) -> Memory:
        """Return it as a new process begins with it: an open call is lost since the last look."""
        lost = LostCall(self.call, self.seen_at, is_recorded=False) if self.call else self.lost
        return msgspec.structs.replace(self, sight=None, call=None, lost=lost, told=None)


@dataclasses.dataclass(frozen=True, slots=True)
class Names:
    """What the settings say of calls."""

    app_name: str = "unknown"
    language: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One look: what is seen, when by the server's clock, and how far that is ahead of this machine's."""

    sight: Sight | None
    now: int
    offset_ms: int = 0
    is_stopping: bool = False

    @property
    def in_call(self) -> bool | None:
        """Return whether there is a call; None when nobody tells."""
        return None if self.sight is None or self.is_stopping else self.sight.in_call

    def changed_at(self, *, not_before: int) -> int | None:
        """Return when `in_call` became what it is, by the server's clock; None if untold, too old, or in the future."""
        if self.sight is None or self.sight.in_call_changed_at is None:
            return None
        changed_at = self.sight.in_call_changed_at + self.offset_ms
        return changed_at if not_before <= changed_at <= self.now else None


def advance(memory: Memory, look: Look, names: Names) -> tuple[Memory, list[Event]]:
    """Return the memory after this look, and the events that it gives rise to, oldest first."""
    events: list[Event] = []
    if memory.call is not None:
        memory = _in_call(memory, memory.call, look, names, events)
    elif memory.lost is not None:
        memory = _after_loss(memory, memory.lost, look, names, events)
    if memory.call is None and memory.lost is None and look.in_call:
        memory = msgspec.structs.replace(memory, call=_opened(look))
    memory = msgspec.structs.replace(memory, sight=look.sight, seen_at=look.now)
    return _told(memory, look, names, events), events


def _opened(look: Look) -> Tally:
    started_at = look.changed_at(not_before=look.now - CALL_MAX_MS + REJOIN_MS)
    names = look.sight.app_names if look.sight else ()
    return Tally(new_event_id(), names[0] if names else None, look.now if started_at is None else started_at)


def _in_call(memory: Memory, call: Tally, look: Look, names: Names, events: list[Event]) -> Memory:
    ended_at = look.now
    if look.in_call is False:
        ended_at = look.changed_at(not_before=max(memory.seen_at, call.started_at)) or look.now
    ended_at = min(ended_at, call.started_at + CALL_MAX_MS)
    if memory.sight is not None:
        call = call.advanced(memory.sight, ended_at - memory.seen_at)
    if look.in_call and ended_at - call.started_at < CALL_MAX_MS:
        return msgspec.structs.replace(memory, call=call)
    events.append(call.record(ended_at, at=look.now, app_name=names.app_name, language=names.language))
    if look.in_call:
        return msgspec.structs.replace(memory, call=Tally(new_event_id(), call.app_name, ended_at))
    lost = LostCall(call, ended_at, is_recorded=True) if look.in_call is None else None
    return msgspec.structs.replace(memory, call=None, lost=lost)


def _after_loss(memory: Memory, lost: LostCall, look: Look, names: Names, events: list[Event]) -> Memory:
    since = look.changed_at(not_before=lost.tally.started_at) if look.sight else None
    away_ms = abs(look.now - lost.lost_at) if since is None else since - lost.lost_at  # a clock set back tells nothing
    if look.in_call and away_ms <= REJOIN_MS:
        revision = lost.tally.revision + lost.is_recorded
        resumed = msgspec.structs.replace(lost.tally, revision=revision)
        if look.sight is not None:
            resumed = resumed.advanced(look.sight, look.now - lost.lost_at)
        return msgspec.structs.replace(memory, call=resumed, lost=None)
    if not lost.is_recorded:
        ended_at = lost.lost_at
        if look.in_call is False and since is not None and since > ended_at:
            ended_at = min(since, lost.tally.started_at + CALL_MAX_MS)
        events.append(lost.tally.record(ended_at, at=look.now, app_name=names.app_name, language=names.language))
        lost = LostCall(lost.tally, ended_at, is_recorded=True)
    is_gone = look.in_call is not None or look.now - lost.lost_at > CALL_MAX_MS
    return msgspec.structs.replace(memory, lost=None if is_gone else lost)


def _told(memory: Memory, look: Look, names: Names, events: list[Event]) -> Memory:
    verdict = state_of(look.sight, is_stopping=look.is_stopping)
    told = _telling(verdict, memory.call, look.sight, names)
    if told == memory.told:
        return memory
    at = max(look.now, memory.told_at + 1) if memory.told_at - look.now < AHEAD_MAX_MS else look.now
    events.append(
        StateEvent(
            id=new_event_id(),
            at=instant(at),
            state=verdict.state,
            reason=told.reason,
            call=told.call,
            mic=told.mic,
            speaker=told.speaker,
        )
    )
    return msgspec.structs.replace(memory, told=told, told_at=at)


def _telling(verdict: Verdict, call: Tally | None, sight: Sight | None, names: Names) -> Told:
    running = RunningCall(fitting(call.app_name or names.app_name), instant(call.started_at)) if call else None
    mic, speaker = (_stream(sight.mic), _stream(sight.speaker)) if sight else (None, None)
    return Told(verdict.state, verdict.reason and fitting(verdict.reason), running, mic, speaker)


def _stream(side: Side | None) -> Stream | None:
    if side is None or side.device is None:
        return None
    name = side.device.name and fitting(side.device.name)
    return Stream(name, side.device.is_muted, side.noise_cancellation, side.accent_conversion)
