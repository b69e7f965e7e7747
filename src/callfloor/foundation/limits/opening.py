"""Opens the limits in the store that the settings name."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import DomainError
from callfloor.foundation.limits.blocks import blocks_in_force
from callfloor.foundation.limits.of_apis import DOORS, Limits, limit_of
from callfloor.foundation.rate_limit import Api, Block, Limit, MemoryRateLimit, RateLimit

if TYPE_CHECKING:
    from callfloor.foundation.database import Database
    from callfloor.foundation.limits.batches import Counter
    from callfloor.foundation.settings import Settings

OnBlock = Callable[[Api, Block], None]

EXACT = frozenset({Api.PORTAL, *DOORS})
"""Counted request by request: the contract promises it, or a guess is at stake. The others are counted in parts."""


class StoreNotSet(DomainError):
    """The settings name a store, but not where it is."""

    code = "store_not_set"


class Store(Protocol):
    """Where processes count together."""

    is_apart: bool
    """A program of its own: what it knows of blocks is written into the database beside."""

    def counter(self, api: Api, limit: Limit) -> Counter:
        """Return the counter of one API."""

    async def reach(self) -> None:
        """Come to where counts can be written.

        Raises:
            Unavailable: the store does not answer.
        """

    async def close(self) -> None:
        """Let go of it."""


async def open_limits(settings: Settings, db: Database, *, on_block: OnBlock, now: Millis) -> Limits:
    """Return the limits, who is shut out already included; `on_block` hears of blocks that are not rows by themselves.

    Raises:
        StoreNotSet: Valkey is to be the store, and its address is not set.
        Unavailable: the store does not answer.
    """
    blocks = await _blocks(db, now)
    if settings.rate_limit.store == "memory":
        limits = Limits({api: _in_memory(settings, api, on_block) for api in Api})
    elif settings.rate_limit.store == "database":
        limits = await _in_database(settings, db, on_block)
    else:
        limits = await _in_valkey(settings, db, on_block)
    for api, block in blocks:
        limits[api].hear_of(block)
    return limits


def _in_memory(settings: Settings, api: Api, on_block: OnBlock) -> RateLimit:
    return MemoryRateLimit(limit_of(settings, api), on_block=functools.partial(on_block, api))


# The modules of a store are loaded only where it is used.


async def _in_database(settings: Settings, db: Database, on_block: OnBlock) -> Limits:
    from callfloor.foundation.limits.in_database import DatabaseStore  # noqa: PLC0415

    return await _shared(settings, DatabaseStore(db), on_block)


async def _in_valkey(settings: Settings, db: Database, on_block: OnBlock) -> Limits:
    if settings.rate_limit.url is None:
        raise StoreNotSet("CALLFLOOR_RATE_LIMIT_STORE is valkey: CALLFLOOR_RATE_LIMIT_URL must say where it is.")
    from callfloor.foundation.limits.in_valkey import ValkeyStore  # noqa: PLC0415

    def blocks() -> Awaitable[list[tuple[Api, Block]]]:
        return _blocks(db, clock.now())

    return await _shared(settings, ValkeyStore(settings.rate_limit.url.get_secret_value(), blocks), on_block)


async def _shared(settings: Settings, store: Store, on_block: OnBlock) -> Limits:
    from callfloor.foundation.limits.exact import ExactCounting  # noqa: PLC0415
    from callfloor.foundation.limits.leased import LeasedCounting  # noqa: PLC0415
    from callfloor.foundation.limits.shared import SharedRateLimit, StoreWatch  # noqa: PLC0415

    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(store.close)
        await store.reach()
        undo.pop_all()
    watch = StoreWatch(store.reach)
    by_api: dict[Api, RateLimit] = {}
    for api in Api:
        limit = limit_of(settings, api)
        counter = store.counter(api, limit)
        counting = ExactCounting(limit, counter) if api in EXACT else LeasedCounting(limit, counter)
        told = functools.partial(on_block, api)
        by_api[api] = SharedRateLimit(
            limit, counting, counter, watch, on_block=told, has_rows_of_blocks=not store.is_apart
        )

    async def close() -> None:
        await watch.close()
        await store.close()

    return Limits(by_api, is_shared=True, ask_store=store.reach if store.is_apart else None, close=close)


async def _blocks(db: Database, now: Millis) -> list[tuple[Api, Block]]:
    return await db.report(functools.partial(blocks_in_force, now=now))
