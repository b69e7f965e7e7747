"""Recording: each look goes through the recorder's rules, and what comes of it is on disk before the next look."""

from __future__ import annotations

import asyncio
import logging

from callfloor_agent.clock import ServerClock
from callfloor_agent.events import CallEvent, Event, StateEvent
from callfloor_agent.recorder import Look, Memory, Names, advance
from callfloor_agent.sight import Sight
from callfloor_agent.spool import Spool, SpoolBroken

log = logging.getLogger(__name__)


class Recording:
    """The recorder at work: its memory, kept in the spool."""

    def __init__(self, spool: Spool, clock: ServerClock, names: Names) -> None:
        self._spool = spool
        self._clock = clock
        self._names = names
        self._memory = spool.memory().after_restart()
        self._earlier, self._kept = _stamped_before(spool, self._memory)
        self._offset_ms = clock.offset_ms
        self._corrected_ms = clock.corrected_ms
        self._was_known = clock.is_known
        self._has_events = asyncio.Event()
        self.problem: str | None = None

    @property
    def memory(self) -> Memory:
        """Return what the recorder remembers."""
        return self._memory

    def look(self, sight: Sight | None, *, is_stopping: bool = False) -> None:
        """Take in what is seen now. What cannot be written is tried again at the next look, from the same memory."""
        now = self._clock.now()
        self.follow_clock()
        look = Look(sight, now, self._clock.offset_ms, is_stopping=is_stopping)
        memory, events = advance(self._memory, look, self._names)
        try:
            self._spool.append(events, memory, is_stamped=self._clock.is_known)
        except SpoolBroken as error:
            self._complain(str(error))
            return
        self.problem, self._memory = None, memory
        for event in events:
            log.info("%s", _sentence(event))
        if events:
            self._has_events.set()

    def follow_clock(self) -> None:
        """Move what is remembered, and what was stamped before the server's clock was known, to that clock.

        A clock of this machine that was set changes the offset, and moves nothing. A correction is of this run: this
        machine's clock may have been another when an earlier one stamped.
        """
        offset_ms, by_ms = self._clock.offset_ms, self._clock.corrected_ms - self._corrected_ms
        if not self._clock.is_known or (self._was_known and by_ms == 0 and offset_ms == self._offset_ms):
            return
        try:
            if not self._was_known:
                self._spool.stamp(by_ms, after=self._earlier, kept=self._kept)
            self._spool.note_offset(offset_ms)
        except SpoolBroken as error:
            self._complain(str(error))
            return
        if offset_ms != self._offset_ms:
            log.info("the server's clock is %d ms ahead of this machine's", offset_ms)
        self._memory = self._memory.shifted(by_ms, kept=self._kept)
        self._offset_ms, self._corrected_ms, self._was_known = offset_ms, self._clock.corrected_ms, True

    async def wait_for_events(self, seconds: float) -> None:
        """Wait until something was recorded, so many seconds at most."""
        try:
            async with asyncio.timeout(seconds):
                await self._has_events.wait()
        except TimeoutError:
            return

    def forget_events(self) -> None:
        """Wait only for what is recorded from now on."""
        self._has_events.clear()

    def _complain(self, problem: str) -> None:
        if problem != self.problem:
            log.error("not recorded: %s", problem)
        self.problem = problem


def _stamped_before(spool: Spool, memory: Memory) -> tuple[int, frozenset[int]]:
    """Return the last event of earlier runs, and the instants that they told of a call that was lost.

    None and none where the server was never heard: then all that was stamped goes by this machine's clock alone.
    """
    if not spool.has_heard:
        return 0, frozenset()
    lost = memory.lost
    return spool.newest(), frozenset((lost.tally.started_at, lost.lost_at) if lost else ())


def _sentence(event: Event) -> str:
    if isinstance(event, StateEvent):
        return f"state: {event.state}" + (f" ({event.reason})" if event.reason else "")
    if isinstance(event, CallEvent):
        return f"call: {event.started_at} to {event.ended_at}, revision {event.revision}"
    return "heartbeat"
