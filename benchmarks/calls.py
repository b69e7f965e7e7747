"""The list of calls by date, and by date and customer domain, against its bound, and its growth with the rows.

    python -m benchmarks.calls [--database sqlite|postgresql] [--rounds 5] [--seconds 3] [--quick]

Every program runs on one core, the load on the other; within a round each has its turn, in an order that alternates.
What is compared is requests for each second of the server's CPU time. Totals are exact, from kept counts; the totals
that nothing keeps (`updatedSince`) are reported without a goal.
"""

from __future__ import annotations

import contextlib
import random
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import command, report
from benchmarks.calls_data import DAYS, DOMAINS, FIRST_DAY, Seeded, seed
from benchmarks.load import Paths
from benchmarks.processes import LOAD_CORE, Server, ServerFailed, pinned, serving
from benchmarks.report import Goal, Row, faster
from benchmarks.seats import Plan, Turn, bare, cost, pairs_of, rounds
from benchmarks.seats_data import database_server
from callfloor.usage.calendar import date_of

_UNIT = "requests/CPU-s"
_PATHS = 2_000
_COMPARED = 60
_PAGE_SIZE = 20
_PAGES = 5
_MOST_DAYS = 60
_DOMAINS = 200
_FULL_DAYS, _FULL_PAGES, _FULL_DOMAINS = 30, 2, 20
"""Of 100,000 calls the twentieth domain has 55 in thirty days."""
_GROWN = Goal(at_most=1.5)
FULL = Plan(sizes=(100_000, 1_000_000))
QUICK = Plan(rounds=1, seconds=1, sizes=(2_000, 20_000))


def all_rows(database: str, plan: Plan) -> list[Row]:
    """Return every row of one database."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        stack.enter_context(pinned(LOAD_CORE))
        url = stack.enter_context(database_server(database, folder))
        seeded = {}
        for size in plan.sizes:
            report.progress(f"{database}: {size:,} calls")
            seeded[size] = seed(folder, f"size-{size}", url, size)
        return [*_bound_rows(database, seeded[plan.sizes[-1]], plan), *_growth_rows(database, seeded, plan)]


def _bound_rows(database: str, seeded: Seeded, plan: Plan) -> list[Row]:
    paths = Paths.written(seeded.data / "paths", _asked("by date and domain"))
    with contextlib.ExitStack() as stack:
        programs = {
            "ours": stack.enter_context(serving(seeded.data, seeded.database)),
            "bound": stack.enter_context(bare("bound", "benchmarks.bounds.calls:app", seeded)),
        }
        _check_equal(programs, seeded, paths)
        turns = [Turn(name, server, paths, seeded.headers) for name, server in programs.items()]
        found = rounds(f"{database}: calls by date and domain", turns, plan)
    what = f"calls by date and domain, {_PAGE_SIZE} of {seeded.calls:,}"
    pairs = pairs_of(found["ours"], found["bound"])
    return [faster(what, database, "bound", _UNIT, pairs, goal=Goal(at_least=0.5))]


def _growth_rows(database: str, seeded: Mapping[int, Seeded], plan: Plan) -> list[Row]:
    goals = {"by date": _GROWN, "by date and domain": _GROWN, "by updatedSince": None}
    with contextlib.ExitStack() as stack:
        turns: list[Turn] = []
        for size, one in seeded.items():
            server = stack.enter_context(serving(one.data, one.database))
            for name in goals:
                paths = Paths.written(one.data / f"paths-{name.replace(' ', '-')}", _asked(name, are_full=True))
                turns.append(Turn(f"{name} {size}", server, paths, one.headers))
        found = rounds(f"{database}: growth of calls", turns, plan)
    return [
        cost(
            f"calls {name}, {larger:,} calls",
            database,
            f"{smaller:,} calls",
            found[f"{name} {larger}"],
            found[f"{name} {smaller}"],
            goal,
        )
        for name, goal in goals.items()
        for smaller, larger in zip(plan.sizes, plan.sizes[1:], strict=False)
    ]


def _asked(name: str, *, are_full: bool = False) -> list[str]:
    """Return requests for the first pages of ranges of up to two months.

    Args:
        name: of what is asked for.
        are_full: whether only for pages that are full in a database of any size: growth is not to be that of the page.
    """
    dice = random.Random(name)
    fewest_days, pages, domains = (_FULL_DAYS, _FULL_PAGES, _FULL_DOMAINS) if are_full else (1, _PAGES, _DOMAINS)
    paths = []
    for _ in range(_PATHS):
        days = dice.randint(fewest_days, _MOST_DAYS)
        first = FIRST_DAY + dice.randrange(DAYS - days)
        path = f"/calls?page={dice.randrange(pages)}&pageSize={_PAGE_SIZE}"
        if name == "by updatedSince":
            path += f"&updatedSince={date_of(FIRST_DAY + DAYS - 2)}"
        else:
            path += f"&startDate={date_of(first)}&endDate={date_of(first + days - 1)}"
        if name == "by date and domain":
            path += f"&customerDomain={dice.choice(DOMAINS[:domains])}"
        paths.append(path)
    return paths


def _check_equal(programs: Mapping[str, Server], seeded: Seeded, paths: Paths) -> None:
    """Ask every program the same pages.

    Raises:
        ServerFailed: one sends other records than the first, the signed addresses apart.
    """
    for path in paths.file.read_text(encoding="ascii").split()[:_COMPARED]:
        bodies = {name: _without_links(server.answer("GET", path, seeded.headers)) for name, server in programs.items()}
        if len(set(bodies.values())) > 1:
            told = {name: body[:1500] for name, body in bodies.items()}
            raise ServerFailed(f"{path} is answered in more than one way: {told!r}")


def _without_links(body: bytes) -> bytes:
    return re.sub(rb'"recordingRef":"[^"]*"', b"", body)


def main() -> int:
    """Measure and print."""
    return command.run(
        "calls", "The list of calls against its bound, and its growth.", all_rows, full=FULL, quick=QUICK
    )


if __name__ == "__main__":
    sys.exit(main())
