"""`callfloor calls import …`: the operator's backfill, run by this very process from wherever it may read."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from callfloor.access.audit import OPERATOR
from callfloor.conversations.imports.importing import Runner, run_import
from callfloor.conversations.imports.imports import (
    NEWEST,
    Import,
    NewImport,
    RunOver,
    begin_import,
    end_import,
    import_by_id,
    imports_below,
    refusals_after,
    resume_import,
    stop_import,
)
from callfloor.conversations.imports.jobs import import_folder, source_of
from callfloor.conversations.imports.locations import is_bucket, open_recordings, shown_place
from callfloor.conversations.imports.options import ColumnMap, ImportFormat, Options, checked_options, column_map
from callfloor.conversations.imports.progress import told_progress
from callfloor.conversations.imports.shapes import refusal_lines, shown_import
from callfloor.conversations.imports.tables import ImportState
from callfloor.foundation import clock
from callfloor.foundation.command_line import MISUSED, AsJson, Data, DatabaseUrl, answer, opened, refuse
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services
from callfloor.teams.teams import team_by_id

app = typer.Typer(name="calls", help="Calls of years before.", no_args_is_help=True)

_LOOKED_AT = 100
"""Imports among which one to go on with is looked for."""
_REFUSALS_AT_ONCE = 1000

TeamId = Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")]


@app.command("import")
def import_(  # noqa: PLR0913, PLR0917  # one parameter an option
    source: Annotated[str, typer.Argument(metavar="PATH|CSV|s3://…", help="Recordings, or a table of calls.")],
    team: TeamId,
    recordings: Annotated[
        str | None, typer.Option(metavar="PATH|s3://…", help="Where the recordings of a table lie.")
    ] = None,
    format_: Annotated[
        ImportFormat | None, typer.Option("--format", help="Left out: files, or cdr, or mapped with a mapping.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of times without an offset, such as Europe/Berlin.")
    ] = None,
    mapping: Annotated[Path | None, typer.Option(metavar="FILE", help="Which column is what; TOML or JSON.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="One line of a mapping; once for each.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Spoken in calls that do not say it, such as de.")] = None,
    encoding: Annotated[str, typer.Option(help="Of the table.")] = "utf-8",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be created; create nothing.")] = False,
    refusals: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every refused row there, as CSV.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Import calls; the same command goes on where one that was stopped or killed has been."""
    is_table = not is_bucket(source) and not Path(source).is_dir()
    with opened(data, database) as services:
        services.db.read_now(functools.partial(team_by_id, team_id=team))
        columns = _mapping(mapping, column or [])
        options = Options(
            format=format_ or _format_of(is_table=is_table, columns=columns),
            timezone=timezone,
            encoding=encoding,
            language=language,
            mapping=columns,
        )
        if is_table and not Path(source).is_file():
            refuse(f"{source} is no folder, no table and no s3:// address.", code=MISUSED)
        if is_table != (options.format is not ImportFormat.FILES) or is_table != (recordings is not None):
            refuse("A table needs --recordings; a folder or an s3:// address of recordings goes without.", code=MISUSED)
        begun = _begun(services, team, _origin(source, recordings), checked_options(options), dry_run=dry_run)
        ended = _run(services, begun, Path(source) if is_table else None, recordings or source)
        if refusals is not None:
            _write_refusals(services, ended, refusals)
        answer(_told(ended), as_json=as_json)
        if ended.state is not ImportState.DONE:
            raise typer.Exit(1)


