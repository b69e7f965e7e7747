"""Every request is counted in the store before it is let in: of any number to any process, the limit and no more."""

from __future__ import annotations

from callfloor.foundation.clock import Millis
from callfloor.foundation.limits.batches import Batches, Counter, Taken, Wanted
from callfloor.foundation.rate_limit import Limit

_ONE = Wanted(1)


class ExactCounting:
    """See `Counting`."""

    def __init__(self, limit: Limit, counter: Counter) -> None:
        self._limit = limit
        self._batches = Batches(counter)

    async def take(self, client: str, now: Millis) -> Taken:
        """See `Counting.take`."""
        batch, place = self._batches.add(client, _ONE, now)
        counted = await batch.counted(client)
        number = counted.total - batch.wanted[client].requests + place
        if not counted.was_blocked and number <= self._limit.requests:
            # The count may be a little older than another process's: no window seems longer than it is.
            ends_at = min(counted.ends_at, now + self._limit.window_seconds * 1000)
            return Taken(allowed=True, remaining=self._limit.requests - number, ends_at=ends_at)
        has_begun = not counted.was_blocked and number == self._limit.requests + 1
        return Taken(allowed=False, remaining=0, ends_at=counted.ends_at, has_begun_block=has_begun)

    def forget(self, client: str) -> None:
        """See `Counting.forget`: nothing is remembered here."""
