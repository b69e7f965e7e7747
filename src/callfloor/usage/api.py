"""`/api/v2/usage`: usage at a glance, its rows page by page, or whole as CSV."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.web import Facts, cursor_after, position_of
from callfloor.usage.calendar import day_of
from callfloor.usage.exporting import csv_of
from callfloor.usage.queries import after_folding, usage_page
from callfloor.usage.reports import Asked, read_periods, until_tomorrow
from callfloor.usage.schemas import (
    UsageRowPage,
    UsageShown,
    days_asked_for,
    group_asked_for,
    shown_row,
    shown_summary,
    zone_asked_for,
)
from callfloor.usage.summaries import Summarize, summarized
from callfloor.usage.tables import Cadence, GroupKind

router = APIRouter(tags=["Usage"])

_DAY = Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}, examples=["2026-11-01"])

Day = Annotated[str | None, _DAY]
GroupId = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Reader = Annotated[Caller, needs(Scope.USAGE_READ)]
From = Annotated[Day, Query(alias="from", description="The first day; left out, 27 days before the last.")]
To = Annotated[Day, Query(description="The last day; left out, today in UTC.")]
Grouping = Annotated[GroupKind, Query(description="What calls are added up by.")]
Periods = Annotated[Cadence, Query(description="Days, weeks from Monday, or months.")]


@router.get("/usage", operation_id="show_usage")
async def show_usage(  # noqa: PLR0913  # one parameter an option
    facts: Facts,
    caller: Reader,
    *,
    from_: From = None,
    to: To = None,
    cadence: Periods = Cadence.DAILY,
    group_by: Grouping = GroupKind.USERNAME,
    group_id: Annotated[GroupId, Query(description="Only of this group of the kind.")] = None,
    time_zone: Annotated[str, Query(max_length=100, description="Whose days, such as Europe/Berlin.")] = "UTC",
    leaders: Annotated[int, Query(ge=0, le=100, description="How many groups to name.")] = 10,
) -> UsageShown:
    """Show totals, their course, the time before, and who talked most."""
    group = group_asked_for(group_by, group_id)
    zone = zone_asked_for(time_zone, group)
    days = days_asked_for(from_, to, day_of(facts.now))
    asked = Summarize(caller.team_id, days, cadence, group_by, group, zone, leaders)
    # A day there may begin or end on the one before or after in UTC.
    around = asked.days_before[0] - 1, days[-1] + 1
    read = functools.partial(summarized, asked=asked)
    return shown_summary(await after_folding(facts.services.db, caller.team_id, around, read, now=facts.now), time_zone)


@router.get("/usage/rows", operation_id="list_usage_rows")
async def list_usage_rows(
    facts: Facts,
    caller: Reader,
    *,
    from_: From = None,
    to: To = None,
    cadence: Periods = Cadence.DAILY,
    group_by: Grouping = GroupKind.USERNAME,
    limit: Annotated[int, Query(ge=1, le=200, description="How many rows at most.")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="The `next_cursor` of the answer before.")] = None,
) -> UsageRowPage:
    """List what each group's calls add up to in each period."""
    skip = (position_of(cursor, int) or (0,))[0]
    if not 0 <= skip <= ID_LIMIT:
        raise invalid("cursor", "must be a next_cursor of an earlier answer, unchanged")
    days = days_asked_for(from_, to, day_of(facts.now))
    asked = Asked(caller.team_id, group_by, days[0], days[-1], cadence)
    page = await usage_page(facts.services.db, asked, skip=skip, take=limit, now=facts.now)
    end = skip + len(page.rows)
    following = cursor_after(end) if page.rows and end < page.total else None
    return UsageRowPage(data=[shown_row(row) for row in page.rows], count=page.total, next_cursor=following)


@router.get(
    "/usage.csv",
    operation_id="export_usage",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_usage(
    facts: Facts,
    caller: Reader,
    *,
    from_: From = None,
    to: To = None,
    cadence: Periods = Cadence.DAILY,
    group_by: Grouping = GroupKind.USERNAME,
) -> StreamingResponse:
    """Return all rows as CSV (RFC 4180, UTF-8)."""
    days = days_asked_for(from_, to, day_of(facts.now))
    asked = until_tomorrow(Asked(caller.team_id, group_by, days[0], days[-1], cadence), facts.now)
    read = functools.partial(read_periods, asked=asked)
    span = asked.first_day, asked.last_day
    periods = await after_folding(facts.services.db, caller.team_id, span, read, now=facts.now)
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
    lines = csv_of(facts.services.db, asked, periods)
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
