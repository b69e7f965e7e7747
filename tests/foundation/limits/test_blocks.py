"""Blocks: written down, listed, heard of by every server, lifted."""

from __future__ import annotations

import asyncio

import pytest

from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_id
from callfloor.foundation.limits.blocks import (
    FORGOTTEN_AT_ONCE,
    NotBlocked,
    blocks_in_force,
    forget_old_clients,
    lift_blocks,
    write_blocks,
)
from callfloor.foundation.rate_limit import Api, Block, Limit, MemoryRateLimit
from tests.foundation.limits.conftest import NOW, Stores, Way, leased, process_of

LIMIT = Limit(requests=5, window_seconds=10, block_seconds=30)
BLOCK = LIMIT.block_seconds * 1000
HOUR = 3_600_000


def of_portal(*blocks: Block) -> list[tuple[Api, Block]]:
    """Return the blocks as those of the Portal API."""
    return [(Api.PORTAL, block) for block in blocks]


class TestLift:
    @pytest.mark.parametrize("way", [process_of, leased])
    def test_ends_a_block_in_every_process_and_the_count_starts_at_zero(
        self, db: Database, stores: Stores, runner: asyncio.Runner, way: Way
    ) -> None:
        processes = [way(stores(), LIMIT) for _ in range(2)]
        client = new_id()

        async def shut_out_then_lift() -> list[bool]:
            assert await processes[0].allowed(client, NOW, 6) == [True] * 5 + [False]
            assert await processes[1].allowed(client, NOW) == [False]
            db.write_now(lambda tx: write_blocks(tx, of_portal(*processes[0].begun)))
            db.write_now(lambda tx: lift_blocks(tx, client, now=NOW + 1))
            for process in processes:
                await process.limit.lift(client, NOW + 1)
            return [(await processes[n % 2].limit.taken(client, NOW + 2)).allowed for n in range(6)]

        assert runner.run(shut_out_then_lift()) == [True] * 5 + [False]

    def test_heard_late_leaves_a_newer_block(self, in_valkey: Stores, runner: asyncio.Runner) -> None:
        process, memory, client = process_of(in_valkey(), LIMIT), MemoryRateLimit(LIMIT), new_id()

        async def late() -> list[bool]:
            for _ in range(6):
                await process.limit.taken(client, NOW)
                memory.take(client, NOW)
            await process.limit.lift(client, NOW - 1)
            await memory.lift(client, NOW - 1)
            return [(await process.limit.taken(client, NOW + 1)).allowed, memory.take(client, NOW + 1).allowed]

        assert runner.run(late()) == [False, False]

    def test_of_who_is_not_shut_out_is_refused(self, db: Database) -> None:
        ended = Block(new_id(), NOW - BLOCK, NOW)
        db.write_now(lambda tx: write_blocks(tx, of_portal(ended)))

        for client in (ended.client, new_id()):
            with pytest.raises(NotBlocked):
                db.write_now(lambda tx, one=client: lift_blocks(tx, one, now=NOW))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults

    def test_is_of_every_api_at_once(self, db: Database) -> None:
        block = Block(new_id(), NOW, NOW + BLOCK)
        both = [(Api.CALLFLOOR, block), (Api.PORTAL, block)]
        db.write_now(lambda tx: write_blocks(tx, both))

        assert sorted(db.write_now(lambda tx: lift_blocks(tx, block.client, now=NOW + 1))) == sorted(both)


def test_blocks_are_listed_while_they_hold(db: Database) -> None:
    block = Block(new_id(), NOW, NOW + BLOCK)
    db.write_now(lambda tx: write_blocks(tx, of_portal(block, Block(new_id(), NOW, NOW + BLOCK))))

    assert (Api.PORTAL, block) in db.read_now(lambda tx: blocks_in_force(tx, now=NOW + BLOCK - 1))
    assert (Api.PORTAL, block) not in db.read_now(lambda tx: blocks_in_force(tx, now=NOW + BLOCK))


def test_a_block_outlives_the_process_that_began_it() -> None:
    begun: list[Block] = []
    first, second = MemoryRateLimit(LIMIT, on_block=begun.append), MemoryRateLimit(LIMIT)
    for _ in range(6):
        first.take("192.0.2.1", NOW)

    second.hear_of(begun[0])

    assert not second.take("192.0.2.1", NOW + BLOCK - 1).allowed
    assert second.take("192.0.2.1", NOW + BLOCK).allowed


def test_one_process_hears_of_the_block_of_another(stores: Stores, runner: asyncio.Runner) -> None:
    process, client = leased(stores(), LIMIT), new_id()
    process.limit.hear_of(Block(client, NOW, NOW + BLOCK))

    assert runner.run(process.allowed(client, NOW + BLOCK - 1)) == [False]
    assert runner.run(process.allowed(client, NOW + BLOCK)) == [True]


def test_clients_are_forgotten_when_their_block_is_long_over(fresh_database_url: str) -> None:
    fresh_db = open_database(fresh_database_url)
    old = [Block(f"old {n}", NOW - 3 * HOUR, NOW - 2 * HOUR) for n in range(FORGOTTEN_AT_ONCE + 1)]
    kept = Block("kept", NOW - HOUR, NOW)
    fresh_db.write_now(lambda tx: write_blocks(tx, of_portal(*old, kept)))

    forgotten = [fresh_db.write_now(lambda tx: forget_old_clients(tx, now=NOW)) for _ in range(3)]

    assert forgotten == [FORGOTTEN_AT_ONCE, 1, 0]
    assert fresh_db.read_now(lambda tx: blocks_in_force(tx, now=NOW - 1)) == of_portal(kept)
    fresh_db.close_now()
