"""Lists and single records: GET /calls, /meetings, /calls/{id}, /meetings/{id}."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import urlencode

from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.conversations.listing import conversation_by_id, conversations_page
from callfloor.conversations.recording_links import Holder
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api import wire
from callfloor.conversations_api.parameters import Pairs, expansion, list_request, next_cursor
from callfloor.conversations_api.records import Links, View, call_records, meeting_records, records
from callfloor.conversations_api.refusals import json_response, not_found
from callfloor.conversations_api.wire import Expand, Query
from callfloor.foundation import clock
from callfloor.foundation.asked_host import asked_url
from callfloor.foundation.services import Services
from callfloor.teams.principals import Principal


async def list_conversations(
    request: Request, services: Services, principal: Principal, kind: ConversationKind
) -> Response:
    """Answer a page of the list; the next one is in the header `Link`."""
    pairs = request.query_params.multi_items()
    asked = list_request(kind, pairs)
    found = await conversations_page(
        services.db,
        principal.team_id,
        asked.which,
        asked.window,
        with_transcripts=Expand.TRANSCRIPT in asked.expand,
    )
    meta = wire.PageMeta(found.total, len(found.rows), asked.page, asked.window.take)
    view = view_of(request, services, principal, asked.expand)
    body: wire.CallPage | wire.MeetingPage
    if kind is ConversationKind.CALL:
        body = wire.CallPage(call_records(found, view), meta)
    else:
        body = wire.MeetingPage(meeting_records(found, view), meta)
    headers = {}
    if found.last is not None and found.has_more:
        headers["Link"] = f'<{_next_address(request, pairs, next_cursor(asked, found.last))}>; rel="next"'
    return json_response(body, headers=headers)


async def show_conversation(
    request: Request, services: Services, principal: Principal, kind: ConversationKind, conversation_id: str
) -> Response:
    """Answer one record."""
    expand = expansion(request.query_params.multi_items())
    return await record_response(request, services, principal, kind, conversation_id, expand=expand)


async def record_response(  # where it is written, for whom, which one, how
    request: Request,
    services: Services,
    principal: Principal,
    kind: ConversationKind,
    conversation_id: str,
    *,
    expand: frozenset[Expand] = frozenset(),
    status: HTTPStatus = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> Response:
    """Return the record as an answer.

    Raises:
        Refused: 404 when the team has no such conversation.
    """
    if "\x00" in conversation_id:
        raise not_found(f"There is no {kind.value} with this id.")
    found = await conversation_by_id(
        services.db, principal.team_id, kind, conversation_id, with_transcript=Expand.TRANSCRIPT in expand
    )
    if not found.rows:
        raise not_found(f"There is no {kind.value} with this id.")
    return json_response(
        records(kind, found, view_of(request, services, principal, expand))[0], status=status, headers=headers
    )


def view_of(request: Request, services: Services, principal: Principal, expand: frozenset[Expand]) -> View:
    """Return for whom records are written.

    Raises:
        InvalidInput: the Host header is none.
    """
    holder = Holder(f"{principal.key_kind}_key", principal.key_id)
    links = Links(asked_url(request.scope), clock.now(), services.settings.hash_key, holder)
    return View(principal.team_id, principal.client_id, expand, links)


def _next_address(request: Request, pairs: Pairs, cursor: str) -> str:
    kept = [(name, value) for name, value in pairs if name not in (Query.PAGE, Query.CURSOR)]
    return str(request.url.replace(query=urlencode([*kept, (Query.CURSOR.value, cursor)])))
