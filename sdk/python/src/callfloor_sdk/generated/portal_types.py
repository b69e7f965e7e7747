"""Types of the Portal API: written by `make documents` from docs/api.

Enumerations are strings when they are read: a newer server may say what is not listed here.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Literal

from callfloor_sdk.records import Record

__all__ = [
    "BlockRow",
    "BlockRows",
    "Charge",
    "DeviceUnblocked",
    "FeatureSeconds",
    "MonitoringCall",
    "MonitoringDevice",
    "MonitoringMetadata",
    "MonitoringRow",
    "MonitoringRowState",
    "MonitoringRows",
    "MonitoringSound",
    "MonitoringUser",
    "PersonInvited",
    "PersonInvitedStatus",
    "Seat",
    "SeatBlocked",
    "SeatDeleted",
    "SeatRole",
    "SeatRows",
    "SeatStatus",
    "SeatType",
    "SeatUnassigned",
    "SeatUser",
    "SeatsAdded",
    "UsageRow",
    "UsageRowGroup",
    "UsageRows",
]

if TYPE_CHECKING:
    MonitoringRowState = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]
    PersonInvitedStatus = Literal["unassigned", "invited", "assigned"]
    SeatRole = Literal["admin", "configurator", "analyst", "user"]
    SeatStatus = Literal["unassigned", "invited", "assigned"]
    SeatType = Literal["device", "email"]
else:
    MonitoringRowState = str
    PersonInvitedStatus = str
    SeatRole = str
    SeatStatus = str
    SeatType = str


class BlockRow(Record, kw_only=True):
    """A row of the block list; `blocked_by` is the name of a key or the e-mail address of a person."""

    id: int
    hostname: str
    nickname: str | None
    username: str
    blocked_at: datetime.datetime
    blocked_by: str


class BlockRows(Record, kw_only=True):
    """A page of the block list and how many entries match in all."""

    rows: list[BlockRow]
    count: int


class Charge(Record, kw_only=True):
    """What added seats cost at once; `amount` in minor units."""

    amount: int
    currency: str
    period_start: datetime.datetime
    period_end: datetime.datetime
    seats: int


class DeviceUnblocked(Record, kw_only=True):
    """The answer to unblocking; `id` is the entry's that was taken off."""

    id: int


class FeatureSeconds(Record, kw_only=True):
    """For how many seconds each feature was on."""

    mic_noise_cancellation: int
    speaker_noise_cancellation: int
    background_voice_cancellation: int
    mic_accent_conversion: int
    speaker_accent_conversion: int
    voice_translation: int
    transcription: int


class MonitoringCall(Record, kw_only=True):
    """The call that a device is in; `duration` in whole seconds until now."""

    status: str
    app_name: str
    started_at: datetime.datetime
    duration: int


class MonitoringDevice(Record, kw_only=True):
    """The machine."""

    id: int
    hostname: str
    nickname: str | None
    os: str
    app_version: str


class MonitoringMetadata(Record, kw_only=True):
    """What the device hears and speaks by."""

    mic: MonitoringSound
    speaker: MonitoringSound


class MonitoringRow(Record, kw_only=True):
    """What one device does at this moment; `id` is the device's."""

    id: int
    state: MonitoringRowState
    updated_at: datetime.datetime
    user: MonitoringUser
    device: MonitoringDevice
    call: MonitoringCall | None
    metadata: MonitoringMetadata


class MonitoringRows(Record, kw_only=True):
    """A page of devices and how many match in all."""

    rows: list[MonitoringRow]
    count: int


class MonitoringSound(Record, kw_only=True):
    """A microphone or a speaker as its agent last told; null is not known."""

    device: str | None
    muted: bool | None
    noise_cancellation: bool | None
    accent_conversion: bool | None


class MonitoringUser(Record, kw_only=True):
    """Who works at a device: the OS user, and in an email team whose account it is."""

    id: int | None
    email: str | None
    username: str


class PersonInvited(Record, kw_only=True):
    """The answer to inviting a person: the seat that is kept for them."""

    id: int
    email: str
    status: PersonInvitedStatus
    expires_at: datetime.datetime


class Seat(Record, kw_only=True):
    """A row of the list of seats."""

    id: int
    type: SeatType
    status: SeatStatus
    role: SeatRole
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: datetime.datetime
    assigned_at: datetime.datetime | None
    last_active_at: datetime.datetime | None


class SeatBlocked(Record, kw_only=True):
    """The answer to blocking a seat's device; `id` is the seat's."""

    id: int


class SeatDeleted(Record, kw_only=True):
    """The answer to deleting a seat."""

    id: int


class SeatRows(Record, kw_only=True):
    """A page of seats and how many match in all."""

    rows: list[Seat]
    count: int


class SeatUnassigned(Record, kw_only=True):
    """The answer to freeing a seat of an email team."""

    id: int


class SeatUser(Record, kw_only=True):
    """The person on a seat."""

    id: int
    email: str
    first_name: str
    last_name: str


class SeatsAdded(Record, kw_only=True):
    """The answer to adding seats; `count` is how many the team has now."""

    added: int
    count: int
    charge: Charge | None


class UsageRow(Record, kw_only=True):
    """A row of the usage report; durations in whole seconds."""

    period_start: datetime.date
    period_end: datetime.date
    group: UsageRowGroup
    mic_call_duration: int
    speaker_call_duration: int
    calls: int
    features: FeatureSeconds


class UsageRowGroup(Record, kw_only=True):
    """One of these. A person with an account. A user of an operating system. A machine; `name` is its hostname. A
    language, as a BCP 47 tag."""

    type: str
    id: int | str
    name: str | None
    email: str | None = None
    hostname: str | None = None
    nickname: str | None = None


class UsageRows(Record, kw_only=True):
    """A page of the usage report and how many rows it has in all."""

    rows: list[UsageRow]
    count: int
