"""`/api/v2/imports`: years of calls from places that the operator allows, begun, watched, stopped and resumed."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Path, UploadFile
from fastapi.requests import Request
from fastapi.responses import Response, StreamingResponse

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.imports.imports import (
    NEWEST,
    Import,
    NewImport,
    begin_import,
    import_by_id,
    imports_below,
    refusals_after,
    resume_import,
    stop_import,
)
from callfloor.conversations.imports.jobs import import_folder
from callfloor.conversations.imports.locations import is_bucket, location_by_name, locations_of
from callfloor.conversations.imports.options import (
    ColumnMap,
    ImportFormat,
    Options,
    checked_options,
    column_map,
    mapping_schema,
)
from callfloor.conversations.imports.shapes import (
    ImportLocation,
    ImportLocations,
    ImportPage,
    ImportShown,
    refusal_lines,
    shown_import,
)
from callfloor.conversations.imports.sources import TableSource
from callfloor.conversations.incoming import announce_file
from callfloor.foundation.errors import FieldError, InvalidInput, invalid
from callfloor.foundation.fields import LANGUAGE_PATTERN
from callfloor.foundation.ids import new_id
from callfloor.foundation.web import Cursor, Facts, Limit, RequestFacts, cursor_after, position_of

router = APIRouter(prefix="/imports", tags=["Imports"])

_READ_BYTES = 1024 * 1024
_REFUSALS_AT_ONCE = 500
_FIELDS = frozenset(("location", "format", "table", "timezone", "encoding", "language", "mapping", "dry_run"))

Id = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]
Reader = Annotated[Caller, needs(Scope.CONVERSATIONS_READ, of_everybody=True)]
Writer = Annotated[Caller, needs(Scope.CONVERSATIONS_WRITE, of_everybody=True)]
Word = Annotated[str | None, Form(max_length=100, pattern=r"^[^\x00]*$")]


@router.get("/locations", operation_id="list_import_locations")
async def list_locations(facts: Facts, caller: Reader) -> ImportLocations:
    """List the places that the team's imports may read, as the operator allows them."""
    found = locations_of(facts.services.settings, caller.team_id)
    return ImportLocations(
        data=[ImportLocation(name=one.name, kind="bucket" if is_bucket(one.place) else "folder") for one in found]
    )


