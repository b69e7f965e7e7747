"""`/api/v2/calls` and `/api/v2/meetings`: lists by cursor, and single conversations with what was said."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.filters_api import AskedScope, BeganFrom, BeganTo, CustomerDomain
from callfloor.conversations.listing import Place, Window, conversation_by_id, conversations_page
from callfloor.conversations.locking import ConversationNotFound, tag_material
from callfloor.conversations.muting import INTERVALS
from callfloor.conversations.queries import ConversationFilter
from callfloor.conversations.recording_links import Holder, recording_path
from callfloor.conversations.shapes import ConversationPage, ConversationShown, MutedIntervalShown, shown_conversation
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.asked_host import asked_url
from callfloor.foundation.clock import Millis, from_datetime
from callfloor.foundation.fields import Moment
from callfloor.foundation.web import Cursor, Facts, RequestFacts, cursor_after, entity_tag, position_of

router = APIRouter(tags=["Conversations"])

MAX_LIMIT = 200

Reader = Annotated[Caller, needs(Scope.CONVERSATIONS_READ)]
Id = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many rows at most.")]


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Which conversations, and which part of their list."""

    is_external: bool | None
    date_from: Millis | None
    date_to: Millis | None
    updated_since: Millis | None
    domains: tuple[str, ...]
    window: Window

    def of(self, kind: ConversationKind, caller: Caller) -> ConversationFilter:
        """Return the filter of one kind, and of what the caller may meet."""
        return ConversationFilter(
            kind=kind,
            is_external=self.is_external,
            date_from=self.date_from,
            date_to=self.date_to,
            updated_since=self.updated_since,
            domains=self.domains,
            owner_account_id=caller.only_account_id,
        )


def asked_of(  # noqa: PLR0917  # one parameter a filter
    scope: AskedScope = "all",
    from_: BeganFrom = None,
    to: BeganTo = None,
    updated_since: Annotated[Moment | None, Query(description="Changed then or later.")] = None,
    customer_domain: CustomerDomain = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Asked:
    """Return what the query asks for."""
    position = position_of(cursor, int, str)
    return Asked(
        None if scope == "all" else scope == "external",
        _instant(from_),
        _instant(to),
        _instant(updated_since),
        () if customer_domain is None else (customer_domain.lower(),),
        Window(take=limit, after=None if position is None else Place(*position)),
    )


AskedFor = Annotated[Asked, Depends(asked_of)]


@router.get("/calls", operation_id="list_calls")
async def list_calls(facts: Facts, caller: Reader, asked: AskedFor) -> ConversationPage:
    """List the team's calls, newest first."""
    return await _page(facts, caller, asked, ConversationKind.CALL)


@router.get("/meetings", operation_id="list_meetings")
async def list_meetings(facts: Facts, caller: Reader, asked: AskedFor) -> ConversationPage:
    """List the team's meetings, newest first."""
    return await _page(facts, caller, asked, ConversationKind.MEETING)


@router.get("/calls/{call_id}", operation_id="show_call")
async def show_call(
    call_id: Id, facts: Facts, caller: Reader, request: Request, response: Response
) -> ConversationShown:
    """Show one call, with what was said."""
    return await one_shown(facts, caller, ConversationKind.CALL, call_id, request, response)


@router.get("/meetings/{meeting_id}", operation_id="show_meeting")
async def show_meeting(
    meeting_id: Id, facts: Facts, caller: Reader, request: Request, response: Response
) -> ConversationShown:
    """Show one meeting, with what was said."""
    return await one_shown(facts, caller, ConversationKind.MEETING, meeting_id, request, response)


async def _page(facts: RequestFacts, caller: Caller, asked: Asked, kind: ConversationKind) -> ConversationPage:
    found = await conversations_page(
        facts.services.db, caller.team_id, asked.of(kind, caller), asked.window, with_transcripts=False
    )
    next_cursor = None
    if found.last is not None and found.has_more:
        next_cursor = cursor_after(found.last.date, found.last.id)
    return ConversationPage(
        data=[shown_conversation(row, found) for row in found.rows], next_cursor=next_cursor, total=found.total
    )


async def one_shown(  # who asks, for which one, and how it is answered
    facts: RequestFacts,
    caller: Caller,
    kind: ConversationKind,
    conversation_id: str,
    request: Request,
    response: Response,
) -> ConversationShown:
    """Return one conversation with what was said, its entity tag in the response.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
    """
    settings = facts.services.settings
    found = await conversation_by_id(
        facts.services.db,
        caller.team_id,
        kind,
        conversation_id,
        with_transcript=True,
        only_account_id=caller.only_account_id,
    )
    if not found.rows:
        raise ConversationNotFound(f"there is no {kind.value} with this id in this team")
    row, url = found.rows[0], None
    if row.recording_id is not None:
        holder = Holder(caller.kind, caller.id)
        path = recording_path(caller.team_id, row.recording_id, holder=holder, now=facts.now, key=settings.hash_key)
        url = asked_url(request.scope) + path
    response.headers["ETag"] = entity_tag(tag_material(row.id, row.updated_at))
    shown = shown_conversation(row, found, with_transcript=True)
    pauses = await facts.services.db.read(INTERVALS, {"team_id": caller.team_id, "conversation_id": row.id})
    muted = [MutedIntervalShown(start=start / 1000, end=end / 1000) for start, end in pauses]
    return shown.model_copy(update={"recording_url": url, "muted_intervals": muted})


def _instant(moment: Moment | None) -> Millis | None:
    return None if moment is None else from_datetime(moment)
