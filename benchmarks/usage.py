"""The usage page against DuckDB over the same days, and its growth with the rows.

    python -m benchmarks.usage [--database sqlite|postgresql] [--rounds 5] [--quick]

The server is asked over HTTP, with a key; DuckDB runs inside this program with both cores. Every answer is first held
against DuckDB's, row by row. What is compared is the time until a page is there, one after the other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import command, report
from benchmarks.peers.usage import Analyst
from benchmarks.processes import Server, ServerFailed, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats_data import database_server
from benchmarks.usage_data import Seeded, seed
from callfloor.foundation import clock
from callfloor.usage.calendar import date_of, month_of, oldest_day, period_of, week_of
from callfloor.usage.tables import Cadence

PER_PAGE = 50
_TRUNCATED_TO = {"daily": "day", "weekly": "week", "monthly": "month"}
_UNIT = "µs a page"
_Program = Callable[["Range"], object]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; `sizes` are users, each ten times the ones before, the last also against DuckDB."""

    rounds: int = 5
    repeats: int = 4
    days: int = 120
    sizes: tuple[int, ...] = (5_000, 50_000)


QUICK = Plan(repeats=1, days=70, sizes=(100, 1_000))


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Days asked for, both inclusive, counted from 1970-01-01."""

    first: int
    last: int
    cadence: str

    @property
    def path(self) -> str:
        """Return the request for its first page."""
        days = f"from={date_of(self.first)}&to={date_of(self.last)}"
        return f"/api/v1/analytics/usage?group_by=username&cadence={self.cadence}&{days}&perPage={PER_PAGE}"


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(database_server(database, folder))
        asked: list[tuple[Server, Seeded]] = []
        for users in plan.sizes:
            report.progress(f"{database}: {users:,} users on {plan.days} days")
            seeded = seed(folder, f"users-{users}", url, users, plan.days, now=clock.now())
            server = stack.enter_context(serving(seeded.data, seeded.database))
            asked.append((server, seeded))
        analyst = stack.enter_context(contextlib.closing(Analyst(asked[-1][1].duckdb)))
        return [*_peer_rows(database, *asked[-1], analyst, plan), *_growth_rows(database, asked, plan)]


def ranges(days: range, today: int) -> dict[str, list[Range]]:
    """Return what is asked for, under the name it has in the table."""
    first = max(days[0], oldest_day(today))
    mondays = [day for day in days if day >= first and week_of(day) == day]
    sunday = week_of(days[-1] + 1) - 1
    starts = [
        day for day in days if day >= first and month_of(day) == day and period_of(day, Cadence.MONTHLY)[1] < today
    ]
    return {
        "by username weekly, whole weeks": [Range(monday, sunday, "weekly") for monday in mondays[:4]],
        "by username weekly, 3rd to 20th": [Range(start + 2, start + 19, "weekly") for start in starts],
        "by username daily": [Range(monday, sunday, "daily") for monday in mondays[:4]],
        "by username monthly, 3rd to 20th": [Range(start + 2, start + 19, "monthly") for start in starts],
    }


_GOALS = {"by username weekly, whole weeks": Goal(at_most=1.0), "by username weekly, 3rd to 20th": Goal(at_most=2.0)}
_GROWS_ONLY = {"by username daily"}
"""Not asked of DuckDB, which takes seconds for it."""
_GROWTH_GOALS = {name: Goal(at_most=1.5) for name in ("by username weekly, whole weeks", "by username daily")}


def _peer_rows(database: str, server: Server, seeded: Seeded, analyst: Analyst, plan: Plan) -> list[Row]:
    """Compare with DuckDB."""
    rows = []
    for name, asked in ranges(seeded.days, clock.now() // clock.DAY).items():
        if name in _GROWS_ONLY:
            continue
        for one in asked:
            _check_equal(server, seeded.headers, analyst, one)
        programs: dict[str, _Program] = {
            "ours": _asking(server, seeded),
            "DuckDB": functools.partial(_ask, analyst),
        }
        found = _rounds(f"{database}: {name}", programs, asked, plan)
        pairs = list(zip(found["ours"], found["DuckDB"], strict=True))
        what = f"usage {name}, {seeded.users:,} users × {len(seeded.days)} days"
        rows.append(faster(what, database, "DuckDB", _UNIT, pairs, goal=_GOALS.get(name)))
    return rows


def _growth_rows(database: str, asked: Sequence[tuple[Server, Seeded]], plan: Plan) -> list[Row]:
    """Compare each size with the one before."""
    rows = []
    for (small_server, small), (server, seeded) in itertools.pairwise(asked):
        for name, some in ranges(seeded.days, clock.now() // clock.DAY).items():
            programs = {"large": _asking(server, seeded), "small": _asking(small_server, small)}
            found = _rounds(f"{database}: growth, {name}", programs, some, plan)
            pairs = list(zip(found["large"], found["small"], strict=True))
            what = f"usage {name}, {seeded.users:,} users"
            rows.append(faster(what, database, f"{small.users:,} users", _UNIT, pairs, goal=_GROWTH_GOALS.get(name)))
    return rows


def _rounds(what: str, programs: Mapping[str, _Program], asked: Sequence[Range], plan: Plan) -> dict[str, list[float]]:
    """Give each its turn in every round, the order reversed every other time; returns microseconds a page."""
    found: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(plan.rounds + 1):
        names = list(programs) if number % 2 == 0 else list(programs)[::-1]
        for name in names:
            report.progress(f"{what}: round {number} of {plan.rounds}, {name}")
            took = _took(programs[name], asked, plan.repeats)
            if number:  # the first one warms up
                found[name].append(took)
    return found


def _took(program: _Program, asked: Sequence[Range], repeats: int) -> float:
    begun = time.perf_counter()
    for _ in range(repeats):
        for one in asked:
            program(one)
    return (time.perf_counter() - begun) * 1e6 / (repeats * len(asked))


def _asking(server: Server, seeded: Seeded) -> _Program:
    return lambda one: server.answer("GET", one.path, seeded.headers)


def _ask(analyst: Analyst, one: Range) -> tuple[list[tuple[object, ...]], int]:
    return analyst.page(date_of(one.first), date_of(one.last), _TRUNCATED_TO[one.cadence], PER_PAGE)


def _check_equal(server: Server, headers: Mapping[str, str], analyst: Analyst, one: Range) -> None:
    """Hold an answer against DuckDB's.

    Raises:
        ServerFailed: a row or the count is another.
    """
    data = json.loads(server.answer("GET", one.path, headers))["data"]
    rows, count = _ask(analyst, one)
    shown = [
        (
            *(datetime.date.fromisoformat(row["period_start"]), row["group"]["id"], row["calls"]),
            *(row["mic_call_duration"], row["speaker_call_duration"], *row["features"].values()),
        )
        for row in data["rows"]
    ]
    if shown != rows or data["count"] != count:
        raise ServerFailed(f"{one.path} is answered with {data['count']} rows, DuckDB has {count}, or others")


def main() -> int:
    """Measure and print."""
    return command.run("usage", "The usage page against DuckDB, and its growth.", all_rows, full=Plan(), quick=QUICK)


if __name__ == "__main__":
    sys.exit(main())
