"""Conversations as `/api/v2` shows them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from callfloor.conversations.commenting import Comment
from callfloor.conversations.listing import Conversation, Found, Participant
from callfloor.conversations.tables import ConversationKind, ProcessingStatus
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.web import Shape


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


class CommentShown(Shape):
    """What somebody wrote; `start` is the moment it is about, in seconds from the beginning."""

    id: str
    text: str
    author: str
    author_kind: str = Field(description="`account`, `api_key`, or another kind of actor of the audit trail.")
    start: float | None
    created_at: str
    updated_at: str | None


class MutedIntervalShown(Shape):
    """A pause that is silent in the recording, in seconds from the beginning."""

    start: float
    end: float


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
    outcome: str | None
    rating: int | None = Field(description="1 to 5.")
    crm_reference: dict[str, str]
    comments: list[CommentShown]
    transcript: list[TranscriptSegmentShown] | None = None
    muted_intervals: list[MutedIntervalShown] | None = Field(default=None, description="Of a single one.")
    recording_url: str | None = Field(default=None, description="Of a single one; good for two days, without a key.")


class ConversationPage(Shape):
    """A page of conversations, newest first."""

    data: list[ConversationShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")
    total: int


def shown_conversation(row: Conversation, found: Found, *, with_transcript: bool = False) -> ConversationShown:
    """Return one of the conversations that were found."""
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
        outcome=row.outcome,
        rating=row.rating,
        crm_reference=row.crm_reference,
        comments=[_comment(one) for one in found.comments.get(row.id, ())],
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


def _comment(one: Comment) -> CommentShown:
    return CommentShown(
        id=one.id,
        text=one.text,
        author=one.author_name,
        author_kind=one.author_kind,
        start=None if one.start_ms is None else one.start_ms / 1000,
        created_at=iso(one.created_at),
        updated_at=iso_or_none(one.updated_at),
    )
