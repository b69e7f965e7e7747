"""`/api/v2/live`: what the team's devices do at this moment, as a snapshot and as a stream; and what they did."""

from __future__ import annotations

import functools
import gzip
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.access.guard import Caller, needs, sign_in_of
from callfloor.access.scopes import Scope
from callfloor.devices.queries import DeviceNotFound
from callfloor.foundation.clock import DAY, Millis, from_datetime, iso
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import ID_LIMIT, Moment
from callfloor.foundation.web import Facts, RequestFacts, Shape, cursor_after, position_of
from callfloor.live.history import next_devices, spans_of_devices, times_of_devices
from callfloor.live.hub import Hub, Watcher
from callfloor.live.queries import LiveFilter, counts_by_state, head_of, live_devices_after
from callfloor.live.shown import LiveDeviceShown, StateName, shown
from callfloor.live.spans import Range, Span, time_by_state
from callfloor.live.stream_api import Stream, takes_gzip
from callfloor.live.tables import State

router = APIRouter(tags=["Live"])

SNAPSHOT_LIMIT = 10_000
RANGE_DAYS = 31
_PACKED_FROM = 10_000
"""Bytes from which an answer is packed for who unpacks it."""

Reader = Annotated[Caller, needs(Scope.LIVE_READ)]
Part = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Cursor = Annotated[str | None, Query()]
Place = Annotated[int | None, Query(ge=0, le=ID_LIMIT)]


class LiveSnapshot(Shape):
    """Devices by id, blocked ones left out; `counts` of the whole team by state; `seq` is where the stream goes on."""

    seq: int
    counts: dict[StateName, int]
    data: list[LiveDeviceShown]
    next_cursor: str | None


class StateSpan(Shape):
    """From `since` to `until` a device was in the state; `source` says how that is known, null that nothing was yet."""

    state: StateName
    since: str
    until: str
    duration_seconds: int
    reason: str | None
    source: str | None


class DeviceStates(Shape):
    """What a device did in a range of time, and for how many seconds altogether."""

    data: list[StateSpan]
    seconds: dict[StateName, int]


class DeviceTimes(Shape):
    """For how many seconds a device was in each state."""

    device_id: int
    seconds: dict[StateName, int]


class DeviceTimesPage(Shape):
    """A page of devices, by id."""

    data: list[DeviceTimes]
    next_cursor: str | None


def _filter(
    state: Annotated[StateName | None, Query()] = None, hostname: Part = None, username: Part = None
) -> LiveFilter:
    return LiveFilter(State(state) if state else None, hostname, username)


@router.get("/live/snapshot", operation_id="live_snapshot", responses={200: {"model": LiveSnapshot}})
async def live_snapshot(
    request: Request,
    caller: Reader,
    facts: Facts,
    which: Annotated[LiveFilter, Depends(_filter)],
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=SNAPSHOT_LIMIT)] = SNAPSHOT_LIMIT,
) -> Response:
    """Show what the team's devices do at this moment."""
    position = position_of(cursor, int)
    read = functools.partial(
        _snapshot,
        team_id=caller.team_id,
        which=which,
        after=position[0] if position else 0,
        take=limit,
        now=facts.now,
        is_packed=takes_gzip(request),
    )
    body, is_packed = await facts.services.db.report(read)
    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if is_packed else {})
    return Response(body, headers=headers, media_type="application/json")