@app.command("imports")
def imports(team: TeamId, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List a team's imports, newest first."""
    with opened(data, database) as services:
        services.db.read_now(functools.partial(team_by_id, team_id=team))
        found = services.db.read_now(functools.partial(imports_below, team_id=team, below=NEWEST, take=_LOOKED_AT))
        if as_json:
            answer({"imports": [_told(one) for one in found]}, as_json=True)
            return
        for one in found:
            shown = f"{one.created} created, {one.existing} there, {one.refused} refused"
            typer.echo(f"{one.id}  {one.state.value:<8}  row {one.row_number}  {shown}  {one.origin}")


def _format_of(*, is_table: bool, columns: ColumnMap) -> ImportFormat:
    if not is_table:
        return ImportFormat.FILES
    return ImportFormat.MAPPED if columns.columns else ImportFormat.CDR


def _mapping(file: Path | None, lines: list[str]) -> ColumnMap:
    given: dict[str, object] = {}
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
            given = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        except (json.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise invalid("mapping", f"{file} is neither TOML nor JSON: {error}") from None
    columns = given.get("columns", {})
    for line in lines:
        target, is_one, name = line.partition("=")
        if not is_one or not isinstance(columns, dict):
            raise invalid("column", f"must be a field and its column, such as date=Started, and is {line!r}")
        columns = {**columns, target.strip(): name}
    return column_map({**given, "columns": columns})


def _origin(source: str, recordings: str | None) -> str:
    places = [
        shown_place(place) if is_bucket(place) else str(Path(place).resolve())
        for place in (source, recordings)
        if place
    ]
    return " with ".join(places)


def _begun(services: Services, team_id: int, origin: str, options: Options, *, dry_run: bool) -> Import:
    """Return the import to work on: the one that such a command has left unfinished, else a new one."""
    db = services.db
    found = db.read_now(functools.partial(imports_below, team_id=team_id, below=NEWEST, take=_LOOKED_AT))
    for one in found:
        is_same = one.is_of_command_line and (one.origin, one.options, one.is_dry_run) == (origin, options, dry_run)
        if is_same and one.state is not ImportState.DONE:
            typer.echo(f"Going on behind row {one.row_number} of the import {one.id}.", err=True)
            resume = functools.partial(resume_import, team_id=team_id, import_id=one.id, by_command=True)
            return db.write_now(functools.partial(resume, actor=OPERATOR, now=clock.now()))
    new = NewImport(
        team_id=team_id,
        id=new_id(),
        options=options,
        origin=origin,
        actor=OPERATOR,
        now=clock.now(),
        is_dry_run=dry_run,
    )
    return db.write_now(functools.partial(begin_import, new=new))


def _run(services: Services, begun: Import, table: Path | None, place: str) -> Import:
    own: dict[str, Any] = {"team_id": begun.team_id, "import_id": begun.id}
    with import_folder(services.settings.data, begun.id) as scratch, told_progress() as tell:
        runner = Runner(services, scratch, clock.now, tell)
        try:
            recordings = open_recordings(place)
            run_import(runner, begun, source_of(begun, table, recordings, runner), recordings)
        except RunOver:
            typer.echo("Another process goes on with this import.", err=True)
        except KeyboardInterrupt:
            services.db.write_now(functools.partial(stop_import, **own, actor=OPERATOR, now=clock.now()))
            typer.echo("Stopped; the same command goes on from here.", err=True)
        except DomainError as error:
            end = functools.partial(end_import, **own, run=begun.run, now=clock.now(), reason=error.message)
            services.db.write_now(end)
            raise
    return services.db.read_now(functools.partial(import_by_id, **own))


def _write_refusals(services: Services, ended: Import, file: Path) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        out.writelines(_refusal_lines(services, ended))


def _refusal_lines(services: Services, ended: Import) -> Iterator[str]:
    yield refusal_lines(None)
    after: int | None = 0
    while after is not None:
        read = functools.partial(
            refusals_after, team_id=ended.team_id, import_id=ended.id, after=after, take=_REFUSALS_AT_ONCE
        )
        found, after = services.db.read_now(read)
        yield refusal_lines(found)


def _told(one: Import) -> dict[str, object]:
    shown = shown_import(one)
    counts = shown.counts.model_dump()
    return {"id": one.id, "state": one.state.value, "dry_run": one.is_dry_run, "rows": one.row_number, **counts}
