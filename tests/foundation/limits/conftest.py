"""Stores that processes share: each `Process` stands for a server, which opens the store for itself."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator

import pytest

from callfloor.foundation.database import Database
from callfloor.foundation.limits.batches import Counter, Counting
from callfloor.foundation.limits.blocks import blocks_in_force
from callfloor.foundation.limits.exact import ExactCounting
from callfloor.foundation.limits.in_database import DatabaseStore
from callfloor.foundation.limits.in_valkey import ValkeyStore
from callfloor.foundation.limits.leased import LeasedCounting
from callfloor.foundation.limits.opening import Store
from callfloor.foundation.limits.shared import SharedRateLimit, StoreWatch
from callfloor.foundation.rate_limit import Api, Block, Limit
from tests.support.valkey import valkey_server

NOW = 1_800_000_000_000

Stores = Callable[[], Store]
CountingOf = Callable[[Limit, Counter], Counting]


@dataclasses.dataclass(frozen=True)
class Process:
    """A limit as one server holds it, and what it would write down of blocks."""

    limit: SharedRateLimit
    watch: StoreWatch
    begun: list[Block]

    async def allowed(self, client: str, now: int, times: int = 1) -> list[bool]:
        """Return what is said of requests that come one after the other."""
        return [(await self.limit.taken(client, now)).allowed for _ in range(times)]


def process_of(store: Store, limit: Limit, counting: CountingOf = ExactCounting) -> Process:
    """Return a server's limit in this store."""
    counter, watch = store.counter(Api.PORTAL, limit), StoreWatch(store.reach, retry_seconds=0.01)
    begun: list[Block] = []
    shared = SharedRateLimit(limit, counting(limit, counter), counter, watch, on_block=begun.append)
    return Process(shared, watch, begun)


def leased(store: Store, limit: Limit) -> Process:
    """Return a server's limit that takes parts in advance."""
    return process_of(store, limit, LeasedCounting)


Way = Callable[[Store, Limit], Process]
"""`process_of` or `leased`."""


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A Valkey of this test process."""
    with valkey_server() as url:
        yield url


@pytest.fixture
def valkey_at(db: Database, runner: asyncio.Runner) -> Iterator[Callable[[str], ValkeyStore]]:
    """Open the Valkey of an address, which need not be there."""
    opened: list[ValkeyStore] = []

    async def blocks() -> list[tuple[Api, Block]]:
        return await db.report(lambda tx: blocks_in_force(tx, now=NOW))

    def at(url: str) -> ValkeyStore:
        opened.append(ValkeyStore(url, blocks))
        return opened[-1]

    yield at
    for one in opened:
        runner.run(one.close())


@pytest.fixture
def in_valkey(valkey_url: str, valkey_at: Callable[[str], ValkeyStore], runner: asyncio.Runner) -> Stores:
    """Open the Valkey of this test process."""

    def store() -> Store:
        one = valkey_at(valkey_url)
        runner.run(one.reach())
        return one

    return store


@pytest.fixture
def nowhere(valkey_at: Callable[[str], ValkeyStore]) -> Stores:
    """Open a Valkey that is not there."""
    return lambda: valkey_at("unix:///no/such/socket")


@pytest.fixture(params=["database", "valkey"])
def stores(request: pytest.FixtureRequest, db: Database, in_valkey: Stores) -> Stores:
    """Open one of the stores, as a process of its own would."""
    return in_valkey if request.param == "valkey" else lambda: DatabaseStore(db)
