"""The one writer of events in a process: while one transaction runs, requests gather; the next takes them all."""

from __future__ import annotations

import asyncio
import functools
from collections import deque

import structlog

from callfloor.devices.tokens import HEARTBEAT_SECONDS
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError, Unavailable
from callfloor.ingest.batches import Parcel
from callfloor.ingest.recording import Counted, Group, record_batch
from callfloor.live.standing import SETTLE

GROUP_EVENTS = 2_000
"""After so many events a transaction takes no further request: the first of them waits for the last."""
_BUSY_SHARE, _HEAVY_SHARE = 0.25, 0.5
"""Of what may wait: from there on agents are asked to come half as often, and a quarter as often."""

log = structlog.get_logger(__name__)


class Overloaded(Unavailable):
    """More waits to be written than the server takes on."""

    retry_after_seconds = 5


class _Waiting:
    """A parcel and who waits for its answer."""

    __slots__ = ("answer", "parcel")

    def __init__(self, parcel: Parcel, answer: asyncio.Future[tuple[Counted, int]]) -> None:
        self.parcel = parcel
        self.answer = answer


class Writer:
    """Takes parcels, writes them in groups, answers each once it is on disk."""

    def __init__(
        self, db: Database, *, queue_events: int, group_events: int = GROUP_EVENTS, settle: Millis = SETTLE
    ) -> None:
        self._db = db
        self._settle = settle
        self._queue_events = queue_events
        self._group_events = group_events
        self._waiting: deque[_Waiting] = deque()
        self._events = 0
        self._run: asyncio.Task[None] | None = None

    async def write(self, parcel: Parcel) -> tuple[Counted, int]:
        """Return what was counted, once it is on disk, and the pause between heartbeats in seconds.

        Raises:
            TokenInvalid, DeviceBlocked: as `record_batch` finds.
            Overloaded: too much waits already; nothing was written.
            Unavailable: the database does not answer; nothing was written, or all of it and this is not known.
        """
        if self._events and self._events + parcel.events > self._queue_events:
            raise Overloaded(f"{self._events} events wait to be written")
        answer: asyncio.Future[tuple[Counted, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(parcel, answer))
        self._events += parcel.events
        if self._run is None:
            self._run = asyncio.create_task(self._write_all())
        return await answer

    @property
    def heartbeat_seconds(self) -> int:
        """Return the pause between heartbeats that fits the load: twice as long at a quarter of it, then four times."""
        share = self._events / self._queue_events
        return HEARTBEAT_SECONDS * (4 if share > _HEAVY_SHARE else 2 if share > _BUSY_SHARE else 1)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                await self._write_group(self._next_group())
        finally:
            self._run = None

    def _next_group(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        events = group[0].parcel.events
        while self._waiting and events + self._waiting[0].parcel.events <= self._group_events:
            group.append(self._waiting.popleft())
            events += group[-1].parcel.events
        return group

    async def _write_group(self, group: list[_Waiting]) -> None:
        heartbeat_seconds = self.heartbeat_seconds
        command = Group([one.parcel for one in group], heartbeat_seconds, clock.now(), self._settle)
        try:
            outcomes = await self._db.write(functools.partial(record_batch, group=command))
        except Unavailable as error:
            _fail(group, error)
        except Exception as error:  # the loop's edge: what one of them breaks is not the others'
            log.exception("events_failed", parcels=len(group))
            await self._write_apart(group, error)
        else:
            for one, outcome in zip(group, outcomes, strict=True):
                _answer(one, outcome, heartbeat_seconds)
        finally:
            self._events -= sum(one.parcel.events for one in group)

    async def _write_apart(self, group: list[_Waiting], error: Exception) -> None:
        """Write each parcel of a group that failed in a transaction of its own."""
        if len(group) == 1:
            _fail(group, error)
            return
        for one in group:
            self._events += one.parcel.events
            await self._write_group([one])


def _answer(one: _Waiting, outcome: Counted | DomainError, heartbeat_seconds: int) -> None:
    if one.answer.done():  # its client left
        return
    if isinstance(outcome, DomainError):
        one.answer.set_exception(outcome)
    else:
        one.answer.set_result((outcome, heartbeat_seconds))


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.answer.done():
            one.answer.set_exception(error)
