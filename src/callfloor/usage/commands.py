"""`callfloor usage …`: what is kept of calls, held against the calls themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from callfloor.foundation import clock
from callfloor.foundation.command_line import REFUSED, AsJson, Data, DatabaseUrl, answer, opened
from callfloor.teams.teams import team_by_id
from callfloor.usage import rebuilding
from callfloor.usage.calendar import date_of
from callfloor.usage.folding import QUARTERS_OF_DAY
from callfloor.usage.recount import Difference

app = typer.Typer(name="usage", help="What calls add up to.", no_args_is_help=True)

NAMED = 20
"""Differences that are told one by one."""
TeamId = Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")]


@app.command("verify")
def verify(team: TeamId, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Prove that every sum is what the team's calls add up to; exits with 1 when one is not."""
    with opened(data, database) as services:
        services.db.read_now(partial(team_by_id, team_id=team))
        found, first = 0, []
        with _bar("Verifying") as progress:
            for difference in rebuilding.usage_differences(services.db, team, progress):
                found += 1
                if found <= NAMED:
                    first.append(_told(difference))
        if as_json:
            answer({"equal": not found, "differences": found, "first": first}, as_json=True)
        else:
            for one in first:
                typer.echo("{table} {kind} {start} {group}: {kept}, should be {right}".format(**one))
            answer({"equal": not found, "differences": found}, as_json=False)
        if found:
            raise typer.Exit(REFUSED)


@app.command("rebuild")
def rebuild(team: TeamId, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Mend every sum that is not what the team's calls add up to; a server may run meanwhile."""
    with opened(data, database) as services:
        services.db.read_now(partial(team_by_id, team_id=team))
        with _bar("Rebuilding") as progress:
            mended = rebuilding.rebuild_usage(services.db, team, progress, now=clock.now())
        answer({"mended": mended}, as_json=as_json)


@contextlib.contextmanager
def _bar(what: str) -> Iterator[rebuilding.Progress]:
    columns = TextColumn(what), BarColumn(), TextColumn("{task.percentage:3.0f}%"), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _told(one: Difference) -> dict[str, Any]:
    is_quarter = one.table == "usage_quarter"
    start = clock.iso(one.start * clock.DAY // QUARTERS_OF_DAY) if is_quarter else date_of(one.start).isoformat()
    return {
        "table": one.table,
        "kind": one.kind,
        "start": start,
        "group": one.group_id,
        "kept": list(one.kept),
        "right": list(one.right),
    }
