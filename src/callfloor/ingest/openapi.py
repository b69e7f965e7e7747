"""What the OpenAPI document says of the one route here: made from the very types that read the events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from callfloor.ingest.schemas import (
    EVENTS_MAX,
    SECONDS_MAX,
    CallEvent,
    Heartbeat,
    SecondsOfFeatures,
    StateEvent,
    Taken,
)

EVENTS_REFUSALS = ("400", "401", "403", "413", "422", "429", "500", "503")
_REF = "#/components/schemas/{name}"
_KINDS = {"heartbeat": Heartbeat, "state": StateEvent, "call": CallEvent}
_JSON = "application/json"


def events_operation(refusals: Mapping[str, Any]) -> dict[str, Any]:
    """Return the operation; `refusals` are the responses of its failures, by status."""
    taken = {"description": "What became of the events.", "content": _content("Taken")}
    return {
        "tags": ["Agent"],
        "summary": "Take what a device reports: signs of life, states, finished calls",
        "description": (
            "Once answered, the events are on disk and can be seen. An event of a known id changes nothing, so a batch "
            "may be sent again until it is answered."
        ),
        "operationId": "send_events",
        "requestBody": {"required": True, "content": _content("AgentEvents")},
        "responses": {"200": taken, **refusals},
        "security": [{"device": []}],
    }


def events_schemas() -> dict[str, Any]:
    """Return the components that the operation refers to."""
    _, components = msgspec.json.schema_components([*_KINDS.values(), Taken], ref_template=_REF)
    for seconds in _seconds_of(components):
        seconds.update(minimum=0, maximum=SECONDS_MAX)
    refs = {kind: _REF.format(name=type_.__name__) for kind, type_ in _KINDS.items()}
    event = {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "kind", "mapping": refs},
    }
    events = {"type": "array", "minItems": 1, "maxItems": EVENTS_MAX, "items": event}
    batch = {"type": "object", "required": ["events"], "properties": {"events": events}}
    return {**components, "AgentEvents": {**batch, "description": "Events of one device, in any order."}}


def _seconds_of(components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schema of every field that has seconds."""
    for name, field in components[CallEvent.__name__]["properties"].items():
        if name.endswith("_seconds"):
            yield field
    yield from components[SecondsOfFeatures.__name__]["properties"].values()


def _content(name: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": _REF.format(name=name)}}}
