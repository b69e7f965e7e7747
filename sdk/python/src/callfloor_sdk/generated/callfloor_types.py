"""Types of the Callfloor API: written by `make documents` from docs/api.

Enumerations are strings when they are read: a newer server may say what is not listed here.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from callfloor_sdk.records import Input, Record

__all__ = [
    "ActorShown",
    "AddedSeats",
    "AgentCode",
    "AuditActor",
    "AuditEntries",
    "AuditEntry",
    "AuditObject",
    "Cadence",
    "Change",
    "ChangePage",
    "ChangeShown",
    "ChargeList",
    "ChargeShown",
    "CommentShown",
    "ConversationKind",
    "ConversationOwner",
    "ConversationPage",
    "ConversationShown",
    "DeletedSeat",
    "DeletedSeats",
    "DeliveryAdded",
    "DeliveryAttempt",
    "DeliveryDetails",
    "DeliveryPage",
    "DeliveryShown",
    "DeliveryState",
    "DeviceBatch",
    "DeviceBatchRow",
    "DeviceBatchRowResult",
    "DeviceBlock",
    "DevicePage",
    "DeviceSecret",
    "DeviceShown",
    "DeviceShownState",
    "DeviceStates",
    "DeviceTimes",
    "DeviceTimesPage",
    "EditPage",
    "EditShown",
    "ErasedConversationShown",
    "ErasedConversations",
    "ErasedRecording",
    "ErasureItemShown",
    "ErasureReceipt",
    "ErasureReceipts",
    "ErasureRequested",
    "ErasureState",
    "EventCatalog",
    "EventShown",
    "GroupKind",
    "HoldPage",
    "HoldShown",
    "HostConflict",
    "ImportCounts",
    "ImportFormat",
    "ImportLocation",
    "ImportLocationKind",
    "ImportLocations",
    "ImportPage",
    "ImportProgress",
    "ImportProgressUnit",
    "ImportShown",
    "ImportState",
    "Interval",
    "Invitation",
    "InvitationBatch",
    "InvitationBatchRow",
    "InvitationBatchRowResult",
    "InvitationState",
    "Invitations",
    "ItemState",
    "Key",
    "KeyKind",
    "KeySecret",
    "KeyWithSecret",
    "Keys",
    "ListedPerson",
    "ListedPersonStatus",
    "LiveCall",
    "LiveDeviceShown",
    "LiveDeviceShownState",
    "LiveSnapshot",
    "LiveSound",
    "MutedIntervalShown",
    "ParticipantChange",
    "ParticipantShown",
    "Payment",
    "People",
    "PeopleRemovals",
    "Person",
    "PersonRemoval",
    "PersonStanding",
    "PersonStatus",
    "PersonToRelease",
    "PersonToSeat",
    "PersonToSeatRole",
    "ProcessingStatus",
    "ReclaimOutcome",
    "ReclaimRow",
    "ReclaimRowStep",
    "ReclaimRun",
    "ReclaimRuns",
    "ReclaimSeat",
    "ReclaimSeatState",
    "ReclaimSeats",
    "RedactionPage",
    "RedactionShown",
    "RedactionState",
    "Redelivered",
    "RetentionShown",
    "Role",
    "Scope",
    "SearchHit",
    "SearchPage",
    "SearchSnippet",
    "Seat",
    "SeatChangeRow",
    "SeatChangeRowResult",
    "SeatChanges",
    "SeatCharge",
    "SeatList",
    "SeatStatus",
    "SeatUser",
    "SentInvitations",
    "Settlement",
    "ShownReclaimPolicy",
    "ShownReclaimPolicyProtectedRoles",
    "SnippetMark",
    "StateSpan",
    "StateSpanState",
    "Statement",
    "StatementList",
    "TeamDomain",
    "TeamDomains",
    "TeamShown",
    "TeamType",
    "TranscriptSegmentShown",
    "UploadDirection",
    "UploadMutedIntervals",
    "UploadParticipants",
    "UploadRecordingConsent",
    "UploadShown",
    "UploadTranscript",
    "UploadTranscriptWords",
    "UsageFeatures",
    "UsageGroup",
    "UsageLeader",
    "UsageRowPage",
    "UsageRowShown",
    "UsageShown",
    "UsageSpan",
    "UsageTotals",
    "WebhookList",
    "WebhookSecret",
    "WebhookShown",
]

if TYPE_CHECKING:
    Cadence = Literal["daily", "weekly", "monthly"]
    Change = Literal[
        "created",
        "queued",
        "processing",
        "transcribed",
        "analyzed",
        "re_analyzed",
        "failed",
        "edited",
        "redacted",
        "erased",
    ]
    ConversationKind = Literal["call", "meeting"]
    DeliveryState = Literal["pending", "delivered", "failed", "canceled"]
    DeviceBatchRowResult = Literal["changed", "unchanged", "refused"]
    DeviceShownState = Literal["seated", "unseated", "blocked"]
    ErasureState = Literal["running", "done"]
    GroupKind = Literal["user", "username", "device", "language"]
    ImportFormat = Literal["cdr", "mapped", "files"]
    ImportLocationKind = Literal["folder", "bucket"]
    ImportProgressUnit = Literal["bytes", "files"]
    ImportState = Literal["queued", "running", "stopped", "done", "failed"]
    InvitationBatchRowResult = Literal["invited", "already_member", "repeated", "invalid"]
    InvitationState = Literal["pending", "accepted", "revoked", "expired"]
    ItemState = Literal["waiting", "erased", "held", "gone"]
    KeyKind = Literal["portal", "conversations", "api"]
    ListedPersonStatus = Literal["assigned", "unassigned"]
    LiveDeviceShownState = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]
    Payment = Literal["card", "invoice"]
    PersonStatus = Literal["assigned", "unassigned"]
    PersonToSeatRole = Literal["admin", "configurator", "analytics", "user"]
    ProcessingStatus = Literal["queued", "processing", "analyzed", "failed"]
    ReclaimRowStep = Literal["noticed", "canceled", "reclaimed", "refused"]
    ReclaimSeatState = Literal["noticed", "canceled", "reclaimed", "restored"]
    RedactionState = Literal["running", "done", "withheld"]
    Role = Literal["admin", "configurator", "analytics", "user"]
    Scope = Literal[
        "team:read",
        "team:write",
        "seats:read",
        "seats:write",
        "people:read",
        "people:write",
        "devices:read",
        "devices:write",
        "keys:read",
        "keys:write",
        "billing:read",
        "audit:read",
        "live:read",
        "usage:read",
        "usage:write",
        "conversations:read",
        "conversations:write",
        "conversations:erase",
        "webhooks:read",
        "webhooks:write",
    ]
    SeatChangeRowResult = Literal["assigned", "released", "skipped", "refused"]
    SeatStatus = Literal["unassigned", "invited", "assigned"]
    ShownReclaimPolicyProtectedRoles = Literal["admin", "configurator", "analytics", "user"]
    StateSpanState = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]
    TeamType = Literal["device", "email"]
    UploadDirection = Literal["inbound", "outbound"]
    UploadRecordingConsent = Literal["granted", "declined"]
else:
    Cadence = str
    Change = str
    ConversationKind = str
    DeliveryState = str
    DeviceBatchRowResult = str
    DeviceShownState = str
    ErasureState = str
    GroupKind = str
    ImportFormat = str
    ImportLocationKind = str
    ImportProgressUnit = str
    ImportState = str
    InvitationBatchRowResult = str
    InvitationState = str
    ItemState = str
    KeyKind = str
    ListedPersonStatus = str
    LiveDeviceShownState = str
    Payment = str
    PersonStatus = str
    PersonToSeatRole = str
    ProcessingStatus = str
    ReclaimRowStep = str
    ReclaimSeatState = str
    RedactionState = str
    Role = str
    Scope = str
    SeatChangeRowResult = str
    SeatStatus = str
    ShownReclaimPolicyProtectedRoles = str
    StateSpanState = str
    TeamType = str
    UploadDirection = str
    UploadRecordingConsent = str


class ActorShown(Record, kw_only=True):
    """Who did it."""

    kind: str
    id: str
    name: str


class AddedSeats(Record, kw_only=True):
    """How many seats were added, how many the team has now, and the charge of a team that pays by card."""

    added: int
    count: int
    charge: SeatCharge | None


class AgentCode(Record, kw_only=True):
    """A code for an agent's sign-in, shown only here; it works once."""

    code: str
    expires_at: datetime.datetime


