"""Every name and shape on the wire of the Conversations API; a correction of the contract is made here."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from callfloor.conversations_api.upload_schemas import ADDRESS, CHANNELS, DATE, EMAIL, LANGUAGE, NO_NUL

API_KEY_HEADER = "api-key"
CLIENT_ID_HEADER = "client-id"


class Query(enum.StrEnum):
    """Names of the lists' query parameters."""

    PAGE = "page"
    PAGE_SIZE = "pageSize"
    ORDER = "sortingOrder"
    START = "startDate"
    END = "endDate"
    SCOPES = "scopes"
    EXPAND = "expand"
    DOMAIN = "customerDomain"
    ID = "id"
    UPDATED_SINCE = "updatedSince"
    WORDS = "q"
    CURSOR = "cursor"


class Order(enum.StrEnum):
    """Values of `sortingOrder`."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class Scope(enum.StrEnum):
    """Values of `scopes`."""

    INTERNAL = "internal"
    EXTERNAL = "external"


class Expand(enum.StrEnum):
    """Values of `expand`; the same on calls and meetings."""

    USER = "user_client_augmentation"
    TRANSCRIPT = "meeting_transcript"


class Upload(enum.StrEnum):
    """Names of an upload's fields."""

    FILE = "file"
    RECORDING_URL = "recordingUrl"
    EXTERNAL_CALL_ID = "externalCallId"
    DATE = "date"
    DIRECTION = "direction"
    CALLER = "caller"
    CALLEE = "callee"
    NAME = "name"
    LANGUAGE = "language"
    USER_EMAIL = "userEmail"
    PARTICIPANTS = "participants"
    CHANNELS = "channels"
    TRANSCRIPT = "transcript"
    CONSENT = "recordingConsent"
    MUTED = "mutedIntervals"


class Consent(enum.StrEnum):
    """Values of `recordingConsent`."""

    GRANTED = "granted"
    DECLINED = "declined"


class Direction(enum.StrEnum):
    """Values of `direction`."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


_Instant = Annotated[str, Meta(description="ISO 8601, UTC, milliseconds.", extra_json_schema={"format": "date-time"})]
_Share = Annotated[float, Meta(ge=0, le=1)]
_PATIENCE = "Seconds: the median of what the agent waits after the customer has ended; 0 where it begins before."
_INTERRUPTIONS = "How often the agent begins while the customer speaks, and takes the turn."
_NoNul = Meta(extra_json_schema={"pattern": NO_NUL})
_Line = Annotated[str, Meta(max_length=255), _NoNul]


class ErrorBody(Struct, rename="camel"):
    """Every answer that is not 2xx; with 400 the message is a list, one entry a field."""

    status_code: int
    error: str
    message: str | list[str]


class User(Struct, rename="camel"):
    """The person the conversation belongs to; the last four only with `expand=user_client_augmentation`."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    first_name: str | UnsetType | None = UNSET
    last_name: str | UnsetType | None = UNSET
    client_id: str | UnsetType = UNSET
    created_at: _Instant | UnsetType | None = UNSET


class Participant(Struct, rename="camel"):
    """A party of the conversation; `speakRatio` is its share of the speech."""

    id: str
    name: str | None
    email: str | None
    is_internal: bool
    speak_ratio: _Share | None


class Metrics(Struct, rename="camel"):
    """Measures of the talk, null while they are not known; durations in seconds."""

    speak_ratio: _Share | None = None
    questions: int | None = None
    patience: Annotated[float, Meta(ge=0, description=_PATIENCE)] | None = None
    words_per_minute: float | None = None
    longest_monologue: float | None = None
    interruptions: Annotated[int, Meta(ge=0, description=_INTERRUPTIONS)] | None = None
    silence_ratio: _Share | None = None
    talk_to_listen: float | None = None


class Word(Struct, rename="camel"):
    """A word; start and end in seconds from the beginning."""

    text: Annotated[str, _NoNul]
    start: Annotated[float, Meta(ge=0, le=604800)]
    end: Annotated[float, Meta(ge=0, le=604800)]


class Segment(Struct, rename="camel", omit_defaults=True):
    """What one speaker said without a break; start and end in seconds from the beginning."""

    speaker: _Line
    start: Annotated[float, Meta(ge=0, le=604800)]
    end: Annotated[float, Meta(ge=0, le=604800)]
    text: Annotated[str, Meta(max_length=100_000), _NoNul]
    words: list[Word] | None = None


class Evidence(Struct, rename="camel"):
    """The place in the conversation that a statement rests on, in seconds."""

    start: float
    end: float
    text: str


class ActionItem(Struct, rename="camel"):
    """Something that was promised."""

    text: str
    assignee: str | None
    due_date: str | None
    evidence: Evidence | None