@router.get("", operation_id="list_imports")
async def list_imports(facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> ImportPage:
    """List the team's imports, newest first."""
    below = (position_of(cursor, str) or (NEWEST,))[0]
    read = functools.partial(imports_below, team_id=caller.team_id, below=below, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ImportPage(data=[shown_import(one) for one in found[:limit]], next_cursor=more)


def options_of(
    format_: Annotated[ImportFormat, Form(alias="format")] = ImportFormat.CDR,
    timezone: Annotated[Word, Form(description="Of times without an offset.", examples=["Europe/Berlin"])] = None,
    encoding: Annotated[str, Form(max_length=40, pattern=r"^[A-Za-z0-9._-]+$")] = "utf-8",
    language: Annotated[
        str | None,
        Form(
            description="Spoken in calls that do not say it.",
            examples=["de"],
            json_schema_extra={"pattern": f"^({LANGUAGE_PATTERN})?$"},
        ),
    ] = None,
    mapping: Annotated[
        str | None,
        Form(
            max_length=100_000,
            description="JSON: `columns`, `values`, `date_format`, `delimiter`.",
            json_schema_extra={"contentMediaType": "application/json", "contentSchema": mapping_schema()},
        ),
    ] = None,
) -> Options:
    """Return what the form says of the rows."""
    columns = _mapping_of(mapping)
    given = Options(
        format=format_, timezone=timezone or None, encoding=encoding, language=language or None, mapping=columns
    )
    return checked_options(given)


async def _known(request: Request) -> None:
    """Refuse fields that no import has: a dry run that is spelt otherwise would be none."""
    unknown = [name for name in await request.form() if name not in _FIELDS]
    if unknown:
        raise InvalidInput([FieldError(name[:64], "is not a field of an import") for name in unknown])


@router.post("", operation_id="begin_import", status_code=HTTPStatus.ACCEPTED, dependencies=[Depends(_known)])
async def begin(  # noqa: PLR0917  # one parameter a field of the form
    facts: Facts,
    caller: Writer,
    response: Response,
    options: Annotated[Options, Depends(options_of)],
    location: Annotated[
        str, Form(min_length=1, max_length=64, description="Name of an allowed place with the recordings.")
    ],
    table: Annotated[UploadFile | None, File(description="The table as CSV; none with the format `files`.")] = None,
    dry_run: Annotated[  # noqa: FBT002  # a field of the form
        bool, Form(description="Tell what would be created, and create nothing.")
    ] = False,
) -> ImportShown:
    """Begin an import; a worker runs it behind everything else."""
    allowed = location_by_name(facts.services.settings, caller.team_id, location)
    if (table is None) != (options.format is ImportFormat.FILES):
        raise invalid("table", "goes with the formats cdr and mapped, which need it")
    import_id = new_id()
    key = None if table is None else await _kept(facts, caller, import_id, table, options)
    origin = allowed.name if table is None else f"{_name_of(table)} with {allowed.name}"
    command = NewImport(
        team_id=caller.team_id,
        id=import_id,
        options=options,
        origin=origin,
        actor=caller.actor(facts),
        now=facts.now,
        is_dry_run=dry_run,
        location=allowed.name,
        csv_key=key,
        maker_account_id=caller.account_id,
    )
    made = await facts.services.db.write(functools.partial(begin_import, new=command))
    response.headers["Location"] = f"/api/v2/imports/{made.id}"
    return shown_import(made)


@router.get("/{import_id}", operation_id="show_import")
async def show(import_id: Id, facts: Facts, caller: Reader) -> ImportShown:
    """Show how far an import is."""
    return shown_import(await _import_of(facts, caller, import_id))


@router.post("/{import_id}/stop", operation_id="stop_import")
async def stop(import_id: Id, facts: Facts, caller: Writer) -> ImportShown:
    """Stop behind the batch under way; what is created stays."""
    verb = functools.partial(stop_import, team_id=caller.team_id, import_id=import_id, now=facts.now)
    return shown_import(await facts.services.db.write(functools.partial(verb, actor=caller.actor(facts))))


@router.post("/{import_id}/resume", operation_id="resume_import", status_code=HTTPStatus.ACCEPTED)
async def resume(import_id: Id, facts: Facts, caller: Writer) -> ImportShown:
    """Go on where a stopped or failed import was."""
    verb = functools.partial(resume_import, team_id=caller.team_id, import_id=import_id, now=facts.now)
    return shown_import(await facts.services.db.write(functools.partial(verb, actor=caller.actor(facts))))


@router.get(
    "/{import_id}/refusals",
    operation_id="export_import_refusals",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def refusals(import_id: Id, facts: Facts, caller: Reader) -> StreamingResponse:
    """Return every fault of every refused row as CSV: row, file, field, expected."""
    await _import_of(facts, caller, import_id)
    headers = {"Content-Disposition": 'attachment; filename="refusals.csv"'}
    lines = _lines(facts, caller.team_id, import_id)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def _import_of(facts: RequestFacts, caller: Caller, import_id: str) -> Import:
    return await facts.services.db.report(functools.partial(import_by_id, team_id=caller.team_id, import_id=import_id))


async def _lines(facts: RequestFacts, team_id: int, import_id: str) -> AsyncIterator[str]:
    yield refusal_lines(None)
    after: int | None = 0
    while after is not None:
        read = functools.partial(
            refusals_after, team_id=team_id, import_id=import_id, after=after, take=_REFUSALS_AT_ONCE
        )
        found, after = await facts.services.db.report(read)
        yield refusal_lines(found)


async def _kept(facts: RequestFacts, caller: Caller, import_id: str, table: UploadFile, options: Options) -> str:
    """Return the key of the table in the store of files; one that cannot be read is refused before."""
    key = f"imports/{caller.team_id}/{import_id}"
    announce = functools.partial(announce_file, team_id=caller.team_id, file_id=import_id, file_key=key, now=facts.now)
    limit = facts.services.settings.imports.max_table_bytes
    with import_folder(facts.services.settings.data, import_id) as scratch:
        path = scratch / "table.csv"
        await asyncio.to_thread(path.write_bytes, b"")
        async for chunk in _chunks(table):
            await asyncio.to_thread(_append, path, chunk)
        await asyncio.to_thread(TableSource, path, options, facts.now)
        await facts.services.db.write(announce)
        await table.seek(0)
        await facts.services.files.put_stream(key, _chunks(table), limit_bytes=limit)
    return key


async def _chunks(table: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await table.read(_READ_BYTES):
        yield chunk


def _append(path: FilePath, chunk: bytes) -> None:
    with path.open("ab") as file:
        file.write(chunk)


def _mapping_of(text: str | None) -> ColumnMap:
    try:
        given = json.loads(text) if text else None
    except (json.JSONDecodeError, RecursionError):
        raise invalid("mapping", "must be JSON") from None
    return ColumnMap() if given is None else column_map(given)


def _name_of(table: UploadFile) -> str:
    name = (table.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in name if one.isprintable())[:200] or "a table"
