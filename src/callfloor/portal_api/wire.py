"""Every name of the Portal API's wire, the inferred ones included: a correction is made here and only here."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import msgspec

ROOT = "/api/v1"

ROLE_ON_THE_WIRE = {"admin": "admin", "configurator": "configurator", "analytics": "analyst", "user": "user"}
"""Our role's name → the Portal API's."""
ROLE_FROM_THE_WIRE = {wire: ours for ours, wire in ROLE_ON_THE_WIRE.items()}
INVITED = "invited"
STATUSES = ("unassigned", INVITED, "assigned")

STATES = ("online", "in_call", "offline", "unhealthy", "unavailable")
CALL_IS_ACTIVE = "active"
"""Status of the call that a device is in."""

PAGE, PER_PAGE = "page", "perPage"
DEFAULT_PER_PAGE, MAX_PER_PAGE = 20, 100
MAX_SEARCH_LENGTH = 255
DEVICE_NAME = "qs"
"""Part of the name of a blocked device."""
JSON_BODY, FORM_BODY = BODY_TYPES = ("application/json", "application/x-www-form-urlencoded")


@dataclasses.dataclass(frozen=True, slots=True)
class ErrorName:
    """An error of the Portal API: its number, its text for people, its HTTP status."""

    name: str
    code: int
    message: str
    status: int


def _forbidden(name: str, message: str = "Not enough permissions.") -> ErrorName:
    return ErrorName(name, 1023, message, 400)


def _unauthenticated(name: str) -> ErrorName:
    return ErrorName(name, 1, "Problem during authentication.", 401)


AUTH_HEADER_MISSING = _unauthenticated("AUTH_HEADER_MISSING")
AUTH_HEADER_WRONG_FORMAT = _unauthenticated("AUTH_HEADER_WRONG_FORMAT")
AUTH_BASIC_ONLY = _unauthenticated("AUTH_BASIC_ONLY")
AUTH_BASIC_INVALID_TOKEN = _unauthenticated("AUTH_BASIC_INVALID_TOKEN")
VALIDATION_ERROR = ErrorName("VALIDATION_ERROR", 1016, "Something went wrong.", 400)
NOT_FOUND = ErrorName("NOT_FOUND", 1015, "Not found.", 400)
SEAT_NOT_FOUND = ErrorName("SEAT_NOT_FOUND", 1015, "Seat not found.", 400)
NOT_PERMITTED_CHANGE_SEAT_STATUS = _forbidden("NOT_PERMITTED_CHANGE_SEAT_STATUS")
TOO_MANY_REQUESTS = ErrorName("TOO_MANY_REQUESTS", 1026, "Too many requests.", 429)
INTERNAL_SERVER_ERROR = ErrorName("INTERNAL_SERVER_ERROR", 10000, "Something went wrong.", 500)

OF_DOMAIN_ERROR = {
    "seat_not_found": SEAT_NOT_FOUND,
    "seat_is_not_empty": _forbidden(
        "SEAT_IS_NOT_EMPTY", "Seat is in use. Remove the assigned user from the seat before deleting it."
    ),
    "seat_is_empty": _forbidden("SEAT_IS_EMPTY", "Seat is empty."),
    "not_permitted_change_seat_status": NOT_PERMITTED_CHANGE_SEAT_STATUS,
    "block_entry_not_found": NOT_FOUND,
    "not_permitted_add_seats": _forbidden("NOT_PERMITTED_ADD_SEATS"),
    "not_permitted_invite": _forbidden("NOT_PERMITTED_INVITE_USER"),
    "no_empty_seat": _forbidden("NOT_EMPTY_SEAT", "You don't have empty seats."),
    "already_member": _forbidden("ALREADY_MEMBER", "User is already a team member."),
    "last_administrator": _forbidden("NOT_PERMITTED_UNASSIGN_LAST_ADMINISTRATOR_SEAT"),
    "not_permitted_delete_seat": _forbidden("NOT_PERMITTED_DELETE_SEAT"),
}
"""Our error's code → the Portal API's error."""


def errors() -> list[ErrorName]:
    """Return every error that an answer may carry."""
    named = [value for value in globals().values() if isinstance(value, ErrorName)]
    return list(dict.fromkeys([*named, *OF_DOMAIN_ERROR.values()]))


def _told(**schema: object) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema=schema)


Instant = Annotated[str, _told(format="date-time")]
"""ISO 8601, UTC, milliseconds, ``Z``."""
SeatType = Annotated[str, _told(enum=["device", "email"])]
Status = Annotated[str, _told(enum=list(STATUSES))]
State = Annotated[str, _told(enum=list(STATES))]
RoleName = Annotated[str, _told(enum=list(ROLE_FROM_THE_WIRE))]


class FieldMessage(msgspec.Struct):
    """One field that was wrong."""

    field: str
    message: str


class Failure(msgspec.Struct):
    """The envelope of a failure."""

    code: int
    error_code: str
    message: str
    data: None
    req_id: str


class ValidationFailure(Failure):
    """The envelope of a validation failure: it names the fields."""

    errors: list[FieldMessage]


class SeatUser(msgspec.Struct):
    """The person on a seat."""

    id: int
    email: str
    first_name: str
    last_name: str


class Seat(msgspec.Struct):
    """A row of the list of seats."""

    id: int
    type: SeatType
    status: Status
    role: RoleName
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: Instant
    assigned_at: Instant | None
    last_active_at: Instant | None


class SeatRows(msgspec.Struct):
    """A page of seats and how many match in all."""

    rows: list[Seat]
    count: int


class Charge(msgspec.Struct):
    """What added seats cost at once; `amount` in minor units."""

    amount: int
    currency: str
    period_start: Instant
    period_end: Instant
    seats: int


class SeatsAdded(msgspec.Struct):
    """The answer to adding seats; `count` is how many the team has now."""

    added: int
    count: int
    charge: Charge | None


class PersonInvited(msgspec.Struct):
    """The answer to inviting a person: the seat that is kept for them."""

    id: int
    email: str
    status: Status
    expires_at: Instant


class SeatUnassigned(msgspec.Struct):
    """The answer to freeing a seat of an email team."""

    id: int


class SeatDeleted(msgspec.Struct):
    """The answer to deleting a seat."""

    id: int


class SeatBlocked(msgspec.Struct):
    """The answer to blocking a seat's device; `id` is the seat's."""

    id: int


class BlockRow(msgspec.Struct):
    """A row of the block list; `blocked_by` is the name of a key or the e-mail address of a person."""

    id: int
    hostname: str
    nickname: str | None
    username: str
    blocked_at: Instant
    blocked_by: str


class BlockRows(msgspec.Struct):
    """A page of the block list and how many entries match in all."""

    rows: list[BlockRow]
    count: int


class DeviceUnblocked(msgspec.Struct):
    """The answer to unblocking; `id` is the entry's that was taken off."""

    id: int