@router.get(
    "/live/stream",
    operation_id="live_stream",
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events."}},
    response_class=Response,
)
async def live_stream(
    request: Request,
    caller: Reader,
    facts: Facts,
    after: Place = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """Tell of every change as it happens, by server-sent events."""
    hub: Hub = request.app.state.live
    place = _place(last_event_id) if last_event_id else after

    watcher = Watcher((caller.team_id, sign_in_of(request, facts)), request.scope.get("callfloor.abort", lambda: None))
    await hub.watch(caller.team_id, watcher, after=place)
    leave = functools.partial(hub.leave, caller.team_id, watcher)
    return Stream(watcher, is_packed=takes_gzip(request), on_end=leave)


@router.get("/devices/{id}/states", operation_id="list_device_states", response_model=DeviceStates)
async def list_device_states(
    caller: Reader,
    facts: Facts,
    device_id: Annotated[int, Path(alias="id", ge=1, le=ID_LIMIT)],
    begin: Annotated[Moment, Query(alias="from")],
    end: Annotated[Moment | None, Query(alias="to")] = None,
) -> DeviceStates:
    """Show from when until when a device was in which state."""
    found = await facts.services.db.report(
        functools.partial(
            spans_of_devices,
            team_id=caller.team_id,
            device_ids=[device_id],
            within=_range(from_datetime(begin), None if end is None else from_datetime(end), facts),
            now=facts.now,
        )
    )
    if not found:
        raise DeviceNotFound(f"there is no device {device_id} in this team")
    spans = found[0][1]
    return DeviceStates(data=[_span(span) for span in spans], seconds=_seconds(time_by_state(spans)))


@router.get("/live/history", operation_id="live_history", response_model=DeviceTimesPage)
async def live_history(
    caller: Reader,
    facts: Facts,
    begin: Annotated[Moment, Query(alias="from")],
    end: Annotated[Moment | None, Query(alias="to")] = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeviceTimesPage:
    """Show for how long the team's devices were in each state."""
    position = position_of(cursor, int)
    within = _range(from_datetime(begin), None if end is None else from_datetime(end), facts)

    def work(tx: Tx) -> tuple[list[tuple[int, dict[str, Millis]]], bool]:
        after = position[0] if position else 0
        ids = next_devices(tx, caller.team_id, after=after, take=limit + 1)
        return times_of_devices(tx, caller.team_id, ids[:limit], within, now=facts.now), len(ids) > limit

    found, has_more = await facts.services.db.report(work)
    times = [DeviceTimes(device_id=device_id, seconds=_seconds(lengths)) for device_id, lengths in found]
    return DeviceTimesPage(data=times, next_cursor=cursor_after(times[-1].device_id) if has_more else None)


def _snapshot(
    tx: Tx, *, team_id: int, which: LiveFilter, after: int, take: int, now: Millis, is_packed: bool
) -> tuple[bytes, bool]:
    seq, counts = head_of(tx, team_id), counts_by_state(tx, team_id, now=now)
    devices = live_devices_after(tx, team_id, which, after=after, take=take + 1, now=now)
    more = cursor_after(devices[take - 1].id) if len(devices) > take else None
    content: dict[str, Any] = {
        "seq": seq,
        "counts": counts,
        "data": [shown(one) for one in devices[:take]],
        "next_cursor": more,
    }
    body = msgspec.json.encode(content)
    is_packed = is_packed and len(body) >= _PACKED_FROM
    return (gzip.compress(body, 1) if is_packed else body), is_packed


def _place(last_event_id: str) -> int:
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= len(str(ID_LIMIT))):
        raise invalid("Last-Event-ID", "must be the id of an event of this stream, unchanged")
    return int(last_event_id)


def _range(begin: Millis, end: Millis | None, facts: RequestFacts) -> Range:
    end = facts.now if end is None else end
    if not 0 <= end - begin <= RANGE_DAYS * DAY:
        raise invalid("to", f"must not be before `from`, nor more than {RANGE_DAYS} days after it")
    kept_from = facts.now - facts.services.settings.live.history_days * DAY
    return Range(max(begin, kept_from), end)


def _span(span: Span) -> StateSpan:
    return StateSpan(
        state=span.state,  # type: ignore[arg-type]  # the names are those of State
        since=iso(span.begin),
        until=iso(span.end),
        duration_seconds=round(span.duration / 1000),
        reason=span.reason,
        source=span.source,
    )


def _seconds(times: dict[str, Millis]) -> Any:
    return {state: round(duration / 1000) for state, duration in times.items()}
