"""What a request costs to count, by the store of the limits, and what it saves to take parts of a limit in advance.

    python -m benchmarks.limits [--rounds 5] [--quick]

The limits run inside this program, on one core; PostgreSQL and Valkey on the other. Their own CPU time is not counted
in: it is the server's that a request takes away from the next one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import uvloop

from benchmarks import report
from benchmarks.processes import LOAD_CORE, SERVER_CORE, pinned
from benchmarks.report import Goal, Row, faster
from callfloor.foundation import clock
from callfloor.foundation.database import open_database
from callfloor.foundation.limits.exact import ExactCounting
from callfloor.foundation.limits.in_database import DatabaseStore
from callfloor.foundation.limits.in_valkey import ValkeyStore
from callfloor.foundation.limits.leased import LeasedCounting
from callfloor.foundation.limits.opening import Store
from callfloor.foundation.limits.shared import SharedRateLimit, StoreWatch
from callfloor.foundation.rate_limit import Api, Block, Limit, MemoryRateLimit, RateLimit
from tests.support.databases import PostgresTemplate, SqliteTemplate, postgres_server
from tests.support.valkey import valkey_server

AT_ONCE = 64
_UNIT = "CPU µs a request"
_OF_ADDRESS = Limit(requests=10**9, window_seconds=60, block_seconds=60)
_OF_KEY = Limit(requests=6000, window_seconds=60, block_seconds=60)
_PER_KEY = 2_000
"""Of its 6,000: some of the free share, the rest in parts."""
_turns = itertools.count()


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: requests a turn of each way to count."""

    rounds: int = 5
    requests: int = 6_400


QUICK = Plan(requests=640)

Way = tuple[str, str]
"""How it is counted, and where."""


async def _nobody() -> list[tuple[Api, Block]]:
    return []


def _shared(store: Store, limit: Limit, counting: type[ExactCounting | LeasedCounting]) -> RateLimit:
    counter = store.counter(Api.CALLFLOOR, limit)
    return SharedRateLimit(limit, counting(limit, counter), counter, StoreWatch(store.reach), on_block=_ignored)


def _ignored(_block: Block) -> None:
    pass


@contextlib.asynccontextmanager
async def _ways(urls: Mapping[str, str]) -> AsyncIterator[dict[Way, RateLimit]]:
    """Open every way to count in every store."""
    async with contextlib.AsyncExitStack() as stack:
        ways: dict[Way, RateLimit] = {("exact", "memory"): MemoryRateLimit(_OF_ADDRESS)}
        for name, url in urls.items():
            if name == "Valkey":
                store: Store = ValkeyStore(url, _nobody)
                await store.reach()
            else:
                db = open_database(url)
                stack.push_async_callback(db.close)
                store = DatabaseStore(db)
            stack.push_async_callback(store.close)
            ways["exact", name] = _shared(store, _OF_ADDRESS, ExactCounting)
            ways["in parts", name] = _shared(store, _OF_KEY, LeasedCounting)
        yield ways


async def _cost(limit: RateLimit, requests: int, at_once: int) -> float:
    """Return the CPU microseconds of a request, of clients that ask the same number of times, so many at once."""
    clients = [f"team {next(_turns)} key {number}" for number in range(at_once)]

    async def ask(client: str) -> None:
        for _ in range(requests // at_once):
            verdict = await limit.taken(client, clock.now())
            if not verdict.allowed:
                raise ArithmeticError(f"{client} was refused")

    begun = time.process_time()
    await asyncio.gather(*(ask(client) for client in clients))
    return (time.process_time() - begun) / requests * 1e6


async def _rounds(ways: Mapping[Way, RateLimit], plan: Plan, at_once: int) -> dict[Way, list[float]]:
    found: dict[Way, list[float]] = {way: [] for way in ways}
    for number in range(plan.rounds + 1):
        for way in list(ways) if number % 2 else list(ways)[::-1]:
            report.progress(f"limits, {at_once} at once: round {number} of {plan.rounds}, {' '.join(way)}")
            requests = max(at_once, plan.requests * at_once // AT_ONCE)
            if way[0] == "in parts":
                requests = _PER_KEY * at_once
            cost = await _cost(ways[way], requests, at_once)
            if number:  # the first one warms up
                found[way].append(cost)
    return found


def _rows(stores: Sequence[str], found: Mapping[Way, list[float]], at_once: int) -> list[Row]:
    how_many = f"{at_once} at once" if at_once > 1 else "one at a time"
    rows = []
    for store in stores:
        exact, parts = found["exact", store], found["in parts", store]
        memory = list(zip(exact, found["exact", "memory"], strict=True))
        rows.append(faster(f"a request counted by itself, {how_many}", store, "memory", _UNIT, memory))
        saved = list(zip(parts, exact, strict=True))
        what = f"a request counted in parts, {how_many}"
        rows.append(faster(what, store, "by itself", _UNIT, saved, goal=Goal(at_most=0.5)))
    return rows


def all_rows(plan: Plan) -> list[Row]:
    """Return every row."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        with pinned(LOAD_CORE):
            template = PostgresTemplate(stack.enter_context(postgres_server(folder / "postgresql")))
            valkey = stack.enter_context(valkey_server())
        urls = {"SQLite": SqliteTemplate(folder).fresh_url(), "PostgreSQL": template.fresh_url(), "Valkey": valkey}

        async def measure() -> list[Row]:
            rows = []
            async with _ways(urls) as ways:
                for at_once in (AT_ONCE, 1):
                    rows += _rows(list(urls), await _rounds(ways, plan, at_once), at_once)
            return rows

        with pinned(SERVER_CORE), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(measure())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a request costs to count, by the store of the limits.")
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="turns of every store; the median counts")
    parser.add_argument("--quick", action="store_true", help="few requests: shows that it runs, no more")
    asked = parser.parse_args()
    plan = dataclasses.replace(QUICK if asked.quick else Plan(), rounds=asked.rounds)
    rows = all_rows(plan)
    report.progress_done()
    print(report.table(rows))
    report.write_json(rows, dataclasses.asdict(plan), report.FOLDER / "bench-limits.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
