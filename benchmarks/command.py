"""What a benchmark of the databases is run by: one or both, full or quick, a table on stdout, files in `build/`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from benchmarks import report
from benchmarks.load import WrkMissing
from benchmarks.processes import ServerFailed
from benchmarks.report import Row

DATABASES = ("sqlite", "postgresql")
P = TypeVar("P", bound=Any)
"""A frozen dataclass: how much is measured, `rounds` of it, and perhaps of how many `seconds` a turn is."""


def run(  # what it is, how much, and of what
    name: str,
    description: str,
    rows_of: Callable[[str, P], list[Row]],
    *,
    full: P,
    quick: P,
    and_also: Callable[[P], list[Row]] | None = None,
) -> int:
    """Measure as the command line asks, print the table, write `build/bench-NAME.json` and a picture of the goals.

    Args:
        name: of the files.
        description: for `--help`.
        rows_of: measures one database.
        full: what is measured.
        quick: what is measured to show that it runs.
        and_also: measures what has no database.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--database", choices=DATABASES, help="one of them only")
    parser.add_argument("--rounds", type=int, help="turns of everything that is measured; the median counts")
    if hasattr(full, "seconds"):
        parser.add_argument("--seconds", type=int, help="length of a turn")
    parser.add_argument("--quick", action="store_true", help="little of all: shows that it runs, no more")
    asked = vars(parser.parse_args())
    given = {option: asked[option] for option in ("rounds", "seconds") if asked.get(option)}
    plan = dataclasses.replace(quick if asked["quick"] else full, **given)
    rows: list[Row] = []
    try:
        for database in DATABASES:
            if asked["database"] in {None, database}:
                rows += rows_of(database, plan)
        if and_also is not None:
            rows += and_also(plan)
    except (WrkMissing, ServerFailed) as failure:
        report.progress_done()
        print(failure, file=sys.stderr)
        return 1
    report.progress_done()
    print(report.table(rows))
    report.write_json(rows, dataclasses.asdict(plan), report.FOLDER / f"bench-{name}.json")
    if any(row.goal for row in rows):
        report.write_svg(rows, report.FOLDER / f"bench-{name}.svg")
    return 0
