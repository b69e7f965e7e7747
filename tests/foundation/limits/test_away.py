"""A store that goes away: each process counts by itself meanwhile, and nobody waits, or is let out of a block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.ids import new_id
from callfloor.foundation.limits.batches import Wanted
from callfloor.foundation.limits.blocks import write_blocks
from callfloor.foundation.limits.in_valkey import StoreNotReached, ValkeyStore, ping
from callfloor.foundation.rate_limit import Api, Block, Limit
from tests.foundation.limits.conftest import NOW, Process, Stores, Way, leased, process_of
from tests.support.valkey import OwnValkey, own_valkey

LIMIT = Limit(requests=5, window_seconds=10, block_seconds=30)
BLOCK = LIMIT.block_seconds * 1000
DEADLINE_SECONDS = 30.0

both_ways = pytest.mark.parametrize("way", [process_of, leased])


async def back(process: Process) -> None:
    """Wait until the process counts in its store again."""
    await asyncio.wait_for(process.watch.back(), DEADLINE_SECONDS)


@both_ways
def test_each_process_counts_by_itself_while_the_store_is_away(
    nowhere: Stores, runner: asyncio.Runner, way: Way
) -> None:
    processes = [way(nowhere(), LIMIT) for _ in range(2)]
    client = new_id()

    async def ask() -> list[list[bool]]:
        said = [await process.allowed(client, NOW, 7) for process in processes]
        for process in processes:
            await process.watch.close()
        return said

    assert runner.run(ask()) == [[True] * 5 + [False] * 2] * 2
    assert [process.begun for process in processes] == [[Block(client, NOW, NOW + BLOCK)]] * 2


@both_ways
def test_who_is_shut_out_stays_so_while_the_store_is_away(nowhere: Stores, runner: asyncio.Runner, way: Way) -> None:
    process, client = way(nowhere(), LIMIT), new_id()
    process.limit.hear_of(Block(client, NOW, NOW + BLOCK))

    async def ask() -> list[bool]:
        away = await process.allowed(new_id(), NOW) + await process.allowed(client, NOW + BLOCK - 1)
        await process.watch.close()
        return away

    assert runner.run(ask()) == [True, False]


@both_ways
def test_it_is_counted_together_again_once_the_store_is_back(
    in_valkey: Stores, runner: asyncio.Runner, way: Way
) -> None:
    store, client = in_valkey(), new_id()
    process, other = way(store, LIMIT), way(in_valkey(), LIMIT)

    async def ask() -> list[bool]:
        process.watch.lost(Unavailable("cut off"))
        assert process.watch.is_away
        alone = await process.allowed(client, NOW, 3)
        await back(process)
        return alone + await other.allowed(client, NOW, 4) + await process.allowed(client, NOW, 2)

    assert runner.run(ask()) == [True] * 3 + [True] * 4 + [True, False]


def test_a_valkey_that_was_started_anew_learns_who_is_shut_out(
    db: Database, valkey_at: Callable[[str], ValkeyStore], runner: asyncio.Runner
) -> None:
    # Valkey forgets by its own clock: not before the real time.
    client, begun_at = new_id(), max(NOW, clock.now())
    block = Block(client, begun_at, begun_at + BLOCK)
    db.write_now(lambda tx: write_blocks(tx, [(Api.PORTAL, block)]))

    async def ask(valkey: OwnValkey) -> tuple[list[bool], list[bool]]:
        store = valkey_at(valkey.url)
        await store.reach()
        valkey.stop()
        valkey.start()
        # Another process than the one that began the block: it would hear of it from the database within a second.
        before = process_of(store, LIMIT)
        return await before.allowed(client, begun_at), [before.watch.is_away]

    with own_valkey() as valkey:
        assert runner.run(ask(valkey)) == ([False], [False])


def test_one_that_hangs_keeps_nobody_waiting_twice(
    valkey_at: Callable[[str], ValkeyStore], runner: asyncio.Runner
) -> None:
    async def ask(valkey: OwnValkey) -> list[bool]:
        process = process_of(valkey_at(valkey.url), LIMIT)
        assert await process.allowed("192.0.2.1", NOW) == [True]
        with valkey.hung():
            first = await process.allowed("192.0.2.1", NOW)
            assert process.watch.is_away
            after = await process.allowed("192.0.2.1", NOW, 5)
        await back(process)
        return first + after + await process.allowed("192.0.2.2", NOW)

    with own_valkey() as valkey:
        assert runner.run(ask(valkey)) == [True] * 5 + [False] + [True]


def test_asking_once_tells_whether_it_is_there(runner: asyncio.Runner) -> None:
    with own_valkey() as valkey:
        runner.run(ping(valkey.url))
        valkey.stop()
        with pytest.raises(StoreNotReached):
            runner.run(ping(valkey.url))


def test_a_valkey_that_is_not_there_is_unavailable(nowhere: Stores, runner: asyncio.Runner) -> None:
    store = nowhere()

    for call in (store.reach, lambda: store.counter(Api.PORTAL, LIMIT).count({"192.0.2.1": Wanted(1)}, NOW)):
        with pytest.raises(Unavailable, match="CALLFLOOR_RATE_LIMIT_URL"):
            runner.run(call())
