"""A process lets in the first requests of a client by itself, then takes parts of the limit from the store in advance.

A client's window in one process:

    free share ──spent──▶ asks the store ──granted──▶ a part of what is left ──spent──▶ asks again …
                               └──nothing is left──▶ block

The store counts what was granted, so that all processes together grant no more than the limit. What a process lets in
of the free share alone, the store never hears of: that is the slack, at most a fortieth of the limit in each of the
process's own windows, two of which a window of the store may touch.
"""

from __future__ import annotations

import asyncio
import dataclasses

from callfloor.foundation.clock import Millis
from callfloor.foundation.limits.batches import Batches, Counter, Taken, Wanted, look_at
from callfloor.foundation.rate_limit import Limit

FREE_SHARE = 40
"""The limit through this many: requests of a client in a window of one process that the store need not hear of."""
LARGEST_PART = 10
"""The limit through this many is taken in advance at most; near its end parts are a quarter of what is left."""


@dataclasses.dataclass(slots=True)
class _Budget:
    """What this process may let in of one client without asking."""

    left: int
    untold: int
    """Of the free share: the store has not heard of it."""
    in_store: int
    """What the store can still grant, when last heard."""
    ends_at: Millis
    asking: asyncio.Task[Taken | None] | None = None


class LeasedCounting:
    """See `Counting`."""

    def __init__(self, limit: Limit, counter: Counter) -> None:
        self._limit = limit
        self._window = limit.window_seconds * 1000
        self._free = limit.requests // FREE_SHARE
        self._largest = max(1, limit.requests // LARGEST_PART)
        self._batches = Batches(counter)
        self._budgets: dict[str, _Budget] = {}
        self._swept_at: Millis = 0

    async def take(self, client: str, now: Millis) -> Taken:
        """See `Counting.take`."""
        if now - self._swept_at > self._window:
            self._sweep(now)
        while True:
            budget = self._budgets.get(client)
            if budget is None or now >= budget.ends_at:
                budget = self._budgets[client] = self._new_budget(now)
            if budget.left > 0:
                budget.left -= 1
                return Taken(allowed=True, remaining=budget.left + budget.in_store, ends_at=budget.ends_at)
            is_first = budget.asking is None
            if budget.asking is None:
                budget.asking = asyncio.get_running_loop().create_task(self._ask(client, budget, now))
                budget.asking.add_done_callback(look_at)
            refusal = await asyncio.shield(budget.asking)
            if refusal is not None:
                return refusal if is_first else dataclasses.replace(refusal, has_begun_block=False)

    def forget(self, client: str) -> None:
        """See `Counting.forget`."""
        self._budgets.pop(client, None)

    def _new_budget(self, now: Millis) -> _Budget:
        return _Budget(self._free, self._free, self._limit.requests - self._free, now + self._window)

    async def _ask(self, client: str, budget: _Budget, now: Millis) -> Taken | None:
        """Take a part in advance; return None, or the refusal when nothing is left."""
        part = min(self._largest, max(1, budget.in_store // 4))
        try:
            batch, _ = self._batches.add(client, Wanted(budget.untold + part, spare=part - 1), now)
            counted = await batch.counted(client)
        finally:
            budget.asking = None
        granted = min(part, self._limit.requests - (counted.total - part))
        if counted.was_blocked or granted <= 0:
            budget.ends_at = counted.ends_at
            return Taken(False, 0, counted.ends_at, has_begun_block=not counted.was_blocked)
        budget.left, budget.untold = granted, 0
        budget.in_store = max(0, self._limit.requests - counted.total)
        budget.ends_at = min(counted.ends_at, now + self._window)
        return None

    def _sweep(self, now: Millis) -> None:
        self._swept_at = now
        self._budgets = {
            client: budget for client, budget in self._budgets.items() if now < budget.ends_at or budget.asking
        }
