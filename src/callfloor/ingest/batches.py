"""A request's body becomes a parcel for the writer: what is well-formed, and what is rejected, event by event."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput
from callfloor.ingest.faults import EXPECTED, SHORT_BYTES, events_and_faults, may_be_too_deep
from callfloor.ingest.rules import Refusal, Window, check_event, millis, refusal_of, window_at
from callfloor.ingest.schemas import Batch, CallEvent, Event, Heartbeat, RawBatch, Rejected, StateEvent

CONTENT_MAX_BYTES = 4096
"""An event that is longer is kept as it was understood, without what else it says."""
_WRONG = (Refusal, ValueError, RecursionError)
_Found = tuple[list[msgspec.Raw], dict[int, str]]
"""The JSON of every event, and by index the field of one that cannot be read."""

_BATCH = msgspec.json.Decoder(Batch)
_RAW_BATCH = msgspec.json.Decoder(RawBatch)
_EVENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_ENCODER = msgspec.json.Encoder()


class NotJson(DomainError):
    """The body cannot be read at all."""

    code = "malformed_body"
    status = HTTPStatus.BAD_REQUEST


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A state or a call that is to be kept: its id in canonical form, its instant, its JSON."""

    id: str
    at: Millis
    content: str
    event: StateEvent | CallEvent


class Parcel(msgspec.Struct, frozen=True, gc=False):
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
        NotJson: it is no JSON text in UTF-8, or one that only `parcel_despite_faults` can read.
        InvalidInput: it is no object with a list of 1 to 500 events.
    """
    window = window_at(now)
    # Characters that no text may have are escaped, or none of ASCII but one.
    has_odd_characters = not body.isascii() or b"\\" in body or b"\x7f" in body
    events = _good_events(body, window, has_odd_characters=has_odd_characters)
    if events is not None and len(body) <= SHORT_BYTES:
        return _parcel(token_hash, events, lambda: _raw_events(body), [])
    raws = _raw_events(body)
    if events is not None:
        return _parcel(token_hash, events, lambda: raws, [])
    good, raws, rejected = _apart((raws, {}), window, has_odd_characters=has_odd_characters)
    return _parcel(token_hash, good, lambda: raws, rejected)


def parcel_despite_faults(body: bytes, token_hash: bytes, *, now: Millis) -> Parcel:
    """Read a body that `parcel_of` cannot read: it takes some ten times as long.

    Raises:
        NotJson: it is no JSON text in UTF-8.
        InvalidInput: it is no object with a list of 1 to 500 events.
    """
    found = _read(events_and_faults, body)
    events, raws, rejected = _apart(found, window_at(now), has_odd_characters=True)
    return _parcel(token_hash, events, lambda: raws, rejected)


def _parcel(
    token_hash: bytes, events: list[Event], raws: Callable[[], list[msgspec.Raw]], rejected: list[Rejected]
) -> Parcel:
    """Return the parcel of good events; `raws` is asked for their JSON if any of them is kept."""
    places = [place for place, event in enumerate(events) if type(event) is not Heartbeat]
    if not places:
        return Parcel(token_hash, len(events), [], 0, rejected)
    kept = _kept(events, raws(), places)
    once: dict[str, Kept] = {}
    for one in kept:
        once.setdefault(one.id, one)
    return Parcel(token_hash, len(events) - len(kept), list(once.values()), len(kept) - len(once), rejected)


def _raw_events(body: bytes) -> list[msgspec.Raw]:
    return _read(_sound_events, body)[0]


def _sound_events(body: bytes) -> _Found:
    _check_text(body)
    raws = _RAW_BATCH.decode(body).events
    if may_be_too_deep(raws):
        raise RecursionError("an event may be nested too deep")
    return raws, {}


def _read(reader: Callable[[bytes], _Found], body: bytes) -> _Found:
    try:
        return reader(body)
    except msgspec.ValidationError as error:
        refusal = refusal_of(error)
        field = "body" if refusal.field == "event" else refusal.field
        raise InvalidInput([FieldError(field, refusal.message)]) from error
    except (ValueError, RecursionError) as error:
        raise NotJson("the body must be a JSON object in UTF-8 with a list of events") from error


def _check_text(body: bytes) -> None:
    """Check what reading the JSON does not, where it passes over what it does not know."""
    if b"\0" in body:
        raise ValueError("the body has NUL bytes")
    body.decode()


def _good_events(body: bytes, window: Window, *, has_odd_characters: bool) -> list[Event] | None:
    """Return the events if all are good, which most batches' are: it takes half as long as to read each by itself."""
    try:
        _check_text(body)
        events = _BATCH.decode(body).events
        for event in events:
            check_event(event, window, has_odd_characters=has_odd_characters)
    except _WRONG:
        return None
    return events


def _apart(
    found: _Found, window: Window, *, has_odd_characters: bool
) -> tuple[list[Event], list[msgspec.Raw], list[Rejected]]:
    """Return the good events, their JSON, and what is wrong with the others."""
    raws, faults = found
    events, good, rejected = [], [], []
    for index, raw in enumerate(raws):
        try:
            if index in faults:
                raise Refusal("validation_error", faults[index], EXPECTED)
            event = _EVENT.decode(raw)
            check_event(event, window, has_odd_characters=has_odd_characters)
        except _WRONG as error:
            rejected.append(_rejection(index, raw, error))
        else:
            events.append(event)
            good.append(raw)
    return events, good, rejected


def _kept(events: list[Event], raws: list[msgspec.Raw], places: list[int]) -> list[Kept]:
    # Not by str(): a tenth of its time.
    ids = msgspec.to_builtins([events[place].id for place in places])
    kept = []
    for place, id_ in zip(places, ids, strict=True):
        event = events[place]
        if not isinstance(event, Heartbeat):
            kept.append(Kept(id_, millis(event.at), _content(event, raws[place]), event))
    return kept


def _content(event: StateEvent | CallEvent, raw: msgspec.Raw) -> str:
    content = bytes(raw)
    return (content if len(content) <= CONTENT_MAX_BYTES else _ENCODER.encode(event)).decode()


def _rejection(index: int, raw: msgspec.Raw, error: Exception) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        error = refusal_of(error)
    if not isinstance(error, Refusal):
        error = Refusal("validation_error", "event", EXPECTED)
    return Rejected(index, _id_of(raw), error.code, error.field, error.message)


def _id_of(raw: msgspec.Raw) -> str | None:
    try:
        found = msgspec.json.decode(raw)
        return str(uuid.UUID(found["id"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