GROUP_BY, FROM, TO, CADENCE = "group_by", "from", "to", "cadence"
GROUPINGS = ("user", "username", "device", "language")
CADENCES = (DEFAULT_CADENCE := "daily", "weekly", "monthly")

Date = Annotated[str, _told(format="date")]
"""YYYY-MM-DD, a day in UTC."""


class UserGroup(msgspec.Struct, tag_field="type", tag="user"):
    """A person with an account."""

    id: int
    email: str | None
    name: str | None


class UsernameGroup(msgspec.Struct, tag_field="type", tag="username"):
    """A user of an operating system."""

    id: str
    name: str


class DeviceGroup(msgspec.Struct, tag_field="type", tag="device"):
    """A machine; `name` is its hostname."""

    id: int
    hostname: str | None
    nickname: str | None
    name: str | None


class LanguageGroup(msgspec.Struct, tag_field="type", tag="language"):
    """A language, as a BCP 47 tag."""

    id: str
    name: str


class FeatureSeconds(msgspec.Struct):
    """For how many seconds each feature was on."""

    mic_noise_cancellation: int
    speaker_noise_cancellation: int
    background_voice_cancellation: int
    mic_accent_conversion: int
    speaker_accent_conversion: int
    voice_translation: int
    transcription: int


class UsageRow(msgspec.Struct):
    """A row of the usage report; durations in whole seconds."""

    period_start: Date
    period_end: Date
    group: UserGroup | UsernameGroup | DeviceGroup | LanguageGroup
    mic_call_duration: int
    speaker_call_duration: int
    calls: int
    features: FeatureSeconds


class UsageRows(msgspec.Struct):
    """A page of the usage report and how many rows it has in all."""

    rows: list[UsageRow]
    count: int


class MonitoringUser(msgspec.Struct):
    """Who works at a device: the OS user, and in an email team whose account it is."""

    id: int | None
    email: str | None
    username: str


class MonitoringDevice(msgspec.Struct):
    """The machine."""

    id: int
    hostname: str
    nickname: str | None
    os: str
    app_version: str


class MonitoringCall(msgspec.Struct):
    """The call that a device is in; `duration` in whole seconds until now."""

    status: str
    app_name: str
    started_at: Instant
    duration: int


class MonitoringSound(msgspec.Struct):
    """A microphone or a speaker as its agent last told; null is not known."""

    device: str | None
    muted: bool | None
    noise_cancellation: bool | None
    accent_conversion: bool | None


class MonitoringMetadata(msgspec.Struct):
    """What the device hears and speaks by."""

    mic: MonitoringSound
    speaker: MonitoringSound


class MonitoringRow(msgspec.Struct):
    """What one device does at this moment; `id` is the device's."""

    id: int
    state: State
    updated_at: Instant
    user: MonitoringUser
    device: MonitoringDevice
    call: MonitoringCall | None
    metadata: MonitoringMetadata


class MonitoringRows(msgspec.Struct):
    """A page of devices and how many match in all."""

    rows: list[MonitoringRow]
    count: int
