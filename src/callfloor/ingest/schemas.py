"""Events as agents send them, field by field; what a field may not be is found while the JSON is read."""

from __future__ import annotations

import datetime
import uuid
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.live.presence import Sound

EVENTS_MAX = 500
"""In one request."""
NAME_MAX_LENGTH = 255

At = Annotated[datetime.datetime, Meta(tz=True)]
Text = Annotated[str, Meta(max_length=NAME_MAX_LENGTH)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_MAX_LENGTH)]
SECONDS_MAX = 86_460
"""Of the longest call, and the 60 by which a feature may be longer."""
_FAR = 2**53
Seconds = Annotated[int, Meta(ge=-_FAR, le=_FAR)]
"""Bounded from 0 to `SECONDS_MAX` by `rules`, which tell better what is wrong."""
Revision = Annotated[int, Meta(ge=0, le=2**31 - 1)]
StateName = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]


# None of these can be part of a cycle: the collector need not look at them.
class ReportedSound(Sound, frozen=True, gc=False, omit_defaults=True):
    """A microphone or a speaker; what the agent does not know is left out, or null."""

    device: Text | None = None


class ReportedCall(msgspec.Struct, frozen=True, gc=False):
    """The call a device is in."""

    app_name: Name
    started_at: At


class SecondsOfFeatures(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """For how many seconds of a call each feature was on."""

    mic_noise_cancellation: Seconds = 0
    speaker_noise_cancellation: Seconds = 0
    background_voice_cancellation: Seconds = 0
    mic_accent_conversion: Seconds = 0
    speaker_accent_conversion: Seconds = 0
    voice_translation: Seconds = 0
    transcription: Seconds = 0


class Heartbeat(msgspec.Struct, frozen=True, gc=False, tag="heartbeat", tag_field="kind"):
    """A sign of life."""

    id: uuid.UUID
    at: At


class StateEvent(msgspec.Struct, frozen=True, gc=False, tag="state", tag_field="kind"):
    """How the device is from `at` on."""

    id: uuid.UUID
    at: At
    state: StateName
    reason: Text | None = None
    call: ReportedCall | None = None
    mic: ReportedSound | None = None
    speaker: ReportedSound | None = None


class CallEvent(msgspec.Struct, frozen=True, gc=False, tag="call", tag_field="kind"):
    """One revision of a finished call."""

    id: uuid.UUID
    at: At
    call_id: uuid.UUID
    revision: Revision
    app_name: Name
    started_at: At
    ended_at: At
    mic_seconds: Seconds
    speaker_seconds: Seconds
    language: Name | None = None
    features: SecondsOfFeatures = SecondsOfFeatures()


Event = Heartbeat | StateEvent | CallEvent


class Batch(msgspec.Struct, frozen=True):
    """The body of a request."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=EVENTS_MAX)]


class RawBatch(msgspec.Struct, frozen=True):
    """The body of a request, its events not yet looked into: one that is malformed leaves the others alone."""

    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=EVENTS_MAX)]


class Rejected(msgspec.Struct, frozen=True):
    """An event that is not taken: its place in the batch, its id if that can be read, and what is wrong where."""

    index: int
    id: str | None
    code: str
    field: str
    message: str


class Taken(msgspec.Struct, frozen=True):
    """What became of a batch, and how long the agent is to wait between heartbeats."""

    accepted: int
    duplicates: int
    rejected: list[Rejected]
    heartbeat_seconds: int
