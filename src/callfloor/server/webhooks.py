"""Webhooks wired to what happens: the follower that tells endpoints of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from callfloor.conversations_api.webhook_records import conversation_record
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import USUAL_PRIORITY
from callfloor.foundation.outbox import Event, Follower, NumberedEvent
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.webhooks.catalog import TYPES_BY_KIND, EventType
from callfloor.webhooks.deliveries import Happened, deliver_event

FOLLOW_SECONDS = 0.25


def webhook_rounds(services: Services) -> Rounds:
    """Return the rounds that tell endpoints what happened."""
    verb = functools.partial(tell_endpoints, settings=services.settings)
    follower = Follower("webhooks", TYPES_BY_KIND, verb)
    return Rounds("webhooks", functools.partial(follower.follow, services.db), every_seconds=FOLLOW_SECONDS)


def tell_endpoints(tx: Tx, numbered: NumberedEvent, *, settings: Settings) -> None:
    """Add what is to be delivered of one event."""
    event = numbered.event
    if event.team_id is None:
        return
    event_type = TYPES_BY_KIND[event.kind]
    happened = functools.partial(_happened, tx, event, event_type, settings)
    deliver_event(tx, event.team_id, event_type, happened, at=event.at, only=event.payload.get("endpoints"))


def _happened(tx: Tx, event: Event, event_type: EventType, settings: Settings) -> Happened | None:
    team_id = event.team_id or 0
    content: Any = {"id": event.subject, "occurred_at": iso(event.at), **_written(event.payload)}
    if event_type.is_record:
        content = conversation_record(tx, team_id, event_type.key, event.subject, settings=settings, now=event.at)
    if content is None:
        return None
    priority = event.payload.get("priority", USUAL_PRIORITY) if event_type.is_record else USUAL_PRIORITY
    return Happened(team_id, event_type, f"{event_type.key} {event.subject}", content, event.at, priority)


def _written(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event says with its instants as the APIs write them: their names end in `_at`, or are `since`."""
    is_instant = {name: isinstance(value, int) and name.endswith(("_at", "since")) for name, value in payload.items()}
    return {name: iso(value) if is_instant[name] else value for name, value in payload.items()}
