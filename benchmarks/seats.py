"""The page of seats against its bound and its peer, its far pages, and its growth with the rows.

    python -m benchmarks.seats [--database sqlite|postgresql] [--rounds 5] [--seconds 3] [--quick]

Every program runs on one core on a copy of its own of one database, the load on the other; within a round each has
its turn, in an order that alternates. What is compared is requests for each second of the server's CPU time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks import command, report
from benchmarks.load import Measured, Paths, Trickle, measure
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, free_port, pinned, running, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats_data import PER_PAGE, Seeded, database_server, seed

PEER_GOAL = {"sqlite": 5.0, "postgresql": 4.0}
NEAR_PAGES = 20
_UNIT = "requests/CPU-s"
_PATHS = 2_000
_COMPARED = 60
_WARM_SECONDS = 1
_ONE_CLIENT = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; `sizes` are those of the growth, each ten times the one before."""

    rounds: int = 5
    seconds: int = 3
    seats: int = 100_000
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)


class Held(Protocol):
    """A seeded database as a bare program is told of it."""

    @property
    def data(self) -> Path: ...
    @property
    def database(self) -> str: ...
    @property
    def team_id(self) -> int: ...
    @property
    def hash_key(self) -> bytes: ...


QUICK = Plan(seconds=1, seats=20_000, sizes=(1_000, 10_000))


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """One thing to measure in every round."""

    name: str
    server: Server
    paths: Paths
    headers: Mapping[str, str]
    trickle: Trickle | None = None
    connections: int = 32


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url:
            report.progress(f"{database}: {plan.seats:,} seats")
            seeded = seed(folder, "seeded", url, plan.seats)
            rows = [*_page_rows(database, seeded, plan), *_walk_rows(database, seeded, plan)]
            return [*rows, *_growth_rows(database, folder, url, plan)]


def _page_rows(database: str, seeded: Seeded, plan: Plan) -> list[Row]:
    """Compare the three programs on pages by status, near and far, while seats come and go."""
    paths = Paths.written(seeded.data.parent / "pages", _pages(seeded, near=0.5))
    with contextlib.ExitStack() as stack:
        programs = {
            "ours": stack.enter_context(_ours(seeded.copied("ours"))),
            "bound": stack.enter_context(bare("bound", "benchmarks.bounds.seats:app", seeded.copied("bound"))),
            "peer": stack.enter_context(bare("peer", "benchmarks.peers.seats:app", seeded.copied("peer"))),
        }
        _check_equal(programs, seeded, paths)
        turns = [
            Turn(name, server, paths, seeded.headers, Trickle(server, seeded.headers, seeded.deletable))
            for name, server in programs.items()
        ]
        found = rounds(f"{database}: the page", turns, plan)
    what = f"page of {PER_PAGE} of {seeded.seats:,} seats"
    goals = {"bound": Goal(at_least=0.5), "peer": Goal(at_least=PEER_GOAL[database])}
    return [
        faster(what, database, other, _UNIT, pairs_of(found["ours"], found[other]), goal=goals[other])
        for other in ("bound", "peer")
    ]


