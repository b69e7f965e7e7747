"""The ingest of device events against the database's own bulk load of every row these events end in.

    python -m benchmarks.ingest [--database sqlite|postgresql] [--rounds 5] [--quick]

Of the events 70 % are heartbeats, 25 % states, 5 % calls; each is of one of 5,000 devices. In every round the server
takes events over HTTP, acknowledged when they are on disk and can be seen; then the rows that are new or changed are
read, and the bound loads just these into a copy of the database, in transactions of as many requests as may share one
of the server's: the rows of every event, a lease for each, a presence for each state, the sums of a day for each call.
What is compared is events for each second of CPU time, the database's included. Reported beside it: events for each
second of the clock; and the load of each row once, however many events of a transaction end in it.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psutil
from sqlalchemy import Table, select

from benchmarks import command, report
from benchmarks.bounds.ingest import Load
from benchmarks.ingest_data import Devices, Request, Seeded, seed
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, pinned, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats_data import database_server
from callfloor.devices.tables import device, device_token
from callfloor.foundation.database import Database, open_database
from callfloor.ingest.tables import agent_event
from callfloor.ingest.writer import GROUP_EVENTS
from callfloor.live.tables import Source, live_head, presence, transition
from callfloor.teams.tables import seat
from callfloor.usage.groups import number_key
from callfloor.usage.tables import call_record, usage_day, usage_unfolded

APPENDED = (agent_event, transition, call_record, usage_unfolded)
"""Here every event of its kind adds a row."""
TABLES = (*APPENDED, presence, usage_day, device, device_token, seat, live_head)
"""All that an event may change."""
GOALS = {("sqlite", 50): 0.50, ("postgresql", 50): 0.40, ("sqlite", 1): 0.10, ("postgresql", 1): 0.10}
_BY_LEASE = {source.value for source in Source}
_STATEMENTS = {table.name: select(*table.c) for table in TABLES}
_UNIT = "events/CPU-s"
_PER_CLOCK = "events/s"

Rows = dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]
Transaction = list[Load]


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How a server is asked in one turn."""

    events: int
    requests: int
    connections: int

    @property
    def together(self) -> int:
        """Return how many requests may share a transaction."""
        return min(self.connections, GROUP_EVENTS // self.events)


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    devices: int = 5_000
    sizes: tuple[Size, ...] = (Size(50, 2_000, 64), Size(1, 10_000, 256))


QUICK = Plan(devices=200, sizes=(Size(50, 100, 16), Size(1, 1_000, 32)))


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What a turn took."""

    cpu: float
    seconds: float


class Turn(NamedTuple):
    """What one turn took ours, the load of every event's rows, and the load of each row once."""

    ours: Cost
    every: Cost
    once: Cost


class Bench:
    """One database, served by ours, and its copies, loaded by the bound."""

    def __init__(
        self, folder: Path, seeded: Seeded, copies: tuple[str, str], server: Server, cpu: Callable[[], float]
    ) -> None:
        self._folder = folder
        self._copies = copies
        self._server = server
        self._cpu = cpu
        self._devices = Devices(seeded.tokens)
        self._db: Database = open_database(seeded.database)
        self._rows = self._all_rows()

    def close(self) -> None:
        """Close what reads the rows."""
        self._db.close_now()

    def turn(self, size: Size) -> Turn:
        """Let ours take a turn's events, and the bound load the rows they end in.

        Raises:
            ServerFailed: an event was not accepted.
        """
        requests = list(self._devices.requests(size.requests, size.events))
        ours = self._ours(requests, size)
        before, self._rows = self._rows, self._all_rows()
        changed = Changed(before, self._rows)
        groups = [requests[start : start + size.together] for start in range(0, len(requests), size.together)]
        every = self._bound(self._copies[0], [changed.of(group, is_each_once=False) for group in groups])
        once = self._bound(self._copies[1], [changed.of(group, is_each_once=True) for group in groups])
        return Turn(ours, every, once)

    def _ours(self, requests: list[Request], size: Size) -> Cost:
        file = self._folder / "requests"
        file.write_bytes(msgspec.msgpack.encode([request.content for request in requests]))
        before = self._server.cpu_seconds() + self._cpu()
        told = _run("benchmarks.sender", str(self._server.port), str(file), str(size.connections))
        cost = Cost(self._server.cpu_seconds() + self._cpu() - before, told["seconds"])
        if told["accepted"] != size.requests * size.events:
            raise ServerFailed(f"not every event was accepted: {told}")
        return cost

    def _bound(self, copy: str, transactions: list[Transaction]) -> Cost:
        file = self._folder / "rows"
        file.write_bytes(msgspec.msgpack.encode(transactions))
        before = self._cpu()
        told = _run("benchmarks.bounds.ingest", copy, str(file))
        return Cost(told["cpu"] + self._cpu() - before, told["seconds"])

    def _all_rows(self) -> Rows:
        def read(table: Table) -> dict[tuple[Any, ...], tuple[Any, ...]]:
            keys = [list(table.c).index(column) for column in table.primary_key.columns]
            rows = self._db.read_now(lambda tx: tx.all(_STATEMENTS[table.name]))
            return {tuple(row[at] for at in keys): tuple(row) for row in map(_plain, rows)}

        return {table.name: read(table) for table in TABLES}


class Changed:
    """The rows that a turn changed or made, and which of its requests each is from."""

    def __init__(self, before: Rows, after: Rows) -> None:
        self._tables = [table for table in TABLES if before[table.name] != after[table.name]]
        self._owned: dict[str, dict[Any, list[tuple[Any, ...]]]] = {}
        for table in self._tables:
            owned = self._owned[table.name] = collections.defaultdict(list)
            for key in _changed(before[table.name], after[table.name]):
                owned[_owner(table, key)].append(after[table.name][key])

    def of(self, requests: list[Request], *, is_each_once: bool) -> Transaction:
        """Return the rows of these requests by table, in the order of their keys: once, or as often as one is hit."""
        owners = _owners(requests)
        loads = []
        for table in self._tables:
            owned, times = self._owned[table.name], owners[table.name]
            rows = [
                list(row)
                for owner in times
                if owner in owned
                for row in owned[owner]
                for _ in range(1 if is_each_once else times[owner])
            ]
            names = [str(column.name) for column in table.c]
            key = [str(column.name) for column in table.primary_key.columns]
            rows.sort(key=itemgetter(*map(names.index, key)))
            loads.append(Load(str(table.name), names, key, table not in APPENDED, rows))
        return [load for load in loads if load.rows]


def _changed(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> set[Any]:
    return {key for key, row in after.items() if before.get(key) != row}


def _owner(table: Table, key: tuple[Any, ...]) -> Any:
    """Return what a row of the table belongs to; the team is first in every key."""
    if table is transition and key[3] in _BY_LEASE:
        return key[1]
    if table in {agent_event, transition}:
        return key[-1]
    if table is call_record:
        return key[2]
    if table is usage_unfolded:
        return key[3]
    return key[1::2] if table is usage_day else key[1] if len(key) > 1 else None


def _owners(requests: list[Request]) -> dict[str, Mapping[Any, int]]:
    """Return, by table, what the rows of these requests belong to, and how many of their events write them."""
    events = {id_: 1 for request in requests for id_ in request.event_ids}
    calls = {id_: 1 for request in requests for id_ in request.call_ids}
    devices = {request.device_id: 1 for request in requests}
    leases, states, days = collections.Counter[int](), collections.Counter[int](), collections.Counter[Any]()
    for request in requests:
        leases[request.device_id] += request.events
        if request.states:
            states[request.device_id] += request.states
        for language in request.languages:
            days.update((("device", number_key(request.device_id)), ("username", f"agent.{request.device_id}")))
            days["language", language] += 1
    return {
        **dict.fromkeys((device_token.name, seat.name), devices),
        **dict.fromkeys((call_record.name, usage_unfolded.name), calls),
        agent_event.name: events,
        transition.name: {**events, **devices},
        usage_day.name: days,
        presence.name: states,
        device.name: leases,
        live_head.name: {None: 1},
    }


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(bytes(value).decode() if isinstance(value, msgspec.Raw) else value for value in row)


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
            seeded, copies = seed(folder, url, plan.devices)
            with serving(seeded.data, seeded.database) as server:
                bench = Bench(folder, seeded, copies, server, _cpu_of(folder) if url else lambda: 0.0)
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
    found: dict[Size, list[Turn]] = {size: [] for size in plan.sizes}
    everybody = Size(2, plan.devices, 64)
    with _bench(database, plan) as bench:
        for number, size in itertools.product(range(plan.rounds), plan.sizes):
            report.progress(f"{database}: round {number + 1} of {plan.rounds}, {size.events} a request")
            bench.turn(everybody)  # each device has just been heard of: none comes back from offline
            found[size].append(bench.turn(size))
    return [row for size, turns in found.items() for row in _rows_of(database, size, turns)]


def _rows_of(database: str, size: Size, turns: list[Turn]) -> list[Row]:
    what = f"ingest, {size.events} event{'s' if size.events > 1 else ''} a request"
    events, goal = size.events * size.requests, Goal(at_least=GOALS[database, size.events])
    cpu = [(events / turn.ours.cpu, events / turn.every.cpu) for turn in turns]
    clock = [(events / turn.ours.seconds, events / turn.every.seconds) for turn in turns]
    once = [(events / turn.ours.cpu, events / turn.once.cpu) for turn in turns]
    return [
        faster(what, database, "bulk load", _UNIT, cpu, goal=goal),
        faster(what, database, "bulk load", _PER_CLOCK, clock),
        faster(what, database, "each row once", _UNIT, once),
    ]


def main() -> int:
    """Measure and print."""
    return command.run(
        "ingest",
        "The ingest of device events against the database's own bulk load.",
        all_rows,
        full=Plan(),
        quick=QUICK,
    )


if __name__ == "__main__":
    sys.exit(main())
