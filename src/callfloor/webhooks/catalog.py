"""Every event that an endpoint can be told of."""

from __future__ import annotations

import dataclasses
from typing import Any

TEST = "test"
CONVERSATIONS = frozenset({"call", "meeting"})


@dataclasses.dataclass(frozen=True, slots=True)
class EventType:
    """An event by its name on the wire; its content stands in the body under `key`."""

    name: str
    kind: str
    """In the outbox."""
    key: str
    about: str

    @property
    def is_record(self) -> bool:
        """Return whether its content is the record of a conversation."""
        return self.key in CONVERSATIONS and not self.kind.endswith(".erased")

    def schema(self, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON Schema of the body, given that of its content; definitions stand at the root."""
        inner = dict(content or _CONTENT)
        definitions = inner.pop("$defs", None)
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.about,
            "type": "object",
            "required": ["eventType", self.key],
            "properties": {"eventType": {"const": self.name}, self.key: inner},
            **({"$defs": definitions} if definitions else {}),
        }


_CONTENT: dict[str, Any] = {
    "type": "object",
    "description": "What it happened to, and what changed.",
    "required": ["id", "occurred_at"],
    "properties": {"id": {"type": "string"}, "occurred_at": {"type": "string", "format": "date-time"}},
    "additionalProperties": True,
}


def _event(kind: str, about: str) -> EventType:
    return EventType(kind.replace(".", "_"), kind, kind.partition(".")[0], about)


CATALOG = {
    one.name: one
    for one in (
        _event("meeting.analyzed", "A meeting was analyzed, or analyzed anew."),
        _event("call.analyzed", "A call was analyzed, or analyzed anew."),
        _event("meeting.received", "A meeting came in; its analysis is still to come."),
        _event("call.received", "A call came in; its analysis is still to come."),
        _event("meeting.failed", "A meeting could not be analyzed; its record says why."),
        _event("call.failed", "A call could not be analyzed; its record says why."),
        _event("meeting.edited", "Somebody changed a meeting: its name, outcome, rating, comments, names, references."),
        _event("call.edited", "Somebody changed a call: its name, outcome, rating, comments, names, references."),
        _event("meeting.redacted", "Parts of a meeting were taken out: nobody hears or reads them again."),
        _event("call.redacted", "Parts of a call were taken out: nobody hears or reads them again."),
        _event("meeting.erased", "A meeting was erased; nothing is left but its id and that of the receipt."),
        _event("call.erased", "A call was erased; nothing is left but its id and that of the receipt."),
        _event("seat.added", "Seats were added to the team."),
        _event("seat.deleted", "A seat was deleted."),
        _event("seat.assigned", "A person or a device sits on a seat."),
        _event("seat.freed", "A seat is free again."),
        _event("membership.created", "A person belongs to the team."),
        _event("membership.changed", "A person's role changed."),
        _event("membership.ended", "A person belongs to the team no longer."),
        _event("invitation.created", "A person was invited."),
        _event("invitation.accepted", "An invitation was accepted."),
        _event("invitation.revoked", "An invitation was revoked."),
        _event("invitation.expired", "An invitation was not accepted in time."),
        _event("device.enrolled", "A machine joined the team."),
        _event("device.blocked", "A device was blocked."),
        _event("device.unblocked", "A device may log in again."),
        _event("device.conflicted", "Two hosts came with one machine id."),
        _event("device.state_changed", "A device has been in another state for a while."),
        _event("key.created", "An API key was created."),
        _event("key.rotated", "An API key has a new secret."),
        _event("key.deleted", "An API key was deleted."),
    )
}
TYPES_BY_KIND = {one.kind: one for one in CATALOG.values()}
TEST_EVENT = EventType(TEST, TEST, TEST, "Sent by hand, to see whether an endpoint takes what it is told.")
