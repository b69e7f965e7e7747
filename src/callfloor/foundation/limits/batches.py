"""What comes together is counted together, one count at a time: where requests meet the store."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from callfloor.foundation.clock import Millis


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Requests of one client that are to be counted."""

    requests: int
    spare: int = 0
    """So many of them are taken in advance: the block begins only when the total is over the limit without them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Counted:
    """A client after some of its requests were counted."""

    total: int
    """Requests of the window, these included."""
    ends_at: Millis
    """Of the window; of the block, once it began."""
    was_blocked: bool = False
    """It was shut out before: nothing was counted."""


@dataclasses.dataclass(frozen=True, slots=True)
class Taken:
    """What a way of counting says of one request."""

    allowed: bool
    remaining: int
    ends_at: Millis
    """Of the window, or of the block."""
    has_begun_block: bool = False


class Counter(Protocol):
    """Where the counts of one limit are kept; each call is exact whoever else counts at the same moment."""

    async def count(self, wanted: Mapping[str, Wanted], now: Millis) -> dict[str, Counted]:
        """Count so many requests of each client.

        Raises:
            Unavailable: the store does not answer.
        """

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""


class Counting(Protocol):
    """A way of counting in a store that several processes share."""

    async def take(self, client: str, now: Millis) -> Taken:
        """Count one request.

        Raises:
            Unavailable: the store does not answer.
        """

    def forget(self, client: str) -> None:
        """Begin anew with a client whose block was lifted."""


@dataclasses.dataclass(slots=True)
class Batch:
    """Requests that are counted together; `counted` is the answer for all of them."""

    wanted: dict[str, Wanted] = dataclasses.field(default_factory=dict)
    now: Millis = 0
    task: asyncio.Task[dict[str, Counted]] = dataclasses.field(init=False)

    async def counted(self, client: str) -> Counted:
        """Return the client's count; cancelling one waiter does not cancel the count."""
        return (await asyncio.shield(self.task))[client]


class Batches:
    """Gathers requests while the batch before theirs is being counted."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._open: Batch | None = None
        self._counting: asyncio.Task[dict[str, Counted]] | None = None

    def add(self, client: str, wanted: Wanted, now: Millis) -> tuple[Batch, int]:
        """Return the batch, and which request of this client in it the last of these is, from 1."""
        batch = self._open
        if batch is None:
            batch = self._open = Batch()
            batch.task = asyncio.get_running_loop().create_task(self._count(batch))
            batch.task.add_done_callback(look_at)
        known = batch.wanted.get(client)
        place = wanted.requests + (known.requests if known is not None else 0)
        batch.wanted[client] = Wanted(place, wanted.spare)
        batch.now = max(batch.now, now)
        return batch, place

    async def _count(self, batch: Batch) -> dict[str, Counted]:
        # Whoever comes while the batch before this one is being counted still joins it.
        if self._counting is not None and not self._counting.done():
            await asyncio.wait([self._counting])
        self._open, self._counting = None, batch.task
        return await self._counter.count(batch.wanted, batch.now)


def look_at(task: asyncio.Task[Any]) -> None:
    """Take note of the task's error: when every client left meanwhile, nobody else does."""
    if not task.cancelled():
        task.exception()
