"""The ingest of device events against the database's own bulk load of every row these events end in.

    python -m benchmarks.ingest [--database sqlite|postgresql] [--rounds 5] [--quick]

Of the events 70 % are heartbeats, 25 % states, 5 % calls; each is of one of 5,000 devices. In every round the server
takes events over HTTP, acknowledged when they are on disk and can be seen; then the rows that are new or changed are
read, and the bound loads just these into a copy of the database, in one transaction. What is compared is events for
each second of CPU time, the database's included; and, reported beside it, for each second of the clock.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
from sqlalchemy import Table, select

from benchmarks import report
from benchmarks.bounds.ingest import Load
from benchmarks.ingest_data import Devices, Seeded, seed
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, pinned, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats import DATABASES
from benchmarks.seats_data import database_server
from callfloor.devices.tables import device, device_token
from callfloor.foundation.database import Database, open_database
from callfloor.ingest.tables import agent_event
from callfloor.live.tables import live_head, presence, transition
from callfloor.teams.tables import seat
from callfloor.usage.tables import call_record, usage_day, usage_unfolded

TABLES = (
    *(agent_event, transition, call_record, usage_unfolded),
    *(presence, usage_day, device, device_token, seat, live_head),
)
"""All that an event may change."""
GOALS = {("sqlite", 50): 0.50, ("postgresql", 50): 0.40, ("sqlite", 1): 0.10, ("postgresql", 1): 0.10}
_STATEMENTS = {table.name: select(*table.c) for table in TABLES}
_UNIT = "events/CPU-s"
_PER_CLOCK = "events/s"

Rows = dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How a server is asked in one turn."""

    events: int
    requests: int
    connections: int


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    devices: int = 5_000
    sizes: tuple[Size, ...] = (Size(50, 2_000, 64), Size(1, 20_000, 256))


