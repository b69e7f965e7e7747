"""Batches that are sound JSON and yet cannot be read, since one of their events has what no text here may have.

That is half a surrogate pair, a NUL byte, and nesting without end. Each becomes a mark, and the body is read with two
different marks: where the readings differ there is a fault, and all else is as it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from callfloor.ingest.schemas import NAME_MAX_LENGTH, RawBatch

DEPTH_MAX = 500
"""Levels of a body: so many are safe to read on every stack."""
_DEPTH_OF_EVENTS = 2
"""Levels around each event: the body and its list."""
SHORT_BYTES = 2 * (DEPTH_MAX - _DEPTH_OF_EVENTS)
"""What is no longer has no room for the brackets of more levels than that."""
EXPECTED = f"must have whole characters (no half of a surrogate pair, no NUL) and be nested at most {DEPTH_MAX} deep"

_MARKS = (b"\\u0001", b"\\u0002")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
# A text without an end is taken, too: looked for again from each of its quotes it would cost the square of its length.
_TEXT_OR_BRACKET = re.compile(rb'"(?:[^"\\]+|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_RAW_BATCH = msgspec.json.Decoder(RawBatch)


def may_be_too_deep(raws: Iterable[msgspec.Raw]) -> bool:
    """Return whether one of a body's events has brackets enough for too many levels."""
    return any(_brackets(bytes(raw)) > DEPTH_MAX - _DEPTH_OF_EVENTS for raw in raws if len(raw) > SHORT_BYTES)


def events_and_faults(body: bytes) -> tuple[list[msgspec.Raw], dict[int, str]]:
    """Return the events' JSON, and by its index the field at fault of each that has a fault.

    An event with a fault has a mark in its JSON. What lies too deep is not looked into.

    Raises:
        ValueError, RecursionError: the body is no JSON text in UTF-8.
        msgspec.ValidationError: it is no object with a list of 1 to 500 events.
    """
    body.decode()
    marked = _without_depths(_ESCAPE.sub(lambda found: b"\0" if found["half"] else found[0], body))
    raws, others = (_RAW_BATCH.decode(marked.replace(b"\0", mark)).events for mark in _MARKS)
    return raws, {
        index: _field_at_fault(raw, other)
        for index, (raw, other) in enumerate(zip(raws, others, strict=True))
        if bytes(raw) != bytes(other)
    }


def _brackets(event: bytes) -> int:
    return event.count(b"{") + event.count(b"[")


def _without_depths(body: bytes) -> bytes:
    """Return the body with a text of one NUL in the place of what lies too deep."""
    parts = []
    depth = begin = end = 0
    for found in _TEXT_OR_BRACKET.finditer(body):
        token = body[found.start()]
        if token in b"[{":
            depth += 1
            if depth == DEPTH_MAX + 1:
                begin = found.start()
        elif token in b"]}":
            if depth == DEPTH_MAX + 1:
                parts += [body[end:begin], b'"\0"']
                end = found.end()
            depth -= 1
    return b"".join([*parts, body[end:]])


def _field_at_fault(raw: msgspec.Raw, other: msgspec.Raw) -> str:
    try:
        event, differing = msgspec.json.decode(raw), msgspec.json.decode(other)
    except (ValueError, RecursionError):
        return "event"
    names = [_name_at_fault(event, differing)]
    if names[0]:
        names.append(_name_at_fault(event[names[0]], differing[names[0]]))
    return ".".join(filter(None, names))[:NAME_MAX_LENGTH] or "event"


def _name_at_fault(one: Any, other: Any) -> str:
    """Return under which name they differ; nothing where a name itself does, or they have none."""
    if not isinstance(one, Mapping) or not isinstance(other, Mapping) or one.keys() != other.keys():
        return ""
    return next((name for name, value in one.items() if value != other[name]), "")
