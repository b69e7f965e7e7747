"""Parts of a limit taken in advance: never more than the limit and the documented slack, at a fraction of the calls."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.foundation.ids import new_id
from callfloor.foundation.limits.leased import FREE_SHARE, LARGEST_PART
from callfloor.foundation.rate_limit import Block, Limit, MemoryRateLimit, Verdict
from tests.foundation.limits.conftest import NOW, Process, Stores, leased

LIMIT = Limit(requests=400, window_seconds=60, block_seconds=90)
WINDOW, BLOCK = 60_000, 90_000
FREE, PART = LIMIT.requests // FREE_SHARE, LIMIT.requests // LARGEST_PART
SMALL = Limit(requests=5, window_seconds=10, block_seconds=30)
_steps = st.lists(st.tuples(st.integers(0, 12_000), st.sampled_from("ab")), min_size=20, max_size=60)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_steps)
def test_a_small_limit_is_counted_as_in_memory(
    stores: Stores, runner: asyncio.Runner, steps: list[tuple[int, str]]
) -> None:
    one, other, memory = leased(stores(), SMALL), leased(stores(), SMALL), MemoryRateLimit(SMALL)
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


def test_of_many_at_once_the_limit_is_let_in_and_all_of_it(stores: Stores, runner: asyncio.Runner) -> None:
    processes, client = [leased(stores(), LIMIT) for _ in range(3)], new_id()

    async def rush() -> tuple[list[Verdict], list[Verdict]]:
        first = await asyncio.gather(*(processes[n % 3].limit.taken(client, NOW) for n in range(900)))
        later = await asyncio.gather(*(processes[n % 3].limit.taken(client, NOW + n) for n in range(90)))
        return first, later

    first, later = runner.run(rush())

    assert sum(verdict.allowed for verdict in first) == LIMIT.requests
    assert not any(verdict.allowed for verdict in later)
    assert [block for process in processes for block in process.begun] == [Block(client, NOW, NOW + BLOCK)]
    assert {verdict.reset_seconds for verdict in later} <= {89, 90}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), count=st.integers(1, 4))
def test_no_window_lets_in_more_than_the_slack_says(
    stores: Stores, runner: asyncio.Runner, seed: int, count: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  # no secret
    processes, client = [leased(stores(), LIMIT) for _ in range(count)], new_id()

    async def let_in() -> list[int]:
        instants, now = [], NOW
        for _ in range(60):
            now += dice.choice((0, 1, 500, 20_000))
            process = dice.choice(processes)
            instants += [now] * sum(await process.allowed(client, now, dice.randrange(120)))
        return instants

    instants = runner.run(let_in())

    # A span as long as a window touches two of them.
    most = max(sum(start <= one < start + WINDOW for one in instants) for start in set(instants))
    assert most <= 2 * (LIMIT.requests + 2 * count * FREE)


def test_a_process_that_never_asks_is_the_slack(stores: Stores, runner: asyncio.Runner) -> None:
    busy, quiet, client = leased(stores(), LIMIT), leased(stores(), LIMIT), new_id()

    quiet_ones = runner.run(quiet.allowed(client, NOW, FREE))
    busy_ones = runner.run(busy.allowed(client, NOW, LIMIT.requests + 1))
    after = runner.run(quiet.allowed(client, NOW))

    assert quiet_ones == [True] * FREE
    assert busy_ones == [True] * LIMIT.requests + [False]
    assert after == [False]


def test_the_first_requests_of_a_client_do_not_need_the_store(nowhere: Stores, runner: asyncio.Runner) -> None:
    process = leased(nowhere(), LIMIT)

    async def ask() -> tuple[list[bool], bool, list[bool], bool]:
        first = await process.allowed("team 1 key 2", NOW, FREE)
        before = process.watch.is_away
        second = await process.allowed("team 1 key 2", NOW)
        after = process.watch.is_away
        await process.watch.close()
        return first, before, second, after

    first, before, second, after = runner.run(ask())

    assert (first, before) == ([True] * FREE, False)
    assert (second, after) == ([True], True)


def test_what_was_taken_in_advance_ends_with_its_window(stores: Stores, runner: asyncio.Runner) -> None:
    paused, busy, client = leased(stores(), LIMIT), leased(stores(), LIMIT), new_id()
    runner.run(paused.allowed(client, NOW, FREE + 1))  # holds the rest of a part

    in_new_window = runner.run(busy.allowed(client, NOW + WINDOW, LIMIT.requests + 1))
    gone_on = runner.run(paused.allowed(client, NOW + WINDOW, PART))

    assert in_new_window == [True] * LIMIT.requests + [False]
    assert gone_on == [True] * FREE + [False] * (PART - FREE)


def test_a_block_that_was_heard_of_ends_what_was_taken_in_advance(stores: Stores, runner: asyncio.Runner) -> None:
    process, client = leased(stores(), LIMIT), new_id()
    assert all(runner.run(process.allowed(client, NOW, FREE + 1)))

    process.limit.hear_of(Block(client, NOW, NOW + BLOCK))

    assert runner.run(process.allowed(client, NOW)) == [False]


def test_what_is_told_never_rises_within_a_window(stores: Stores, runner: asyncio.Runner) -> None:
    process, client = leased(stores(), LIMIT), new_id()

    async def tell() -> list[int]:
        return [(await process.limit.taken(client, NOW)).remaining for _ in range(LIMIT.requests)]

    assert runner.run(tell()) == list(reversed(range(LIMIT.requests)))


@pytest.mark.parametrize("requests", [1, 2, 9, 39, 40])
def test_every_limit_is_let_in_whole_by_a_single_process(stores: Stores, runner: asyncio.Runner, requests: int) -> None:
    process: Process = leased(stores(), Limit(requests, window_seconds=60, block_seconds=60))

    assert runner.run(process.allowed(new_id(), NOW, requests + 2)) == [True] * requests + [False] * 2
