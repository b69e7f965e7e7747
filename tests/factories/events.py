"""Events as an agent sends them, and an agent that sends them."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

import httpx

from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_secret
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team

EVENTS = "/api/v2/agent/events"
Event = dict[str, Any]


def heartbeat(at: int | None = None, **changes: Any) -> Event:
    """Return a heartbeat, of now unless told."""
    return {"kind": "heartbeat", "id": str(uuid.uuid4()), "at": _iso(at), **changes}


def state(name: str = "online", at: int | None = None, **changes: Any) -> Event:
    """Return a state, from now on unless told."""
    return {"kind": "state", "id": str(uuid.uuid4()), "at": _iso(at), "state": name, **changes}


def call(started_at: int | None = None, *, seconds: int = 600, **changes: Any) -> Event:
    """Return a finished call of ten minutes that ended just now, unless told."""
    begin = clock.now() - seconds * 1000 if started_at is None else started_at
    plain = {
        "kind": "call",
        "id": str(uuid.uuid4()),
        "at": _iso(None),
        "call_id": str(uuid.uuid4()),
        "revision": 1,
        "app_name": "Softphone",
        "language": "en-US",
        "started_at": clock.iso(begin),
        "ended_at": clock.iso(begin + seconds * 1000),
        "mic_seconds": seconds // 2,
        "speaker_seconds": seconds // 3,
        "features": {"mic_noise_cancellation": seconds // 2},
    }
    return {**plain, **changes}


@dataclasses.dataclass(frozen=True)
class Agent:
    """A device that is logged in, and how it speaks."""

    team: DeviceTeam
    device_id: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the header it signs in by."""
        return {"Authorization": f"Bearer {self.token}"}

    def send(self, http: httpx.Client, *events: Event) -> dict[str, Any]:
        """Send the events and return what became of them; they must be taken."""
        answer = self.post(http, events)
        assert answer.status_code == 200, answer.text
        taken: dict[str, Any] = answer.json()
        return taken

    def post(self, http: httpx.Client, events: Sequence[Event]) -> httpx.Response:
        """Send the events and return the answer."""
        return http.post(EVENTS, headers=self.headers, json={"events": list(events)})


def make_agent(
    db: Database, team: DeviceTeam | None = None, number: int | str = 1, *, now: int | None = None, **facts: str
) -> Agent:
    """Log a machine in, in a team of its own unless told."""
    team = team or make_device_team(db, seats=1)
    token = new_secret()
    device = log_in(db, team, machine(number, **facts), now=now, token=token)
    return Agent(team, device.device_id, token)


def _iso(at: int | None) -> str:
    return clock.iso(clock.now() if at is None else at)
