"""Counts in the database."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.foundation.limits.counting import count_requests
from callfloor.foundation.limits.shared import Counted
from callfloor.foundation.rate_limit import Limit


class DatabaseCounter:
    """See `Counter`."""

    def __init__(self, db: Database, limit: Limit) -> None:
        self._db = db
        self._limit = limit

    async def count(self, wanted: Mapping[str, int], now: Millis) -> dict[str, Counted]:
        """See `Counter.count`."""
        return await self._db.write(functools.partial(count_requests, wanted=dict(wanted), now=now, limit=self._limit))

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`: whoever lifts it does so in the very row that is counted in."""

    async def close(self) -> None:
        """See `Counter.close`."""
