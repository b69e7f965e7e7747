"""The stores of the limit by address: one rule, whether one process counts or several."""

from __future__ import annotations

import asyncio
import collections
import functools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valkey import Valkey

from callfloor.foundation.database import Database, open_database
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.ids import new_id
from callfloor.foundation.limits.blocks import NotBlocked, blocks_in_force, lift_block, write_blocks
from callfloor.foundation.limits.in_database import DatabaseCounter
from callfloor.foundation.limits.in_valkey import ValkeyCounter
from callfloor.foundation.limits.shared import Counter, SharedRateLimit
from callfloor.foundation.rate_limit import Block, Limit, MemoryRateLimit, Verdict
from tests.support.valkey import valkey_server

NOW = 1_800_000_000_000
LIMIT = Limit(requests=5, window_seconds=10, block_seconds=30)
BLOCK = LIMIT.block_seconds * 1000
_steps = st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from("ab")), min_size=20, max_size=60)

Counters = Callable[[Limit], Counter]


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """The one event loop: connections belong to the loop that opened them."""
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A Valkey of this test process."""
    with valkey_server() as url:
        yield url


@pytest.fixture(scope="session")
def loop_db(database_url: str, runner: asyncio.Runner) -> Iterator[Database]:
    """The shared database, used in the loop of `runner`."""
    database = open_database(database_url)
    yield database
    runner.run(database.close())


@pytest.fixture
def in_database(loop_db: Database) -> Counters:
    """Counters in the database."""
    return lambda limit: DatabaseCounter(loop_db, limit)


@pytest.fixture
def in_valkey(valkey_url: str, runner: asyncio.Runner) -> Iterator[Counters]:
    """Counters in Valkey."""
    opened: list[ValkeyCounter] = []

    def counter(limit: Limit) -> Counter:
        opened.append(ValkeyCounter(valkey_url, limit))
        return opened[-1]

    yield counter
    for one in opened:
        runner.run(one.close())


@pytest.fixture(params=["database", "valkey"])
def counters(request: pytest.FixtureRequest, in_database: Counters, in_valkey: Counters) -> Counters:
    """Counters of one store, each as a process of its own would open it."""
    return {"database": in_database, "valkey": in_valkey}[request.param]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_every_store_says_what_memory_says(
    counters: Counters, runner: asyncio.Runner, steps: list[tuple[int, str]]
) -> None:
    one, other, memory = SharedRateLimit(LIMIT, counters(LIMIT)), SharedRateLimit(LIMIT, counters(LIMIT)), _memory()
    example, now = new_id(), NOW

    async def compared() -> list[tuple[Verdict, Verdict]]:
        nonlocal now
        pairs = []
        for number, (wait, client) in enumerate(steps):
            now += wait
            process = one if number % 2 else other
            pairs.append((await process.taken(f"{example}{client}", now), memory.take(client, now)))
        return pairs

    for shared, alone in runner.run(compared()):
        assert shared == alone


def test_of_many_at_once_from_two_processes_exactly_the_limit_is_let_in(
    counters: Counters, runner: asyncio.Runner
) -> None:
    limit = Limit(requests=700, window_seconds=60, block_seconds=3600)
    begun: list[Block] = []
    processes = [SharedRateLimit(limit, counters(limit), on_block=begun.append) for _ in range(2)]
    client, neighbor = new_id(), new_id()

    async def rush() -> tuple[list[Verdict], list[Verdict], Verdict]:
        first = await asyncio.gather(*(processes[n % 2].taken(client, NOW) for n in range(900)))
        later = await asyncio.gather(*(processes[n % 2].taken(client, NOW + n) for n in range(100)))
        return first, later, await processes[0].taken(neighbor, NOW)

    first, later, untouched = runner.run(rush())

    assert collections.Counter(verdict.allowed for verdict in first) == {True: 700, False: 200}
    assert sorted(verdict.remaining for verdict in first if verdict.allowed) == list(range(700))
    assert not any(verdict.allowed for verdict in later)
    assert untouched == Verdict(allowed=True, remaining=699, reset_seconds=60)
    assert begun == [Block(client, NOW, NOW + 3_600_000)]


def test_a_refused_request_neither_counts_nor_lengthens_the_block(counters: Counters, runner: asyncio.Runner) -> None:
    limit, client = SharedRateLimit(LIMIT, counters(LIMIT)), new_id()

    async def knock() -> tuple[list[bool], list[bool], list[bool]]:
        filled = [(await limit.taken(client, NOW)).allowed for _ in range(6)]
        knocks = [(await limit.taken(client, NOW + n)).allowed for n in range(0, BLOCK, 997)]
        return filled, knocks, [(await limit.taken(client, NOW + BLOCK)).allowed for _ in range(6)]

    filled, knocks, after = runner.run(knock())

    assert filled == after == [True] * 5 + [False]
    assert not any(knocks)


def test_more_at_once_than_a_whole_limit_is_cut_at_the_limit(counters: Counters, runner: asyncio.Runner) -> None:
    limit, client = SharedRateLimit(LIMIT, counters(LIMIT)), new_id()

    async def rush() -> list[Verdict]:
        return await asyncio.gather(*(limit.taken(client, NOW) for _ in range(20)))

    verdicts = runner.run(rush())

    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 15
    assert {verdict.reset_seconds for verdict in verdicts if not verdict.allowed} == {30}


class TestLift:
    def test_ends_a_block_in_every_process_and_the_count_starts_at_zero(
        self, loop_db: Database, counters: Counters, runner: asyncio.Runner
    ) -> None:
        begun: list[Block] = []
        processes = [SharedRateLimit(LIMIT, counters(LIMIT), on_block=begun.append) for _ in range(2)]
        client = new_id()

        async def shut_out_then_lift() -> list[bool]:
            for _ in range(6):
                await processes[0].taken(client, NOW)
            assert not (await processes[1].taken(client, NOW)).allowed
            loop_db.write_now(lambda tx: write_blocks(tx, begun))
            loop_db.write_now(lambda tx: lift_block(tx, client, now=NOW + 1))
            for process in processes:
                await process.lift(client, NOW + 1)
            return [(await processes[n % 2].taken(client, NOW + 2)).allowed for n in range(6)]

        assert runner.run(shut_out_then_lift()) == [True] * 5 + [False]

    def test_heard_late_leaves_a_newer_block(self, in_valkey: Counters, runner: asyncio.Runner) -> None:
        limit, memory, client = SharedRateLimit(LIMIT, in_valkey(LIMIT)), _memory(), new_id()

        async def late() -> tuple[Verdict, Verdict]:
            for _ in range(6):
                await limit.taken(client, NOW)
                memory.take(client, NOW)
            await limit.lift(client, NOW - 1)
            await memory.lift(client, NOW - 1)
            return await limit.taken(client, NOW + 1), memory.take(client, NOW + 1)

        assert [verdict.allowed for verdict in runner.run(late())] == [False, False]

    def test_of_who_is_not_shut_out_is_refused(self, db: Database) -> None:
        ended = Block(new_id(), NOW - BLOCK, NOW)
        db.write_now(lambda tx: write_blocks(tx, [ended]))

        for client in (ended.client, new_id()):
            with pytest.raises(NotBlocked):
                db.write_now(functools.partial(lift_block, client=client, now=NOW))


def test_blocks_are_listed_while_they_hold(db: Database) -> None:
    block = Block(new_id(), NOW, NOW + BLOCK)
    db.write_now(lambda tx: write_blocks(tx, [block, Block(new_id(), NOW, NOW + BLOCK)]))

    assert block in db.read_now(lambda tx: blocks_in_force(tx, now=NOW + BLOCK - 1))
    assert block not in db.read_now(lambda tx: blocks_in_force(tx, now=NOW + BLOCK))


def test_a_block_outlives_the_process_that_began_it() -> None:
    begun: list[Block] = []
    first, second = MemoryRateLimit(LIMIT, on_block=begun.append), _memory()
    for _ in range(6):
        first.take("192.0.2.1", NOW)

    second.restore(begun)

    assert not second.take("192.0.2.1", NOW + BLOCK - 1).allowed
    assert second.take("192.0.2.1", NOW + BLOCK).allowed


def test_valkey_started_anew_is_counted_in_again(runner: asyncio.Runner, valkey_url: str) -> None:
    counter = ValkeyCounter(valkey_url, LIMIT)
    limit = SharedRateLimit(LIMIT, counter)

    async def count() -> bool:
        verdict = await limit.taken(new_id(), NOW)
        return verdict.allowed

    assert runner.run(count())
    with Valkey.from_url(valkey_url) as client:
        client.script_flush()
    assert runner.run(count())
    runner.run(limit.close())


def test_a_valkey_that_is_not_there_is_unavailable(runner: asyncio.Runner) -> None:
    counter = ValkeyCounter("unix:///no/such/socket", LIMIT)

    with pytest.raises(Unavailable, match="CALLFLOOR_RATE_LIMIT_URL"):
        runner.run(counter.prepare())
    with pytest.raises(Unavailable, match="CALLFLOOR_RATE_LIMIT_URL"):
        runner.run(counter.count({"192.0.2.1": 1}, NOW))
    runner.run(counter.close())


def _memory() -> MemoryRateLimit:
    return MemoryRateLimit(LIMIT)