class AuditActor(Record, kw_only=True):
    """Who did it."""

    kind: str
    id: str
    name: str


class AuditEntries(Record, kw_only=True):
    """A page of entries, newest first."""

    data: list[AuditEntry]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class AuditEntry(Record, kw_only=True):
    """One change; `before` and `after` hold the attributes that changed, `is_sealed` whether the chain protects
    it."""

    id: str
    timestamp: datetime.datetime
    actor: AuditActor
    action: str
    object: AuditObject
    before: Any
    after: Any
    request_id: str
    address: str
    is_sealed: bool


class AuditObject(Record, kw_only=True):
    """What it was done to."""

    kind: str
    id: str


class ChangePage(Record, kw_only=True):
    """Changes, oldest first; keep `next` with your copy and go on `after` it."""

    data: list[ChangeShown]
    next: str
    """Give it as `after` of the next request, also when `data` is empty."""
    has_more: bool
    """Whether more changes are there already."""


class ChangeShown(Record, kw_only=True):
    """One change; of an `erased` conversation nothing else is left."""

    conversation_id: str
    kind: ConversationKind
    change: Change
    at: datetime.datetime


class ChargeList(Record, kw_only=True):
    """Amounts, newest first; with a `next_cursor` there are more."""

    data: list[ChargeShown]
    next_cursor: str | None


