"""A request's body becomes a parcel for the writer: what is well-formed, and what is rejected, event by event."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

import msgspec

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput
from callfloor.ingest.rules import Refusal, check_event, millis, refusal_of, window_at
from callfloor.ingest.schemas import Batch, CallEvent, Event, Heartbeat, Rejected, StateEvent

CONTENT_MAX_BYTES = 4096
"""An event that is longer is kept as it was understood, without what else it says."""

_BATCH = msgspec.json.Decoder(Batch)
_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()
_ODD = (b"\\", b"\x7f", b"\xc2", b"\xe2\x80")
"""Characters that no text may have are escaped, or begin with one of these."""


class NotJson(DomainError):
    """The body cannot be read at all."""

    code = "malformed_body"
    status = HTTPStatus.BAD_REQUEST


class Kept(msgspec.Struct, frozen=True):
    """A state or a call that is to be kept: its id in canonical form, its instant, its JSON."""

    id: str
    at: Millis
    content: str
    event: StateEvent | CallEvent


class Parcel(msgspec.Struct, frozen=True):
    """The events of one request, and the hash of the token they came with."""

    token_hash: bytes
    heartbeats: int
    kept: list[Kept]
    repeated: int
    """How many events have the id of another one before them."""
    rejected: list[Rejected]

    @property
    def events(self) -> int:
        """Return how many of its events the database is asked about."""
        return self.heartbeats + len(self.kept)


def parcel_of(body: bytes, token_hash: bytes, *, now: Millis) -> Parcel:
    """Read a body.

    Raises:
        NotJson: it is no JSON text in UTF-8.
        InvalidInput: it is no object with a list of 1 to 500 events.
    """
    raws = _raw_events(body)
    window, has_odd_characters = window_at(now), any(odd in body for odd in _ODD)
    heartbeats, kept, rejected = 0, [], []
    for index, raw in enumerate(raws):
        try:
            event = _EVENT.decode(raw)
            check_event(event, window, has_odd_characters=has_odd_characters)
        except (Refusal, ValueError, RecursionError) as error:
            rejected.append(_rejection(index, raw, error))
            continue
        if type(event) is Heartbeat:
            heartbeats += 1
        else:
            kept.append(_kept(event, raw))
    once = {one.id: one for one in reversed(kept)}
    repeated = len(kept) - len(once)
    if repeated:
        kept = list(reversed(once.values()))
    return Parcel(token_hash, heartbeats, kept, repeated, rejected)


def _raw_events(body: bytes) -> list[msgspec.Raw]:
    try:
        if b"\0" in body:
            raise NotJson("the body has NUL bytes")
        body.decode()
        return _BATCH.decode(body).events
    except msgspec.ValidationError as error:
        refusal = refusal_of(error)
        field = "body" if refusal.field == "event" else refusal.field
        raise InvalidInput([FieldError(field, refusal.message)]) from error
    except (ValueError, RecursionError) as error:
        raise NotJson("the body must be a JSON object in UTF-8 with a list of events") from error


def _kept(event: Any, raw: msgspec.Raw) -> Kept:
    content = bytes(raw) if len(memoryview(raw)) <= CONTENT_MAX_BYTES else _ENCODER.encode(event)
    return Kept(str(event.id), millis(event.at), content.decode(), event)


def _rejection(index: int, raw: msgspec.Raw, error: Exception) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        error = refusal_of(error)
    if not isinstance(error, Refusal):
        error = Refusal("validation_error", "event", "cannot be read: it is nested too deep, or has half a character")
    return Rejected(index, _id_of(raw), error.code, error.field, error.message)


def _id_of(raw: msgspec.Raw) -> str | None:
    try:
        found = msgspec.json.decode(raw)
        return str(uuid.UUID(found["id"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
