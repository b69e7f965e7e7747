"""Types of the Conversations API: written by `make documents` from docs/api.

Enumerations are strings when they are read: a newer server may say what is not listed here.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from callfloor_sdk.records import Input, Record

__all__ = [
    "ActionItem",
    "CallPage",
    "CallRecord",
    "CallRecordDirection",
    "CallRecordProcessingStatus",
    "Comment",
    "ConversationType",
    "Evidence",
    "Feedback",
    "Insight",
    "MeetingPage",
    "MeetingRecord",
    "MeetingRecordProcessingStatus",
    "Metrics",
    "MutedInterval",
    "PageMeta",
    "Participant",
    "ParticipantInput",
    "Segment",
    "UploadDirection",
    "UploadRecordingConsent",
    "User",
    "Word",
]

if TYPE_CHECKING:
    CallRecordDirection = Literal["inbound", "outbound"]
    CallRecordProcessingStatus = Literal["queued", "processing", "analyzed", "failed"]
    MeetingRecordProcessingStatus = Literal["queued", "processing", "analyzed", "failed"]
    UploadDirection = Literal["inbound", "outbound"]
    UploadRecordingConsent = Literal["granted", "declined"]
else:
    CallRecordDirection = str
    CallRecordProcessingStatus = str
    MeetingRecordProcessingStatus = str
    UploadDirection = str
    UploadRecordingConsent = str


class ActionItem(Record, kw_only=True, rename={"due_date": "dueDate"}):
    """Something that was promised."""

    text: str
    assignee: str | None
    due_date: str | None
    evidence: Evidence | None


class CallPage(Record, kw_only=True):
    """A page of calls."""

    data: list[CallRecord]
    meta: PageMeta


class CallRecord(
    Record,
    kw_only=True,
    rename={
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "client_id": "clientId",
        "action_items": "actionItems",
        "user_questions": "userQuestions",
        "email_draft": "emailDraft",
        "recording_ref": "recordingRef",
        "crm_reference": "crmReference",
        "customer_domains": "customerDomains",
        "business_entities": "businessEntities",
        "recording_consent": "recordingConsent",
        "processing_status": "processingStatus",
        "processing_reason": "processingReason",
        "external_call_id": "externalCallId",
    },
):
    """A telephone or dialler call."""

    id: str
    created_at: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    updated_at: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    client_id: str
    name: str
    date: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    summary: str | None
    action_items: list[ActionItem]
    participants: list[Participant]
    user_questions: list[str]
    duration: float | None
    email_draft: str | None
    feedback: list[Feedback]
    metrics: Metrics
    type: ConversationType
    insights: list[Insight]
    language: str | None
    outcome: str | None
    comments: list[Comment]
    rating: float | None
    user: User
    recording_ref: str | None
    transcript: list[Segment] | None
    crm_reference: dict[str, str]
    customer_domains: list[str]
    business_entities: list[dict[str, Any]]
    recording_consent: str | None
    processing_status: CallRecordProcessingStatus
    processing_reason: str | None
    caller: str | None
    callee: str | None
    direction: CallRecordDirection | None
    external_call_id: str | None


class Comment(Record, kw_only=True, rename={"created_at": "createdAt", "updated_at": "updatedAt"}):
    """What somebody wrote; `start` is the moment it is about, in seconds."""

    id: str
    text: str
    author: str
    start: float | None
    created_at: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    updated_at: datetime.datetime | None


class ConversationType(Record, kw_only=True):
    """The meeting type or call type."""

    id: str | None
    name: str | None


class Evidence(Record, kw_only=True):
    """The place in the conversation that a statement rests on, in seconds."""

    start: float
    end: float
    text: str


class Feedback(Record, kw_only=True):
    """A scored criterion."""

    criterion: str
    score: float | None
    text: str | None
    evidence: Evidence | None


class Insight(Record, kw_only=True):
    """The answer to a named question."""

    name: str
    value: str | None
    evidence: Evidence | None


class MeetingPage(Record, kw_only=True):
    """A page of meetings."""

    data: list[MeetingRecord]
    meta: PageMeta


class MeetingRecord(
    Record,
    kw_only=True,
    rename={
        "created_at": "createdAt",
        "updated_at": "updatedAt",
        "client_id": "clientId",
        "action_items": "actionItems",
        "user_questions": "userQuestions",
        "email_draft": "emailDraft",
        "recording_ref": "recordingRef",
        "crm_reference": "crmReference",
        "customer_domains": "customerDomains",
        "business_entities": "businessEntities",
        "recording_consent": "recordingConsent",
        "processing_status": "processingStatus",
        "processing_reason": "processingReason",
        "participant_emails": "participantEmails",
    },
):
    """A recorded video meeting."""

    id: str
    created_at: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    updated_at: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    client_id: str
    name: str
    date: datetime.datetime
    """ISO 8601, UTC, milliseconds."""
    summary: str | None
    action_items: list[ActionItem]
    participants: list[Participant]
    user_questions: list[str]
    duration: float | None
    email_draft: str | None
    feedback: list[Feedback]
    metrics: Metrics
    type: ConversationType
    insights: list[Insight]
    language: str | None
    outcome: str | None
    comments: list[Comment]
    rating: float | None
    user: User
    recording_ref: str | None
    transcript: list[Segment] | None
    crm_reference: dict[str, str]
    customer_domains: list[str]
    business_entities: list[dict[str, Any]]
    recording_consent: str | None
    processing_status: MeetingRecordProcessingStatus
    processing_reason: str | None
    participant_emails: list[str]
    metadata: dict[str, Any]


class Metrics(
    Record,
    kw_only=True,
    rename={
        "speak_ratio": "speakRatio",
        "words_per_minute": "wordsPerMinute",
        "longest_monologue": "longestMonologue",
        "silence_ratio": "silenceRatio",
        "talk_to_listen": "talkToListen",
    },
):
    """Measures of the talk, null while they are not known; durations in seconds."""

    speak_ratio: float | None
    questions: int | None
    patience: float | None
    words_per_minute: float | None
    longest_monologue: float | None
    interruptions: int | None
    silence_ratio: float | None
    talk_to_listen: float | None


class MutedInterval(Input, kw_only=True, frozen=True):
    """A pause, in seconds from the beginning: never transcribed, and silent in the recording that is given out."""

    start: float
    end: float


class PageMeta(Record, kw_only=True, rename={"page_size": "pageSize"}):
    """Where the page stands in the list."""

    total: int
    returned: int
    page: int
    page_size: int


class Participant(Record, kw_only=True, rename={"is_internal": "isInternal", "speak_ratio": "speakRatio"}):
    """A party of the conversation; `speakRatio` is its share of the speech."""

    id: str
    name: str | None
    email: str | None
    is_internal: bool
    speak_ratio: float | None


class ParticipantInput(Input, kw_only=True, frozen=True, rename={"is_internal": "isInternal"}):
    """A party of an uploaded call; what is left out of `isInternal` follows from the e-mail domain."""

    name: str | None = None
    email: str | None = None
    is_internal: bool | None = None
    channel: int | None = None


class Segment(Record, kw_only=True, omit_defaults=True):
    """What one speaker said without a break; start and end in seconds from the beginning."""

    speaker: str
    start: float
    end: float
    text: str
    words: list[Word] | None = None


class User(
    Record,
    kw_only=True,
    rename={"first_name": "firstName", "last_name": "lastName", "client_id": "clientId", "created_at": "createdAt"},
):
    """The person the conversation belongs to; the last four only with `expand=user_client_augmentation`."""

    id: str | None
    name: str | None
    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    client_id: str | None = None
    created_at: datetime.datetime | None = None


class Word(Record, kw_only=True, omit_defaults=True):
    """A word; start and end in seconds from the beginning."""

    text: str
    start: float
    end: float
