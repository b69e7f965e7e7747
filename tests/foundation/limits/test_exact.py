"""Request by request: one rule, whether one process counts or several."""

from __future__ import annotations

import asyncio
import collections

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.foundation.ids import new_id
from callfloor.foundation.rate_limit import Block, Limit, MemoryRateLimit, Verdict
from tests.foundation.limits.conftest import NOW, Stores, process_of

LIMIT = Limit(requests=5, window_seconds=10, block_seconds=30)
BLOCK = LIMIT.block_seconds * 1000
_steps = st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from("ab")), min_size=20, max_size=60)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_every_store_says_what_memory_says(
    stores: Stores, runner: asyncio.Runner, steps: list[tuple[int, str]]
) -> None:
    one, other, memory = process_of(stores(), LIMIT), process_of(stores(), LIMIT), MemoryRateLimit(LIMIT)
    example, now = new_id(), NOW

    async def compared() -> list[tuple[Verdict, Verdict]]:
        nonlocal now
        pairs = []
        for number, (wait, client) in enumerate(steps):
            now += wait
            process = one if number % 2 else other
            pairs.append((await process.limit.taken(f"{example}{client}", now), memory.take(client, now)))
        return pairs

    for shared, alone in runner.run(compared()):
        assert shared == alone


def test_of_many_at_once_from_two_processes_exactly_the_limit_is_let_in(stores: Stores, runner: asyncio.Runner) -> None:
    limit = Limit(requests=700, window_seconds=60, block_seconds=3600)
    processes = [process_of(stores(), limit) for _ in range(2)]
    client, neighbor = new_id(), new_id()

    async def rush() -> tuple[list[Verdict], list[Verdict], Verdict]:
        first = await asyncio.gather(*(processes[n % 2].limit.taken(client, NOW) for n in range(900)))
        later = await asyncio.gather(*(processes[n % 2].limit.taken(client, NOW + n) for n in range(100)))
        return first, later, await processes[0].limit.taken(neighbor, NOW)

    first, later, untouched = runner.run(rush())

    assert collections.Counter(verdict.allowed for verdict in first) == {True: 700, False: 200}
    assert sorted(verdict.remaining for verdict in first if verdict.allowed) == list(range(700))
    assert not any(verdict.allowed for verdict in later)
    assert untouched == Verdict(allowed=True, remaining=699, reset_seconds=60)
    assert [block for process in processes for block in process.begun] == [Block(client, NOW, NOW + 3_600_000)]


def test_a_refused_request_neither_counts_nor_lengthens_the_block(stores: Stores, runner: asyncio.Runner) -> None:
    process, client = process_of(stores(), LIMIT), new_id()

    async def knock() -> tuple[list[bool], list[bool], list[bool]]:
        filled = await process.allowed(client, NOW, 6)
        knocks = [(await process.limit.taken(client, NOW + n)).allowed for n in range(0, BLOCK, 997)]
        return filled, knocks, await process.allowed(client, NOW + BLOCK, 6)

    filled, knocks, after = runner.run(knock())

    assert filled == after == [True] * 5 + [False]
    assert not any(knocks)


def test_more_at_once_than_a_whole_limit_is_cut_at_the_limit(stores: Stores, runner: asyncio.Runner) -> None:
    process, client = process_of(stores(), LIMIT), new_id()

    async def rush() -> list[Verdict]:
        return await asyncio.gather(*(process.limit.taken(client, NOW) for _ in range(20)))

    verdicts = runner.run(rush())

    assert [verdict.allowed for verdict in verdicts] == [True] * 5 + [False] * 15
    assert {verdict.reset_seconds for verdict in verdicts if not verdict.allowed} == {30}
