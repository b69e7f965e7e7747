"""Webhooks wired to what happens: the follower that tells endpoints of it, and the catalog of what they can be told."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations_api.webhook_records import conversation_record, record_schema
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Tx
from callfloor.foundation.outbox import Event, Follower, NumberedEvent
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.foundation.web import Shape
from callfloor.webhooks.catalog import CATALOG, TEST_EVENT, TYPES_BY_KIND, EventType
from callfloor.webhooks.deliveries import Happened, deliver_event

router = APIRouter(tags=["Webhooks"])

FOLLOW_SECONDS = 0.25
_CONVERSATIONS = frozenset({"call", "meeting"})

Reader = Annotated[Caller, needs(Scope.WEBHOOKS_READ)]


class EventShown(Shape):
    """An event that a webhook can be told of, and the JSON Schema (2020-12) of the body."""

    name: str
    description: str
    body_schema: dict[str, Any]


class EventCatalog(Shape):
    """Every event, those of conversations first."""

    data: list[EventShown]


@router.get("/webhook-events", operation_id="list_webhook_events")
async def list_webhook_events(_caller: Reader) -> EventCatalog:
    """List every event that a webhook can be told of."""
    return _catalog()


@functools.cache
def _catalog() -> EventCatalog:
    shown = [
        EventShown(name=one.name, description=one.about, body_schema=one.schema(_content_schema(one)))
        for one in (*CATALOG.values(), TEST_EVENT)
    ]
    return EventCatalog(data=shown)


def _content_schema(event_type: EventType) -> dict[str, Any] | None:
    return record_schema(event_type.key) if event_type.key in _CONVERSATIONS else None


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
    deliver_event(tx, event.team_id, event_type, lambda: _happened(tx, event, event_type, settings), at=event.at)


def _happened(tx: Tx, event: Event, event_type: EventType, settings: Settings) -> Happened | None:
    team_id = event.team_id or 0
    content: Any = {"id": event.subject, "occurred_at": iso(event.at), **event.payload}
    if event_type.key in _CONVERSATIONS:
        content = conversation_record(tx, team_id, event_type.key, event.subject, settings=settings, now=event.at)
    if content is None:
        return None
    return Happened(team_id, event_type, f"{event_type.key} {event.subject}", content, event.at)
