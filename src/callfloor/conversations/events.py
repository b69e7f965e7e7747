"""What is told of a conversation's way through its analysis to whoever listens."""

from __future__ import annotations

from typing import Any

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import USUAL_PRIORITY
from callfloor.foundation.outbox import Event, publish


def tell(  # what, of which one, when, and how urgent
    tx: Tx, kind: str, team_id: int, conversation_id: str, *, now: Millis, priority: int = USUAL_PRIORITY
) -> None:
    """Publish that something happened to a conversation.

    Args:
        kind: `call.analyzed`, for example.
        priority: of the work that follows from it: what is told of years before waits behind what is told of today.
    """
    payload: dict[str, Any] = {"id": conversation_id}
    if priority != USUAL_PRIORITY:
        payload["priority"] = priority
    publish(tx, Event(kind=kind, team_id=team_id, subject=conversation_id, payload=payload, at=now))