class ChargeShown(Record, kw_only=True):
    """An amount with all it was computed from: `renewal` of a period, or `charge` for seats added within it."""

    number: int
    id: str
    kind: str
    at: datetime.datetime
    amount: int
    currency: str
    payment: Payment
    period: str
    seats: int
    seats_before: int
    seats_after: int
    seat_price: int
    days_left: int
    days_in_period: int
    settlement: Settlement


class CommentShown(Record, kw_only=True):
    """What somebody wrote; `start` is the moment it is about, in seconds from the beginning."""

    id: str
    text: str
    author: str
    author_kind: str
    """`account`, `api_key`, or another kind of actor of the audit trail."""
    start: float | None
    created_at: datetime.datetime
    updated_at: datetime.datetime | None


class ConversationOwner(Record, kw_only=True):
    """The person a conversation belongs to."""

    account_id: int
    email: str | None
    first_name: str | None
    last_name: str | None


class ConversationPage(Record, kw_only=True):
    """A page of conversations, newest first."""

    data: list[ConversationShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""
    total: int


class ConversationShown(Record, kw_only=True):
    """A meeting or a call; `transcript` only of a single one, `duration` in seconds."""

    id: str
    kind: ConversationKind
    name: str
    date: datetime.datetime
    created_at: datetime.datetime
    updated_at: datetime.datetime
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
    rating: int | None
    """1 to 5."""
    crm_reference: dict[str, str]
    comments: list[CommentShown]
    transcript: list[TranscriptSegmentShown] | None = None
    muted_intervals: list[MutedIntervalShown] | None = None
    """Of a single one."""
    recording_url: str | None = None
    """Of a single one; good for two days, without a key."""


class DeletedSeat(Record, kw_only=True):
    """What became of one seat; `code` and `detail` say why one is not deleted."""

    id: int
    deleted: bool
    code: str | None
    detail: str | None


class DeletedSeats(Record, kw_only=True):
    """What became of each seat, in the order asked; `seats_before` and `seats_after` are the team's."""

    dry_run: bool
    seats_before: int
    seats_after: int
    data: list[DeletedSeat]


class DeliveryAdded(Record, kw_only=True):
    """The delivery that was added."""

    id: str


class DeliveryAttempt(Record, kw_only=True):
    """One request, and what came back: a status, or why none."""

    number: int
    at: datetime.datetime
    duration_ms: int
    request_headers: dict[str, str]
    status: int | None
    error: str | None
    answer_headers: dict[str, str] | None
    answer_body: str | None
    """Its first 4,096 bytes."""


class DeliveryDetails(Record, kw_only=True):
    """A delivery, the very body that is sent, and each attempt."""

    delivery: DeliveryShown
    body: str
    attempts: list[DeliveryAttempt]


class DeliveryPage(Record, kw_only=True):
    """A page of deliveries, newest first."""

    data: list[DeliveryShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class DeliveryShown(Record, kw_only=True):
    """One event for one endpoint."""

    id: str
    """The header webhook-id of every attempt."""
    webhook_id: int
    event_type: str
    subject: str
    state: DeliveryState
    attempts: int
    created_at: datetime.datetime
    next_attempt_at: datetime.datetime | None
    finished_at: datetime.datetime | None


class DeviceBatch(Record, kw_only=True):
    """What became of every device; after a dry run, what would have."""

    dry_run: bool
    data: list[DeviceBatchRow]


class DeviceBatchRow(Record, kw_only=True):
    """What became of one device; `code` and `message` say why it was refused."""

    device_id: int
    result: DeviceBatchRowResult
    before: DeviceShown | None
    after: DeviceShown | None
    code: str | None
    message: str | None


class DeviceBlock(Record, kw_only=True):
    """Why, since when and by whom a device is shut out."""

    id: int
    reason: str | None
    blocked_at: datetime.datetime
    blocked_by: str


class DevicePage(Record, kw_only=True):
    """A page of devices, by id."""

    data: list[DeviceShown]
    next_cursor: str | None


class DeviceSecret(Record, kw_only=True):
    """The team's new secret; it is shown only here."""

    device_secret: str


class DeviceShown(Record, kw_only=True):
    """A machine of the team; in an email team `account_id` is whose it is, and `seat_id` that person's seat."""

    id: int
    state: DeviceShownState
    machine_id: str
    hostname: str
    nickname: str | None
    username: str
    os: str
    os_version: str
    app_version: str
    account_id: int | None
    seat_id: int | None
    enrolled_at: datetime.datetime
    last_seen_at: datetime.datetime
    conflict: HostConflict | None
    block: DeviceBlock | None


class DeviceStates(Record, kw_only=True):
    """What a device did in a range of time, and for how many seconds altogether."""

    data: list[StateSpan]
    seconds: dict[str, int]


class DeviceTimes(Record, kw_only=True):
    """For how many seconds a device was in each state."""

    device_id: int
    seconds: dict[str, int]


class DeviceTimesPage(Record, kw_only=True):
    """A page of devices, by id."""

    data: list[DeviceTimes]
    next_cursor: str | None


class EditPage(Record, kw_only=True):
    """The history of a conversation, newest first."""

    data: list[EditShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class EditShown(Record, kw_only=True):
    """One change: of which field, by whom, what it was before and after."""

    id: str
    at: datetime.datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    field: str
    before: Any
    after: Any


class ErasedConversationShown(Record, kw_only=True):
    """What became of a conversation; `digest` is the SHA-256 over all that it was."""

    conversation_id: str
    kind: ConversationKind
    state: ItemState
    at: datetime.datetime | None
    hold_id: str | None
    digest: str | None
    recordings: list[ErasedRecording]
    counts: dict[str, int]


class ErasedConversations(Record, kw_only=True):
    """A page of an erasure's conversations, by their ids."""

    data: list[ErasedConversationShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class ErasedRecording(Record, kw_only=True):
    """A recording that was deleted."""

    sha256: str
    size_bytes: int


class ErasureItemShown(Record, kw_only=True):
    """A conversation that is erased, or held and why."""

    conversation_id: str
    kind: ConversationKind
    state: ItemState
    hold_id: str | None
    reason: str | None


class ErasureReceipt(Record, kw_only=True):
    """A receipt; `digest` is the SHA-256 over a line `id state digest` for each conversation, in their order."""

    id: str
    cause: str
    """`conversations`, `person` or `retention`."""
    state: ErasureState
    requested_at: datetime.datetime
    requested_by: ActorShown
    finished_at: datetime.datetime | None
    scrubbed_at: datetime.datetime | None
    """When the database's file was written anew; null where it was not."""
    counts: dict[str, int]
    digest: str | None


class ErasureReceipts(Record, kw_only=True):
    """A page of receipts, newest first."""

    data: list[ErasureReceipt]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class ErasureRequested(Record, kw_only=True):
    """What is erased from now on; of a dry run, what would be: `id` is null then."""

    id: str | None
    conversations: list[ErasureItemShown]
    waiting: int
    held: int
    unfinished_uploads: int
    """Uploads that name the person and had no end yet: they end now."""


class EventCatalog(Record, kw_only=True):
    """Every event, those of conversations first."""

    data: list[EventShown]


class EventShown(Record, kw_only=True):
    """An event that a webhook can be told of, and the JSON Schema (2020-12) of the body."""

    name: str
    description: str
    body_schema: dict[str, Any]


class HoldPage(Record, kw_only=True):
    """The team's holds, newest first, the lifted ones among them."""

    data: list[HoldShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class HoldShown(Record, kw_only=True):
    """A hold; `person` holds an email or a number, and is null once the person was erased."""

    id: str
    conversation_id: str | None
    person: dict[str, str] | None
    reason: str
    placed_at: datetime.datetime
    placed_by: ActorShown
    lifted_at: datetime.datetime | None
    lifted_by: ActorShown | None


class HostConflict(Record, kw_only=True):
    """Another host that came with the same machine id while the device was active."""

    hostname: str
    at: datetime.datetime


class ImportCounts(Record, kw_only=True):
    """What became of the rows; in a dry run, what would."""

    created: int
    existing: int
    """Their calls are there already, by external id or by content."""
    refused: int
    not_answered: int
    """Rows of attempts that nobody answered: no conversations."""
    not_recorded: int
    """Rows of calls that were not recorded."""


class ImportLocation(Record, kw_only=True):
    """A place that imports may read."""

    name: str
    kind: ImportLocationKind


class ImportLocations(Record, kw_only=True):
    """The places that imports may read."""

    data: list[ImportLocation]


class ImportPage(Record, kw_only=True):
    """A page of imports, newest first."""

    data: list[ImportShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class ImportProgress(Record, kw_only=True):
    """How far it is; `rate` in units a second and `eta_seconds` as measured since it was last begun."""

    unit: ImportProgressUnit
    done: int
    total: int | None
    rate: float | None
    eta_seconds: float | None


class ImportShown(Record, kw_only=True):
    """An import; `rows` is the number of the last row that is done."""

    id: str
    state: ImportState
    reason: str | None
    dry_run: bool
    origin: str
    location: str | None
    """Null where the command line runs it."""
    format: ImportFormat
    timezone: str | None
    rows: int
    counts: ImportCounts
    progress: ImportProgress
    created_at: datetime.datetime
    updated_at: datetime.datetime
    finished_at: datetime.datetime | None


class Interval(Input, kw_only=True, frozen=True):
    """A part of a conversation, in seconds from the beginning."""

    start: float
    end: float


class Invitation(Record, kw_only=True):
    """An invitation; `seat_id` is kept for the person while it is pending."""

    id: int
    email: str
    role: Role
    status: InvitationState
    seat_id: int
    invited_by: str
    account_id: int | None
    created_at: datetime.datetime
    sent_at: datetime.datetime
    expires_at: datetime.datetime
    ended_at: datetime.datetime | None


class InvitationBatch(Record, kw_only=True):
    """What became of every address; after a dry run, what would have."""

    dry_run: bool
    invited: int
    free_seats: int
    data: list[InvitationBatchRow]


class InvitationBatchRow(Record, kw_only=True):
    """What became of one address."""

    email: str
    result: InvitationBatchRowResult
    message: str | None
    seat_id: int | None


class Invitations(Record, kw_only=True):
    """A page of invitations, by id."""

    data: list[Invitation]
    next_cursor: str | None


class Key(Record, kw_only=True):
    """A key; `last_used_at` is at most a minute behind, and not part of its ETag."""

    id: int
    kind: KeyKind
    name: str
    scopes: list[str] | None
    """Of a key of the Callfloor API."""
    networks: list[str] | None
    """From where it may be used; null is from everywhere."""
    created_at: datetime.datetime
    expires_at: datetime.datetime | None
    last_used_at: datetime.datetime | None
    secrets: list[KeySecret]
    """Newest first; two during a rotation."""


class KeySecret(Record, kw_only=True):
    """What is known of a secret: its first characters, and when it ends if another has taken its place."""

    prefix: str
    created_at: datetime.datetime
    ends_at: datetime.datetime | None


class KeyWithSecret(Record, kw_only=True):
    """A key with its new secret, which is never shown again; a Conversations key is used with the team's client
    id."""

    key: Key
    secret: str
    client_id: str | None


class Keys(Record, kw_only=True):
    """A page of keys, by id."""

    data: list[Key]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class ListedPerson(Record, kw_only=True):
    """A member in a list."""

    id: int
    email: str
    first_name: str
    last_name: str
    role: Role
    status: ListedPersonStatus
    seat_id: int | None
    joined_at: datetime.datetime
    last_signed_in_at: datetime.datetime | None
    last_active_at: datetime.datetime | None


class LiveCall(Record, kw_only=True):
    """The call that a device is in."""

    app_name: str
    started_at: datetime.datetime


class LiveDeviceShown(Record, kw_only=True):
    """What a device does at this moment; `since` when it is in its state, `updated_at` when it last changed."""

    id: int
    state: LiveDeviceShownState
    reason: str | None
    since: datetime.datetime
    updated_at: datetime.datetime
    hostname: str
    nickname: str | None
    os: str
    app_version: str
    username: str
    account_id: int | None
    email: str | None
    call: LiveCall | None
    mic: LiveSound | None
    speaker: LiveSound | None


class LiveSnapshot(Record, kw_only=True):
    """Devices by id, blocked ones left out; `counts` of the whole team by state; `seq` is where the stream goes
    on."""

    seq: int
    counts: dict[str, int]
    data: list[LiveDeviceShown]
    next_cursor: str | None


class LiveSound(Record, kw_only=True):
    """A microphone or a speaker; null is not known."""

    device: str | None
    muted: bool | None
    noise_cancellation: bool | None
    accent_conversion: bool | None


class MutedIntervalShown(Record, kw_only=True):
    """A pause that is silent in the recording, in seconds from the beginning."""

    start: float
    end: float


class ParticipantChange(Input, kw_only=True, frozen=True):
    """Another name for a participant; null takes it away."""

    id: str
    name: str | None


class ParticipantShown(Record, kw_only=True):
    """A party of a conversation; `speak_share` of the speech, 0 to 1."""

    id: str
    name: str | None
    email: str | None
    is_internal: bool
    speak_share: float | None


class People(Record, kw_only=True):
    """A page of members, by id."""

    data: list[ListedPerson]
    next_cursor: str | None


class PeopleRemovals(Record, kw_only=True):
    """What became of everybody; after a dry run, what would have."""

    dry_run: bool
    removed: int
    data: list[PersonRemoval]


class Person(Record, kw_only=True):
    """A member; `seat_id` is their seat in an email team."""

    id: int
    email: str
    first_name: str
    last_name: str
    role: Role
    status: PersonStatus
    seat_id: int | None
    joined_at: datetime.datetime
    last_signed_in_at: datetime.datetime | None


class PersonRemoval(Record, kw_only=True):
    """What became of one person: removed, or the code of the refusal."""

    id: int
    result: str
    message: str | None


class PersonStanding(Record, kw_only=True):
    """Role and seat of a member."""

    role: Role
    seat_id: int | None


class PersonToRelease(Input, kw_only=True, frozen=True):
    """A member, by `email` or by `account_id`."""

    email: str | None = None
    account_id: int | None = None


class PersonToSeat(Input, kw_only=True, frozen=True):
    """A member, by `email` or by `account_id`; with a `role` they get that role too."""

    email: str | None = None
    account_id: int | None = None
    role: PersonToSeatRole | None = None


class ReclaimOutcome(Record, kw_only=True):
    """What a run did, or after a dry run would have done; with `has_more` another run has to go on."""

    dry_run: bool
    run_id: int | None
    noticed: int
    canceled: int
    reclaimed: int
    refused: int
    free_seats_before: int
    free_seats_after: int
    has_more: bool
    data: list[ReclaimRow]


class ReclaimRow(Record, kw_only=True):
    """What became of one seat; `code` and `message` say why it was refused, or why a notice was taken back."""

    step: ReclaimRowStep
    seat_id: int
    person_id: int | None
    device_id: int | None
    name: str
    role: Role
    inactive_since: datetime.datetime
    due_at: datetime.datetime
    code: str | None
    message: str | None


class ReclaimRun(Record, kw_only=True):
    """How many seats a run changed."""

    id: int
    at: datetime.datetime
    started_by: str
    noticed: int
    canceled: int
    reclaimed: int
    refused: int


class ReclaimRuns(Record, kw_only=True):
    """A page of runs, newest first."""

    data: list[ReclaimRun]
    next_cursor: str | None


class ReclaimSeat(Record, kw_only=True):
    """A seat that was noticed, and what became of it; `reason` says why a notice was taken back."""

    id: int
    state: ReclaimSeatState
    seat_id: int
    person_id: int | None
    device_id: int | None
    name: str
    role: Role
    inactive_since: datetime.datetime
    noticed_at: datetime.datetime
    due_at: datetime.datetime
    ended_at: datetime.datetime | None
    reason: str | None
    restored_at: datetime.datetime | None
    restored_seat_id: int | None


class ReclaimSeats(Record, kw_only=True):
    """A page of seats, newest first."""

    data: list[ReclaimSeat]
    next_cursor: str | None


class RedactionPage(Record, kw_only=True):
    """The redactions of a conversation, newest first."""

    data: list[RedactionShown]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class RedactionShown(Record, kw_only=True):
    """The receipt of a redaction; of a dry run, what would be taken out: `id` is null then."""

    id: str | None
    state: RedactionState
    """`running` until the recording is silent; `withheld`: it cannot be, and nobody is given it."""
    intervals: list[MutedIntervalShown]
    requested_at: datetime.datetime
    requested_by: ActorShown
    finished_at: datetime.datetime | None
    scrubbed_at: datetime.datetime | None
    """When the database's file was written anew; null where it was not."""
    counts: dict[str, int]
    """How many `segments` of the transcript lost words or went away, how many `comments` on these moments lost
    their text, and how many `webhook_deliveries` that told of them their body."""


class Redelivered(Record, kw_only=True):
    """What is tried anew, oldest first; at most 1,000 at once."""

    data: list[str]


class RetentionShown(Record, kw_only=True):
    """What holds, and how many conversations are older: the next night removes those that are not held."""

    call_days: int | None
    meeting_days: int | None
    calls_due: int
    meetings_due: int


class SearchHit(Record, kw_only=True):
    """A conversation in which it was said, with the last places where it was said, in their order."""

    id: str
    kind: ConversationKind
    name: str
    date: datetime.datetime
    snippets: list[SearchSnippet]


class SearchPage(Record, kw_only=True):
    """Conversations in which it was said, newest first."""

    data: list[SearchHit]
    next_cursor: str | None
    """Give it as `cursor` for the next page; null on the last one."""


class SearchSnippet(Record, kw_only=True):
    """What was said, by whom, and when, in seconds from the beginning."""

    speaker: str
    start: float
    end: float
    text: str
    marks: list[SnippetMark]


class Seat(Record, kw_only=True):
    """A seat: a person's in an email team, a machine's in a device team."""

    id: int
    type: TeamType
    status: SeatStatus
    role: Role
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: datetime.datetime
    assigned_at: datetime.datetime | None
    last_active_at: datetime.datetime | None


class SeatChangeRow(Record, kw_only=True):
    """What became of one person; `code` and `message` say why they were skipped or refused."""

    email: str | None
    account_id: int | None
    result: SeatChangeRowResult
    before: PersonStanding | None
    after: PersonStanding | None
    code: str | None
    message: str | None


class SeatChanges(Record, kw_only=True):
    """What became of everybody, in the order asked; after a dry run, what would have."""

    dry_run: bool
    changed: int
    free_seats: int
    data: list[SeatChangeRow]


class SeatCharge(Record, kw_only=True):
    """What added seats cost at once; `amount` in minor units of `currency`."""

    amount: int
    currency: str
    period_start: datetime.datetime
    period_end: datetime.datetime
    seats: int


class SeatList(Record, kw_only=True):
    """Some seats, by id; with a `next_cursor` there are more."""

    data: list[Seat]
    next_cursor: str | None


class SeatUser(Record, kw_only=True):
    """The person on a seat."""

    id: int
    email: str
    first_name: str
    last_name: str


class SentInvitations(Record, kw_only=True):
    """How many invitations were sent again."""

    sent: int


class Settlement(Record, kw_only=True):
    """What became of an amount: `pending`, `recorded`, `paid`, `declined` by card, or `invoiced`."""

    state: str
    reason: str | None
    reference: str | None
    at: datetime.datetime | None


class ShownReclaimPolicy(Record, kw_only=True):
    """What holds for the team, and when seats are looked at next."""

    enabled: bool
    inactive_days: int
    grace_days: int
    protected_roles: list[ShownReclaimPolicyProtectedRoles]
    tells_person: bool
    tells_administrators: bool
    hour: int
    next_run_at: datetime.datetime | None


class SnippetMark(Record, kw_only=True):
    """A hit in a snippet's text: its first character, and the one after its last."""

    start: int
    end: int


class StateSpan(Record, kw_only=True):
    """From `since` to `until` a device was in the state; `source` says how that is known, null that nothing was
    yet."""

    state: StateSpanState
    since: datetime.datetime
    until: datetime.datetime
    duration_seconds: int
    reason: str | None
    source: str | None


class Statement(Record, kw_only=True):
    """A period's seats and price; amounts in minor units of `currency`.  `closing_seats` = `opening_seats` +
    `added_seats` - `removed_seats`, and `total` = `base_amount` + `added_amount`."""

    period: str
    period_start: datetime.datetime
    period_end: datetime.datetime
    is_closed: bool
    currency: str
    opening_seats: int
    seat_price: int
    base_amount: int
    additions: int
    added_seats: int
    added_amount: int
    removals: int
    removed_seats: int
    closing_seats: int
    total: int


class StatementList(Record, kw_only=True):
    """Statements, newest first; with a `next_cursor` there are more."""

    data: list[Statement]
    next_cursor: str | None


class TeamDomain(Record, kw_only=True):
    """An e-mail domain whose people are the team's own."""

    domain: str
    created_at: datetime.datetime


class TeamDomains(Record, kw_only=True):
    """Every domain of the team, by name."""

    data: list[TeamDomain]


class TeamShown(Record, kw_only=True):
    """A team; `seat_price` for a month, in minor units of `currency`."""

    id: int
    name: str
    type: TeamType
    payment: Payment
    activity_billing: bool
    inviting_enabled: bool
    client_id: str
    seat_price: int
    currency: str


class TranscriptSegmentShown(Record, kw_only=True):
    """What one speaker said without a break, in seconds from the beginning."""

    speaker: str
    channel: int | None
    start: float
    end: float
    text: str


class UploadMutedIntervals(Input, kw_only=True, frozen=True):
    """Of `muted_intervals`."""

    start: float
    end: float


class UploadParticipants(Input, kw_only=True, frozen=True):
    """Of `participants`."""

    name: str | None = None
    email: str | None = None
    is_internal: bool | None = None
    """Left out, by the e-mail domain."""
    channel: int | None = None


class UploadShown(Record, kw_only=True):
    """How far an upload is; `conversation_id` once it is whole."""

    id: str
    kind: ConversationKind
    length: int
    offset: int
    created_at: datetime.datetime
    expires_at: datetime.datetime
    conversation_id: str | None
    is_new_conversation: bool | None


class UploadTranscript(Input, kw_only=True, frozen=True):
    """Of `transcript`."""

    speaker: str
    start: float
    end: float
    text: str
    words: Sequence[UploadTranscriptWords] | None = None


class UploadTranscriptWords(Input, kw_only=True, frozen=True):
    """Of `words`."""

    text: str
    start: float
    end: float


class UsageFeatures(Record, kw_only=True):
    """For how many seconds each feature was on."""

    mic_noise_cancellation: int
    speaker_noise_cancellation: int
    background_voice_cancellation: int
    mic_accent_conversion: int
    speaker_accent_conversion: int
    voice_translation: int
    transcription: int


class UsageGroup(Record, kw_only=True):
    """A person, an OS user, a device or a language; what has been erased has an id only."""

    kind: GroupKind
    id: int | str
    name: str | None
    email: str | None
    hostname: str | None
    nickname: str | None


class UsageLeader(Record, kw_only=True):
    """A group and its totals."""

    group: UsageGroup
    totals: UsageTotals


class UsageRowPage(Record, kw_only=True):
    """Rows by period, then time of the microphone from the greatest, then group; `count` is of all pages."""

    data: list[UsageRowShown]
    count: int
    next_cursor: str | None


class UsageRowShown(Record, kw_only=True):
    """A group in a period: the days are the whole period's, the totals those of days that were asked for."""

    first_day: datetime.date
    last_day: datetime.date
    group: UsageGroup
    totals: UsageTotals


class UsageShown(Record, kw_only=True):
    """Usage at a glance; `series` has one span for each period, cut to the days asked for, empty ones too."""

    time_zone: str
    total: UsageSpan
    before: UsageSpan
    """As many days right before."""
    series: list[UsageSpan]
    leaders: list[UsageLeader]
    """Groups with the most time of the microphone, by days in UTC."""


class UsageSpan(Record, kw_only=True):
    """Totals of the days from the first to the last."""

    first_day: datetime.date
    last_day: datetime.date
    totals: UsageTotals


class UsageTotals(Record, kw_only=True):
    """What calls add up to, in seconds."""

    calls: int
    mic_seconds: int
    speaker_seconds: int
    features: UsageFeatures


class WebhookList(Record, kw_only=True):
    """Every endpoint of the team."""

    data: list[WebhookShown]


class WebhookSecret(Record, kw_only=True):
    """The secret in both forms; it is shown only here."""

    webhook: WebhookShown
    secret: str
    """Hex: the key of kickscale-signature-hash is what this decodes to."""
    standard_secret: str
    """For libraries of Standard Webhooks; the same bytes."""


class WebhookShown(Record, kw_only=True):
    """An endpoint; `failures` counts failed attempts since the last that was taken."""

    id: int
    url: str
    events: list[str]
    description: str | None
    is_enabled: bool
    disabled_reason: str | None
    failures: int
    failing_since: datetime.datetime | None
    resumes_at: datetime.datetime | None
    """Until then nothing is sent: it failed too often in a row."""
    previous_secret_ends_at: datetime.datetime | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
