"""A limit that several server processes share: what comes together is counted together, one count at a time."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Protocol

from callfloor.foundation.clock import SECOND, Millis
from callfloor.foundation.rate_limit import Block, Limit, Verdict, seconds_until

_MANY = 10_000


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """A client after some of its requests were counted."""

    total: int
    """Requests of the window, these included."""
    ends_at: Millis
    """Of the window; of the block, once it began."""
    was_blocked: bool = False
    """It was shut out before: nothing was counted."""


class Counter(Protocol):
    """Where the counts are kept; each call is exact whoever else counts at the same moment."""

    async def count(self, wanted: Mapping[str, int], now: Millis) -> dict[str, Counted]:
        """Count so many requests of each client.

        Raises:
            Unavailable: the store does not answer.
        """

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""

    async def close(self) -> None:
        """Let go of the store."""


@dataclasses.dataclass(slots=True)
class _Batch:
    """Requests that are counted together."""

    wanted: dict[str, int] = dataclasses.field(default_factory=dict)
    now: Millis = 0

    def add(self, client: str, now: Millis) -> int:
        """Return which request of this client it is in the batch, from 1."""
        self.now = max(self.now, now)
        place = self.wanted[client] = self.wanted.get(client, 0) + 1
        return place


class SharedRateLimit:
    """Exact across processes; one refused costs nothing for a second, since its block is remembered here."""

    def __init__(self, limit: Limit, counter: Counter, *, on_block: Callable[[Block], None] | None = None) -> None:
        self.limit = limit
        self._counter = counter
        self._on_block = on_block
        self._open: tuple[_Batch, asyncio.Task[dict[str, Counted]]] | None = None
        self._counting: asyncio.Task[dict[str, Counted]] | None = None
        self._blocked: dict[str, tuple[Millis, Millis]] = {}
        """By client: the end of its block, and when to ask the store again whether it was lifted."""

    async def taken(self, client: str, now: Millis) -> Verdict:
        """See `RateLimit.taken`."""
        blocked = self._blocked.get(client)
        if blocked is not None and now < min(blocked):
            return Verdict(allowed=False, remaining=0, reset_seconds=seconds_until(blocked[0], now))
        if self._open is None:
            batch = _Batch()
            task = asyncio.get_running_loop().create_task(self._count(batch))
            task.add_done_callback(_look_at)
            self._open = (batch, task)
        batch, task = self._open
        place = batch.add(client, now)
        counted = (await asyncio.shield(task))[client]
        return self._verdict(client, place - batch.wanted[client], counted, batch.now)

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""
        await self._counter.lift(client, before)
        self._blocked.pop(client, None)

    async def close(self) -> None:
        """See `RateLimit.close`."""
        await self._counter.close()

    async def _count(self, batch: _Batch) -> dict[str, Counted]:
        # Whoever comes while the batch before this one is being counted still joins it.
        if self._counting is not None and not self._counting.done():
            await asyncio.wait([self._counting])
        self._open, self._counting = None, asyncio.current_task()
        return await self._counter.count(batch.wanted, batch.now)

    def _verdict(self, client: str, offset: int, counted: Counted, now: Millis) -> Verdict:
        number = counted.total + offset
        if not counted.was_blocked and number <= self.limit.requests:
            reset = min(seconds_until(counted.ends_at, now), self.limit.window_seconds)
            return Verdict(allowed=True, remaining=self.limit.requests - number, reset_seconds=reset)
        if len(self._blocked) > _MANY:
            self._blocked = {one: known for one, known in self._blocked.items() if now < known[0]}
        self._blocked[client] = (counted.ends_at, now + SECOND)
        if self._on_block is not None and not counted.was_blocked and number == self.limit.requests + 1:
            self._on_block(Block(client, now, counted.ends_at))
        return Verdict(allowed=False, remaining=0, reset_seconds=seconds_until(counted.ends_at, now))


def _look_at(task: asyncio.Task[dict[str, Counted]]) -> None:
    """Take note of the task's error: when every client left meanwhile, nobody else does."""
    if not task.cancelled():
        task.exception()
