"""`/api/v2/audit`: the audit trail of the team, searched, page by page, or whole as CSV."""

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.trail import LATEST, Entry, Search, found_entries
from callfloor.foundation.clock import from_datetime, iso
from callfloor.foundation.csv_text import csv_text
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import Moment
from callfloor.foundation.web import Facts, RequestFacts, Shape, cursor_after, position_of

router = APIRouter(prefix="/audit", tags=["Audit"])

_EXPORTED_AT_ONCE = 500
_COLUMNS = (
    "timestamp",
    "actor",
    "actor_kind",
    "actor_id",
    "action",
    "object_kind",
    "object_id",
    "before",
    "after",
    "request_id",
    "address",
)

Reader = Annotated[Caller, needs(Scope.AUDIT_READ)]
Word = Annotated[str | None, Query(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class AuditActor(Shape):
    """Who did it."""

    kind: str
    id: str
    name: str


class AuditObject(Shape):
    """What it was done to."""

    kind: str
    id: str


class AuditEntry(Shape):
    """One change; `before` and `after` hold the attributes that changed, `is_sealed` whether the chain protects it."""

    id: str
    timestamp: str
    actor: AuditActor
    action: str
    object: AuditObject
    before: Any
    after: Any
    request_id: str
    address: str
    is_sealed: bool


class AuditEntries(Shape):
    """A page of entries, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


def search_of(  # noqa: PLR0917  # one parameter a filter
    caller: Reader,
    actor: Annotated[Word, Query(description="Part of the actor's name, or the whole of its id.")] = None,
    action: Annotated[Word, Query(description="How the action begins.", examples=["key."])] = None,
    object_kind: Annotated[Word, Query(examples=["seat"])] = None,
    object_id: Word = None,
    text: Annotated[Word, Query(description="Part of any column.")] = None,
    from_: Annotated[Moment | None, Query(alias="from", examples=["2026-01-01T00:00:00Z"])] = None,
    to: Annotated[Moment | None, Query(description="Exclusive.", examples=["2026-02-01T00:00:00Z"])] = None,
) -> Search:
    """Return what the query asks for."""
    since = 0 if from_ is None else from_datetime(from_)
    until = LATEST[0] if to is None else from_datetime(to)
    if since > until:
        raise invalid("to", "must not be before `from`")
    return Search(caller.team_id, actor, action, object_kind, object_id, text, since, until)


Searched = Annotated[Search, Depends(search_of)]


@router.get("", operation_id="list_audit_entries")
async def list_audit_entries(
    facts: Facts,
    _caller: Reader,
    search: Searched,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AuditEntries:
    """List what was changed in the team, newest first."""
    position = position_of(cursor, int, str) or LATEST
    find = functools.partial(found_entries, search=search, before=position, count=limit + 1)
    entries = await facts.services.db.report(find)
    page = entries[:limit]
    next_cursor = cursor_after(page[-1].at, page[-1].id) if len(entries) > limit else None
    return AuditEntries(data=[_shown(entry) for entry in page], next_cursor=next_cursor)


@router.get(
    "/export",
    operation_id="export_audit_entries",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_audit_entries(facts: Facts, _caller: Reader, search: Searched) -> StreamingResponse:
    """Return all of it as CSV (RFC 4180, UTF-8), newest first."""
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_lines(facts, search), media_type="text/csv; charset=utf-8", headers=headers)


def _shown(entry: Entry) -> AuditEntry:
    return AuditEntry(
        id=entry.id,
        timestamp=iso(entry.at),
        actor=AuditActor(kind=entry.actor_kind, id=entry.actor_id, name=entry.actor_name),
        action=entry.action,
        object=AuditObject(kind=entry.object_kind, id=entry.object_id),
        before=entry.before,
        after=entry.after,
        request_id=entry.request_id,
        address=entry.address,
        is_sealed=entry.seq is not None,
    )


async def _lines(facts: RequestFacts, search: Search) -> AsyncIterator[str]:
    yield csv_text([_COLUMNS])
    position = LATEST
    while True:
        find = functools.partial(found_entries, search=search, before=position, count=_EXPORTED_AT_ONCE)
        entries = await facts.services.db.report(find)
        if not entries:
            return
        yield csv_text([_row(entry) for entry in entries])
        position = (entries[-1].at, entries[-1].id)


def _row(entry: Entry) -> tuple[str, ...]:
    return (
        iso(entry.at),
        entry.actor_name,
        entry.actor_kind,
        entry.actor_id,
        entry.action,
        entry.object_kind,
        entry.object_id,
        "" if entry.before is None else json.dumps(entry.before, ensure_ascii=False),
        "" if entry.after is None else json.dumps(entry.after, ensure_ascii=False),
        entry.request_id,
        entry.address,
    )