QUICK = Plan(devices=200, sizes=(Size(50, 100, 16), Size(1, 1_000, 32)))


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What a turn took."""

    cpu: float
    seconds: float


class Bench:
    """One database, served by ours, and its copy, loaded by the bound."""

    def __init__(self, folder: Path, seeded: Seeded, copy: str, server: Server, cpu: Callable[[], float]) -> None:
        self._folder = folder
        self._copy = copy
        self._server = server
        self._cpu = cpu
        self._devices = Devices(seeded.tokens)
        self._db: Database = open_database(seeded.database)
        self._rows = self._all_rows()

    def close(self) -> None:
        """Close what reads the rows."""
        self._db.close_now()

    def turn(self, size: Size) -> tuple[Cost, Cost]:
        """Let ours take a turn's events, and the bound load the rows they end in.

        Raises:
            ServerFailed: an event was not accepted.
        """
        ours = self._ours(size)
        rows = self._all_rows()
        loads = [_load(table, self._rows[table.name], rows[table.name]) for table in TABLES]
        self._rows = rows
        return ours, self._bound([load for load in loads if load.rows])

    def _ours(self, size: Size) -> Cost:
        file = self._folder / "requests"
        file.write_bytes(msgspec.msgpack.encode(list(self._devices.requests(size.requests, size.events))))
        before = self._server.cpu_seconds() + self._cpu()
        told = _run("benchmarks.sender", str(self._server.port), str(file), str(size.connections))
        cost = Cost(self._server.cpu_seconds() + self._cpu() - before, told["seconds"])
        if told["accepted"] != size.requests * size.events:
            raise ServerFailed(f"not every event was accepted: {told}")
        return cost

    def _bound(self, loads: list[Load]) -> Cost:
        file = self._folder / "rows"
        file.write_bytes(msgspec.msgpack.encode(loads))
        before = self._cpu()
        told = _run("benchmarks.bounds.ingest", self._copy, str(file))
        return Cost(told["cpu"] + self._cpu() - before, told["seconds"])

    def _all_rows(self) -> Rows:
        def read(table: Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
            keys = [list(table.c).index(column) for column in table.primary_key.columns]
            rows = self._db.read_now(lambda tx: tx.all(_STATEMENTS[table.name]))
            return {tuple(row[at] for at in keys): tuple(row) for row in map(_plain, rows)}

        return {table.name: read(table) for table in TABLES}


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(bytes(value).decode() if isinstance(value, msgspec.Raw) else value for value in row)


def _load(table: Table, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Load:
    """Return the rows that are new or changed, in the order of their keys."""
    changed = sorted(key for key, row in after.items() if before.get(key) != row)
    key = [str(column.name) for column in table.primary_key.columns]
    is_upsert = any(one in before for one in changed)
    return Load(str(table.name), [str(name) for name in table.columns.keys()], key, is_upsert, [list(after[one]) for one in changed])


def _run(module: str, *arguments: str) -> dict[str, float]:
    with pinned(LOAD_CORE):
        done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServerFailed(f"{module} failed: {done.stderr[-2000:]}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


@contextlib.contextmanager
def _bench(database: str, plan: Plan) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url:
            report.progress(f"{database}: {plan.devices:,} devices")
            seeded, copy = seed(folder, url, plan.devices)
            with serving(seeded.data, seeded.database) as server:
                bench = Bench(folder, seeded, copy, server, _cpu_of(folder) if url else lambda: 0.0)
                try:
                    yield bench
                finally:
                    bench.close()


def _cpu_of(folder: Path) -> Callable[[], float]:
    """Return what tells the CPU time of a PostgreSQL server so far, ended processes included."""
    postmaster = psutil.Process(int((folder / "postgresql" / "postmaster.pid").read_text(encoding="ascii").split()[0]))

    def seconds() -> float:
        total = 0.0
        for process in (postmaster, *postmaster.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total

    return seconds


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    found: dict[Size, list[tuple[Cost, Cost]]] = {size: [] for size in plan.sizes}
    with _bench(database, plan) as bench:
        everybody = Size(5, plan.devices, 64)
        bench.turn(everybody)  # each device has been heard of before the clock starts
        for number, size in itertools.product(range(plan.rounds), plan.sizes):
            report.progress(f"{database}: round {number + 1} of {plan.rounds}, {size.events} a request")
            found[size].append(bench.turn(size))
    return [row for size, costs in found.items() for row in _rows_of(database, size, costs)]


def _rows_of(database: str, size: Size, costs: list[tuple[Cost, Cost]]) -> list[Row]:
    what = f"ingest, {size.events} event{'s' if size.events > 1 else ''} a request"
    events, against = size.events * size.requests, "bulk load"
    cpu = [(events / ours.cpu, events / bound.cpu) for ours, bound in costs]
    clock = [(events / ours.seconds, events / bound.seconds) for ours, bound in costs]
    goal = Goal(at_least=GOALS[database, size.events])
    return [
        faster(what, database, against, _UNIT, cpu, goal=goal),
        faster(what, database, against, _PER_CLOCK, clock),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The ingest of device events against the database's own bulk load.")
    parser.add_argument("--database", choices=DATABASES, help="one of them only")
    parser.add_argument("--rounds", type=int, default=Plan().rounds, help="turns of every program; the median counts")
    parser.add_argument("--quick", action="store_true", help="few events: shows that it runs, no more")
    asked = parser.parse_args()
    plan = dataclasses.replace(QUICK if asked.quick else Plan(), rounds=asked.rounds)
    rows: list[Row] = []
    try:
        for database in DATABASES:
            if asked.database in {None, database}:
                rows += all_rows(database, plan)
    except ServerFailed as failure:
        report.progress_done()
        print(failure, file=sys.stderr)
        return 1
    report.progress_done()
    print(report.table(rows))
    report.write_json(rows, dataclasses.asdict(plan), report.FOLDER / "bench-ingest.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
