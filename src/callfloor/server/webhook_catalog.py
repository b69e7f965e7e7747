"""`/api/v2/webhook-events`: what webhooks can be told, and the schema of each body."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations_api.webhook_records import record_schema
from callfloor.foundation.web import Shape
from callfloor.webhooks.catalog import CATALOG, TEST_EVENT, EventType

router = APIRouter(tags=["Webhooks"])

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
    return record_schema(event_type.key) if event_type.is_record else None
