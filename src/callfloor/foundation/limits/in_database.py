"""Counts in the database."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.limits.batches import Counted, Wanted
from callfloor.foundation.limits.counting import count_requests
from callfloor.foundation.rate_limit import Api, Limit


class DatabaseStore:
    """See `Store`."""

    is_apart = False

    def __init__(self, db: Database) -> None:
        self._db = db

    def counter(self, api: Api, limit: Limit) -> DatabaseCounter:
        """See `Store.counter`."""
        return DatabaseCounter(self._db, api, limit)

    async def reach(self) -> None:
        """See `Store.reach`."""
        await self._db.write(_write_nothing)

    async def close(self) -> None:
        """See `Store.close`: whoever opened the database closes it."""


class DatabaseCounter:
    """See `Counter`."""

    def __init__(self, db: Database, api: Api, limit: Limit) -> None:
        self._db = db
        self._api = api
        self._limit = limit

    async def count(self, wanted: Mapping[str, Wanted], now: Millis) -> dict[str, Counted]:
        """See `Counter.count`."""
        count = functools.partial(count_requests, api=self._api, wanted=dict(wanted), now=now, limit=self._limit)
        return await self._db.write(count)

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`: whoever lifts it does so in the very row that is counted in."""


def _write_nothing(_tx: Tx) -> None:
    pass
