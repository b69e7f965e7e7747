"""`/api/v2/calls` and `/api/v2/meetings`: lists by cursor, and single conversations with what was said."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.listing import (
    Conversation,
    Found,
    Participant,
    Place,
    Window,
    conversation_by_id,
    conversations_page,
)
from callfloor.conversations.queries import ConversationFilter
from callfloor.conversations.recording_links import recording_path
from callfloor.conversations.tables import ConversationKind, ProcessingStatus
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.asked_host import base_url
from callfloor.foundation.clock import Millis, from_datetime, iso
from callfloor.foundation.errors import DomainError
from callfloor.foundation.fields import Moment
from callfloor.foundation.web import Facts, RequestFacts, Shape, cursor_after, entity_tag, position_of

router = APIRouter(tags=["Conversations"])

MAX_LIMIT = 200

Reader = Annotated[Caller, needs(Scope.CONVERSATIONS_READ)]
Id = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


class ConversationNotFound(DomainError):
    """The team has no such conversation."""

    code = "conversation_not_found"
    status = 404


class ParticipantShown(Shape):
    """A party of a conversation; `speak_share` of the speech, 0 to 1."""

    id: str
    name: str | None
    email: str | None
    is_internal: bool
    speak_share: float | None


class ConversationOwner(Shape):
    """The person a conversation belongs to."""

    account_id: int
    email: str | None
    first_name: str | None
    last_name: str | None


class TranscriptSegmentShown(Shape):
    """What one speaker said without a break, in seconds from the beginning."""

    speaker: str
    channel: int | None
    start: float
    end: float
    text: str


class ConversationShown(Shape):
    """A meeting or a call; `transcript` only of a single one, `duration` in seconds."""

    id: str
    kind: ConversationKind
    name: str
    date: str
    created_at: str
    updated_at: str
    duration: float | None
    processing_status: ProcessingStatus
    processing_reason: str | None
    direction: str | None
    caller: str | None
    callee: str | None
    external_call_id: str | None
    language: str | None
    recording_consent: str | None
    customer_domains: list[str]
    participants: list[ParticipantShown]
    owner: ConversationOwner | None
    metrics: dict[str, Any] | None
    transcript: list[TranscriptSegmentShown] | None = None
    recording_url: str | None = Field(default=None, description="Of a single one; good for two days, without a key.")


class ConversationPage(Shape):
    """A page of conversations, newest first."""

    data: list[ConversationShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")
    total: int


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
    scope: Annotated[Literal["external", "internal", "all"], Query()] = "all",
    from_: Annotated[Moment | None, Query(alias="from", description="Began then or later.")] = None,
    to: Annotated[Moment | None, Query(description="Began then or earlier.")] = None,
    updated_since: Annotated[Moment | None, Query()] = None,
    customer_domain: Annotated[str | None, Query(min_length=1, max_length=253, pattern=r"^[^\x00]*$")] = None,
    cursor: str | None = None,
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
    shown = await _one(facts, caller, ConversationKind.CALL, call_id, base_url(facts.services.settings, request.scope))
    response.headers["ETag"] = entity_tag([shown.id, shown.updated_at])
    return shown


@router.get("/meetings/{meeting_id}", operation_id="show_meeting")
async def show_meeting(
    meeting_id: Id, facts: Facts, caller: Reader, request: Request, response: Response
) -> ConversationShown:
    """Show one meeting, with what was said."""
    base = base_url(facts.services.settings, request.scope)
    shown = await _one(facts, caller, ConversationKind.MEETING, meeting_id, base)
    response.headers["ETag"] = entity_tag([shown.id, shown.updated_at])
    return shown


async def _page(facts: RequestFacts, caller: Caller, asked: Asked, kind: ConversationKind) -> ConversationPage:
    found = await conversations_page(
        facts.services.db, caller.team_id, asked.of(kind, caller), asked.window, with_transcripts=False
    )
    next_cursor = None
    if found.last is not None and len(found.rows) == asked.window.take:
        next_cursor = cursor_after(found.last.date, found.last.id)
    return ConversationPage(data=[_shown(row, found) for row in found.rows], next_cursor=next_cursor, total=found.total)


async def _one(
    facts: RequestFacts, caller: Caller, kind: ConversationKind, conversation_id: str, base: str
) -> ConversationShown:
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
        key = facts.services.settings.hash_key
        url = base + recording_path(caller.team_id, row.recording_id, now=facts.now, key=key)
    return _shown(row, found, with_transcript=True).model_copy(update={"recording_url": url})


def _instant(moment: Moment | None) -> Millis | None:
    return None if moment is None else from_datetime(moment)


def _shown(row: Conversation, found: Found, *, with_transcript: bool = False) -> ConversationShown:
    owner = row.owner_account_id
    return ConversationShown(
        id=row.id,
        kind=ConversationKind(row.kind),
        name=row.name,
        date=iso(row.date),
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
        duration=None if row.duration_ms is None else row.duration_ms / 1000,
        processing_status=ProcessingStatus(row.processing_status),
        processing_reason=row.processing_reason,
        direction=row.direction,
        caller=row.caller,
        callee=row.callee,
        external_call_id=row.external_call_id,
        language=row.language,
        recording_consent=row.recording_consent,
        customer_domains=row.customer_domains,
        participants=[_participant(party) for party in found.participants.get(row.id, ())],
        owner=None
        if owner is None
        else ConversationOwner(
            account_id=owner, email=row.owner_email, first_name=row.owner_first_name, last_name=row.owner_last_name
        ),
        metrics=row.metrics,
        transcript=[_segment(one) for one in found.transcripts.get(row.id, ())] if with_transcript else None,
    )


def _participant(party: Participant) -> ParticipantShown:
    share = None if party.speak_permille is None else party.speak_permille / 1000
    return ParticipantShown(
        id=party.id, name=party.name, email=party.email, is_internal=party.is_internal, speak_share=share
    )


def _segment(one: Segment) -> TranscriptSegmentShown:
    return TranscriptSegmentShown(
        speaker=one.speaker, channel=one.channel, start=one.start_ms / 1000, end=one.end_ms / 1000, text=one.text
    )
