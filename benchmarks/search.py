"""Full-text search in the transcripts of one team among many, against the same query on the raw driver, and its growth.

    python -m benchmarks.search [--database sqlite|postgresql] [--rounds 5] [--seconds 3] [--quick]

Asked are words that were said in the team, often and seldom ones, two at once, phrases and beginnings, for the newest
20 conversations. Every program runs on one core on the same database, which nobody writes, the load on the other;
within a round each has its turn, in an order that alternates.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks import command, report
from benchmarks.load import Measured, Paths, measure
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, free_port, pinned, running, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.search_data import Seeded, Team, seed
from benchmarks.seats_data import database_server

NEWEST = 20
OFTEN = 50
"""The first so many words of the vocabulary are said again and again."""
_PATHS = 2_000
_COMPARED = 60
_WARM_SECONDS = 2
_CONNECTIONS = 16
_CONNECTIONS_OF_LARGE = 2
"""Of the large team PostgreSQL takes a second for the bound's query: more at once would all be answered too late."""
_APP = "benchmarks.bounds.search:app"


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; the growth is from a tenth of the segments."""

    rounds: int = 5
    seconds: int = 3
    segments: int = 1_000_000
    teams: int = 1_000


QUICK = Plan(seconds=1, segments=20_000, teams=100)


@dataclasses.dataclass(frozen=True, slots=True)
class Turn:
    """One thing to measure in every round."""

    name: str
    server: Server
    paths: Paths
    headers: Mapping[str, str]
    connections: int = _CONNECTIONS


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    tenth = plan.segments // 10
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url, contextlib.ExitStack() as stack:
            report.progress(f"{database}: {plan.segments:,} segments")
            seeded = seed(folder, "seeded", url, segments=plan.segments, teams=plan.teams)
            fewer = seed(folder, "fewer", url, segments=tenth, teams=plan.teams)
            ours = stack.enter_context(serving(seeded.data, seeded.database))
            turns = [Turn("fewer", stack.enter_context(serving(fewer.data, fewer.database)), *_asked(fewer, "small"))]
            for size in ("small", "large"):
                paths, headers = _asked(seeded, size)
                bound = stack.enter_context(_bound(seeded, getattr(seeded, size).id))
                _check_equal([ours, bound], paths, headers)
                turns += [
                    Turn(name, program, paths, headers, _CONNECTIONS if size == "small" else _CONNECTIONS_OF_LARGE)
                    for name, program in ((size, ours), (f"{size}, bound", bound))
                ]
            found = _rounds(database, turns, plan)
    of = f"of {plan.segments:,} segments of {plan.teams:,} teams"
    small, large = (f"newest {NEWEST} of one {size} team {of}" for size in ("small", "large"))
    costs = [(1e6 / a, 1e6 / b) for a, b in _pairs(found["small"], found["fewer"])]
    return [
        faster(small, database, "bound", _UNIT, _pairs(found["small"], found["small, bound"]), goal=Goal(at_least=0.5)),
        faster(large, database, "bound", _UNIT, _pairs(found["large"], found["large, bound"])),
        faster(small, database, f"{tenth:,} segments", "CPU µs a request", costs),
    ]


_UNIT = "requests/CPU-s"


def _pairs(ours: Sequence[Measured], theirs: Sequence[Measured]) -> list[tuple[float, float]]:
    return [(a.per_cpu_second, b.per_cpu_second) for a, b in zip(ours, theirs, strict=True)]


def _asked(seeded: Seeded, size: str) -> tuple[Paths, Mapping[str, str]]:
    team: Team = getattr(seeded, size)
    paths = [f"/api/v2/search?q={quote(query)}&limit={NEWEST}" for query in _queries(team, seeded.vocabulary)]
    return Paths.written(seeded.data.parent / f"{seeded.data.name}-{size}", paths), team.headers


def _queries(team: Team, vocabulary: Sequence[str]) -> Iterator[str]:
    """Yield what is looked for; all but the words that are said often stands in the team's own transcripts."""
    dice = random.Random(len(team.said))
    for number in range(_PATHS):
        words = dice.choice(team.said)
        at = dice.randrange(len(words) - 1)
        yield (
            dice.choice(vocabulary[:OFTEN]),
            words[at],
            " ".join(dice.sample(words, 2)),
            f'"{words[at]} {words[at + 1]}"',
            f"{words[at][:4]}*",
        )[number % 5]


@contextlib.contextmanager
def _bound(seeded: Seeded, team_id: int) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", _APP, "--port", str(port), "--no-access-log", "--log-level", "warning"]
    environ = {"BENCH_DATABASE": seeded.database, "BENCH_TEAM": str(team_id)}
    with running(f"bound of team {team_id}", command, environ, seeded.data / f"bound-{team_id}.log", port) as server:
        yield server


def _check_equal(programs: Sequence[Server], paths: Paths, headers: Mapping[str, str]) -> None:
    """Ask every program the same.

    Raises:
        ServerFailed: one sends other bytes than the first, or nothing at all is ever found.
    """
    found = 0
    for path in paths.file.read_text(encoding="ascii").split()[:_COMPARED]:
        first, *others = (server.answer("GET", path, headers) for server in programs)
        found += b'"snippets"' in first
        for server, body in zip(programs[1:], others, strict=True):
            if body != first:
                raise ServerFailed(f"{server.name} answers {path} with {body[:400]!r}, not with {first[:400]!r}")
    if found < _COMPARED // 2:
        raise ServerFailed(f"only {found} of {_COMPARED} searches find anything")


def _rounds(database: str, turns: Sequence[Turn], plan: Plan) -> dict[str, list[Measured]]:
    """Give each its turn in every round, the order reversed every other time."""
    found: dict[str, list[Measured]] = {turn.name: [] for turn in turns}
    for turn in turns:
        turn.server.answer("GET", turn.paths.file.read_text(encoding="ascii").split()[0], turn.headers)
        measure(turn.server, turn.paths, turn.headers, seconds=_WARM_SECONDS, connections=turn.connections)
    for number in range(plan.rounds):
        for turn in turns if number % 2 == 0 else reversed(turns):
            report.progress(f"{database}: round {number + 1} of {plan.rounds}, {turn.name}")
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


def main() -> int:
    """Measure and print."""
    return command.run(
        "search", "Full-text search of one team among many against its bound.", all_rows, full=Plan(), quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
