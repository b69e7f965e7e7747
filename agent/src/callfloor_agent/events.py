"""What the agent tells the server: heartbeats, states and finished calls, in the words of the agent API."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from callfloor_agent.clock import instant, instant_ms

State = Literal["online", "in_call", "offline", "unhealthy", "unavailable"]
NAME_MAX_LENGTH = 255
UNKNOWN = "unknown"
BATCH_MAX = 500
"""Events that one request may carry."""


class Stream(msgspec.Struct, frozen=True):
    """The microphone or the speaker: its device, and what is done to its sound."""

    device: str | None
    muted: bool
    noise_cancellation: bool
    accent_conversion: bool


class RunningCall(msgspec.Struct, frozen=True):
    """The call that is going on."""

    app_name: str
    started_at: str


class Features(msgspec.Struct, frozen=True):
    """Whole seconds in which each feature worked in a call."""

    mic_noise_cancellation: int = 0
    speaker_noise_cancellation: int = 0
    background_voice_cancellation: int = 0
    mic_accent_conversion: int = 0
    speaker_accent_conversion: int = 0
    voice_translation: int = 0
    transcription: int = 0


class HeartbeatEvent(msgspec.Struct, frozen=True, tag_field="kind", tag="heartbeat"):
    """A sign of life."""

    id: str
    at: str


class StateEvent(msgspec.Struct, frozen=True, tag_field="kind", tag="state"):
    """How the device is from `at` on."""

    id: str
    at: str
    state: State
    reason: str | None = None
    call: RunningCall | None = None
    mic: Stream | None = None
    speaker: Stream | None = None


class CallEvent(msgspec.Struct, frozen=True, tag_field="kind", tag="call"):
    """A finished call; one of the same `call_id` and a higher revision replaces it."""

    id: str
    at: str
    call_id: str
    revision: int
    app_name: str
    started_at: str
    ended_at: str
    mic_seconds: int
    speaker_seconds: int
    features: Features
    language: str | None = None


Event = HeartbeatEvent | StateEvent | CallEvent

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def new_event_id() -> str:
    """Return a new id of an event or a call."""
    return str(uuid.uuid4())


def fitting(text: str) -> str:
    """Return the text as the server takes a name: at most 255 characters, none of them a control character."""
    return "".join(character for character in text if character.isprintable())[:NAME_MAX_LENGTH].strip() or UNKNOWN


def heartbeat(at_ms: int) -> HeartbeatEvent:
    """Return a heartbeat."""
    return HeartbeatEvent(id=new_event_id(), at=instant(at_ms))


def encode(event: Event) -> bytes:
    """Return the event as it goes over the wire, the same bytes each time it is sent."""
    return _ENCODER.encode(event)


def decode(content: bytes) -> Event:
    """Return the event of these bytes.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _DECODER.decode(content)


def batch(contents: Iterable[bytes]) -> bytes:
    """Return the body of a request with these encoded events."""
    return b'{"events":[' + b",".join(contents) + b"]}"


def shifted(event: Event, by_ms: int, *, kept: Collection[int] = ()) -> Event:
    """Return the event with its instants moved, but for those that are kept."""

    def moved(text: str) -> str:
        at_ms = instant_ms(text)
        return text if at_ms in kept else instant(at_ms + by_ms)

    if isinstance(event, CallEvent):
        ended_at = moved(event.ended_at)
        if instant_ms(event.started_at) in kept:
            ended_at = max(ended_at, instant(max(kept)))  # until then it was seen
        return msgspec.structs.replace(event, at=moved(event.at), started_at=moved(event.started_at), ended_at=ended_at)
    if isinstance(event, StateEvent) and event.call is not None:
        call = msgspec.structs.replace(event.call, started_at=moved(event.call.started_at))
        return msgspec.structs.replace(event, at=moved(event.at), call=call)
    return msgspec.structs.replace(event, at=moved(event.at))