class Insight(Struct, rename="camel"):
    """The answer to a named question."""

    name: str
    value: str | None
    evidence: Evidence | None


class Feedback(Struct, rename="camel"):
    """A scored criterion."""

    criterion: str
    score: float | None
    text: str | None
    evidence: Evidence | None


class Comment(Struct, rename="camel"):
    """What somebody wrote; `start` is the moment it is about, in seconds."""

    id: str
    text: str
    author: str
    start: float | None
    created_at: _Instant
    updated_at: _Instant | None


class ConversationType(Struct, rename="camel"):
    """The meeting type or call type."""

    id: str | None = None
    name: str | None = None


class Record(Struct, rename="camel", kw_only=True):
    """A conversation; every key is always present."""

    id: str
    created_at: _Instant
    updated_at: _Instant
    client_id: str
    name: str
    date: _Instant
    summary: str | None = None
    action_items: list[ActionItem] = []
    participants: list[Participant]
    user_questions: list[str] = []
    duration: Annotated[float, Meta(ge=0, description="Seconds.")] | None
    email_draft: str | None = None
    feedback: list[Feedback] = []
    metrics: Metrics
    type: ConversationType = msgspec.field(default_factory=ConversationType)
    insights: list[Insight] = []
    language: str | None
    outcome: str | None = None
    comments: list[Comment] = []
    rating: Annotated[float, Meta(ge=1, le=5)] | None = None
    user: User
    recording_ref: str | None = None
    transcript: list[Segment] | None = None
    crm_reference: dict[str, str] = {}
    customer_domains: list[str]
    business_entities: list[dict[str, Any]] = []
    recording_consent: str | None
    processing_status: Annotated[str, Meta(extra_json_schema={"enum": ["queued", "processing", "analyzed", "failed"]})]
    processing_reason: str | None


class CallRecord(Record, rename="camel", kw_only=True):
    """A telephone or dialler call."""

    caller: str | None
    callee: str | None
    direction: Annotated[str, Meta(extra_json_schema={"enum": list(Direction)})] | None
    external_call_id: str | None


class MeetingRecord(Record, rename="camel", kw_only=True):
    """A recorded video meeting."""

    participant_emails: list[str]
    metadata: dict[str, Any] = {}


class PageMeta(Struct, rename="camel"):
    """Where the page stands in the list."""

    total: int
    returned: int
    page: int
    page_size: int


class CallPage(Struct):
    """A page of calls."""

    data: list[CallRecord]
    meta: PageMeta


class MeetingPage(Struct):
    """A page of meetings."""

    data: list[MeetingRecord]
    meta: PageMeta


class ParticipantInput(Struct, rename="camel", forbid_unknown_fields=True):
    """A party of an uploaded call; what is left out of `isInternal` follows from the e-mail domain."""

    name: _Line | None = None
    email: Annotated[str, Meta(max_length=254, extra_json_schema=EMAIL)] | None = None
    is_internal: bool | None = None
    channel: Annotated[int, Meta(ge=0, le=1)] | None = None


class MutedInterval(Struct, rename="camel", forbid_unknown_fields=True):
    """A pause, in seconds from the beginning: never transcribed, and silent in the recording that is given out."""

    start: Annotated[float, Meta(ge=0, le=604800)]
    end: Annotated[float, Meta(ge=0, le=604800)]


class CallUpload(Struct, rename="camel", forbid_unknown_fields=True):
    """An upload without a file: the address of the recording, the transcript that the telephony made, or both."""

    recording_url: (
        Annotated[str, Meta(description="https; fetched by this server.", extra_json_schema=ADDRESS)] | None
    ) = None
    transcript: (
        Annotated[list[Segment], Meta(max_length=50_000)]
        | Annotated[str, Meta(description="The text of a WebVTT or SRT file.")]
        | None
    ) = None
    external_call_id: _Line | None = None
    date: Annotated[str, Meta(description="ISO 8601; left out, now.", extra_json_schema=DATE)] | None = None
    direction: Annotated[str, Meta(extra_json_schema={"enum": list(Direction)})] | None = None
    caller: _Line | None = None
    callee: _Line | None = None
    name: Annotated[str, Meta(max_length=500), _NoNul] | None = None
    language: Annotated[str, Meta(extra_json_schema=LANGUAGE)] | None = None
    user_email: Annotated[str, Meta(extra_json_schema=EMAIL)] | None = None
    participants: Annotated[list[ParticipantInput], Meta(max_length=100)] | None = None
    channels: Annotated[dict[str, str], Meta(extra_json_schema=CHANNELS)] | None = None
    recording_consent: Annotated[str, Meta(extra_json_schema={"enum": list(Consent)})] | None = None
    muted_intervals: Annotated[list[MutedInterval], Meta(max_length=1000)] | None = None
