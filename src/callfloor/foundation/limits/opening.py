"""Opens the limit that the settings name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import DomainError
from callfloor.foundation.limits.blocks import blocks_in_force
from callfloor.foundation.rate_limit import Block, Limit, MemoryRateLimit, RateLimit

if TYPE_CHECKING:
    from callfloor.foundation.database import Database
    from callfloor.foundation.settings import RateLimit as RateLimitSettings


class StoreNotSet(DomainError):
    """The settings name a store, but not where it is."""

    code = "store_not_set"


async def open_limit(
    settings: RateLimitSettings, db: Database, *, on_block: Callable[[Block], None], now: Millis
) -> RateLimit:
    """Return the limit; `on_block` hears of blocks that are not rows by themselves.

    Raises:
        StoreNotSet: Valkey is to be the store, and its address is not set.
        Unavailable: the store does not answer.
    """
    limit = Limit(settings.requests, settings.window_seconds, settings.block_seconds)
    if settings.store == "memory":
        memory = MemoryRateLimit(limit, on_block=on_block)
        memory.restore(await db.report(functools.partial(blocks_in_force, now=now)))
        return memory
    from callfloor.foundation.limits.shared import SharedRateLimit  # noqa: PLC0415  # one store is loaded

    if settings.store == "database":
        from callfloor.foundation.limits.in_database import DatabaseCounter  # noqa: PLC0415  # as above

        return SharedRateLimit(limit, DatabaseCounter(db, limit))
    if settings.url is None:
        raise StoreNotSet("CALLFLOOR_RATE_LIMIT_STORE is valkey: CALLFLOOR_RATE_LIMIT_URL must say where it is.")
    from callfloor.foundation.limits.in_valkey import ValkeyCounter  # noqa: PLC0415  # as above

    counter = ValkeyCounter(settings.url.get_secret_value(), limit)
    await counter.prepare()
    return SharedRateLimit(limit, counter, on_block=on_block)