def _walk_rows(database: str, seeded: Seeded, plan: Plan) -> list[Row]:
    """Compare walking every page in order, and a jump into the middle, with page 1; no filter, one client."""
    last = seeded.seats // PER_PAGE
    asked = {
        "page 1": [1],
        f"pages 1 to {last:,} in order": range(1, last + 1),
        f"a jump to page {last // 2:,}": [last // 2],
    }
    with _ours(seeded) as server:
        turns = [
            Turn(
                name,
                server,
                Paths.written(seeded.data.parent / f"walk-{number}", [_path(page) for page in pages]),
                seeded.headers,
                connections=_ONE_CLIENT,
            )
            for number, (name, pages) in enumerate(asked.items())
        ]
        found = rounds(f"{database}: the walk", turns, plan)
    first, walk, jump = asked
    return [
        cost(walk, database, first, found[walk], found[first], Goal(at_most=2.0)),
        cost(jump, database, first, found[jump], found[first], None),
    ]


def _growth_rows(database: str, folder: Path, url: str | None, plan: Plan) -> list[Row]:
    """Compare pages by status at ten times the seats, near the start and anywhere."""
    with contextlib.ExitStack() as stack:
        turns: list[Turn] = []
        for size in plan.sizes:
            report.progress(f"{database}: {size:,} seats")
            seeded = seed(folder, f"size-{size}", url, size)
            server = stack.enter_context(_ours(seeded))
            for where, near in (("near", 1.0), ("any", 0.0)):
                paths = Paths.written(folder / f"{where}-{size}", _pages(seeded, near=near))
                turns.append(Turn(f"{where} {size}", server, paths, seeded.headers))
        found = rounds(f"{database}: growth", turns, plan)
    return [
        cost(
            f"seats by status, {'first pages' if where == 'near' else 'any page'}, {larger:,} seats",
            database,
            f"{smaller:,} seats",
            found[f"{where} {larger}"],
            found[f"{where} {smaller}"],
            Goal(at_most=1.5),
        )
        for where in ("near", "any")
        for smaller, larger in zip(plan.sizes, plan.sizes[1:], strict=False)
    ]


def rounds(what: str, turns: Sequence[Turn], plan: Plan) -> dict[str, list[Measured]]:
    """Give each its turn in every round, the order reversed every other time."""
    for turn in turns:
        measure(turn.server, turn.paths, turn.headers, seconds=_WARM_SECONDS, connections=turn.connections)
    found: dict[str, list[Measured]] = {turn.name: [] for turn in turns}
    for number in range(plan.rounds):
        for turn in turns if number % 2 == 0 else reversed(turns):
            report.progress(f"{what}: round {number + 1} of {plan.rounds}, {turn.name}")
            with turn.trickle.going() if turn.trickle else contextlib.nullcontext():
                start_at = number * turn.paths.count // plan.rounds
                measured = measure(
                    turn.server,
                    turn.paths,
                    turn.headers,
                    seconds=plan.seconds,
                    start_at=start_at,
                    connections=turn.connections,
                )
            found[turn.name].append(measured)
    return found


def pairs_of(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[tuple[float, float]]:
    """Return the requests for a second of CPU time of each round, (ours, theirs)."""
    return [(a.per_cpu_second, b.per_cpu_second) for a, b in zip(ours, theirs, strict=True)]


def cost(
    what: str, database: str, against: str, ours: Sequence[Measured], theirs: Sequence[Measured], goal: Goal | None
) -> Row:
    """Return a row whose ratio is the CPU time of a request through that of the other."""
    pairs = [(1e6 / a, 1e6 / b) for a, b in pairs_of(ours, theirs)]
    return faster(what, database, against, "CPU µs a request", pairs, goal=goal)


def _ours(seeded: Seeded) -> contextlib.AbstractContextManager[Server]:
    return serving(seeded.data, seeded.database)


@contextlib.contextmanager
def bare(name: str, app: str, seeded: Held) -> Iterator[Server]:
    """Run another program over the same rows: an ASGI application that the environment tells where they are."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log", "--log-level", "warning"]
    environ = {
        "BENCH_DATABASE": seeded.database,
        "BENCH_TEAM": str(seeded.team_id),
        "BENCH_HASH_KEY": seeded.hash_key.hex(),
    }
    with running(name, command, environ, seeded.data / "server.log", port) as server:
        yield server


def _check_equal(programs: Mapping[str, Server], seeded: Seeded, paths: Paths) -> None:
    """Ask every program the same pages.

    Raises:
        ServerFailed: one sends other bytes than the first, the request's id apart.
    """
    for path in paths.file.read_text(encoding="ascii").split()[:_COMPARED]:
        bodies = {name: _without_id(server.answer("GET", path, seeded.headers)) for name, server in programs.items()}
        for name, body in bodies.items():
            if body != bodies["ours"]:
                raise ServerFailed(f"{name} answers {path} with {body[:400]!r}, not with {bodies['ours'][:400]!r}")


def _without_id(body: bytes) -> bytes:
    return re.sub(rb'"req_id":"[0-9a-f-]{36}"', b'"req_id":""', body)


def _pages(seeded: Seeded, *, near: float) -> list[str]:
    """Return paths of pages by status: a share `near` of them among the first, the rest anywhere."""
    dice = random.Random(seeded.seats)
    statuses = sorted(seeded.totals)
    paths = []
    for _ in range(_PATHS):
        status = dice.choice(statuses)
        last = -(-seeded.totals[status] // PER_PAGE)
        paths.append(_path(dice.randint(1, min(last, NEAR_PAGES) if dice.random() < near else last), status))
    return paths


def _path(page: int, status: str | None = None) -> str:
    narrowed = "" if status is None else f"&status={status}"
    return f"/api/v1/seats?page={page}&perPage={PER_PAGE}{narrowed}"


def main() -> int:
    """Measure and print."""
    return command.run(
        "seats", "The page of seats against its bound and its peer, and its growth.", all_rows, full=Plan(), quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
