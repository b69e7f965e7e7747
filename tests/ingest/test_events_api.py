"""`POST /api/v2/agent/events` by its contract."""

from __future__ import annotations

import httpx

from callfloor.foundation.database import Database
from tests.factories.events import call, heartbeat, make_agent, state


def test_a_batch_is_taken_once(db: Database, http: httpx.Client) -> None:
    agent = make_agent(db)
    events = [
        heartbeat(),
        state("in_call", call={"app_name": "Softphone", "started_at": "2026-11-20T10:00:00Z"}),
        call(),
    ]

    first, second = agent.send(http, *events), agent.send(http, *events)

    assert first == {"accepted": 3, "duplicates": 0, "rejected": [], "heartbeat_seconds": 30}
    assert second == {"accepted": 1, "duplicates": 2, "rejected": [], "heartbeat_seconds": 30}
