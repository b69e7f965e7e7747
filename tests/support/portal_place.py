"""A running server with clients of its Portal API that remember where they went."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from callfloor.access.scopes import Scope
from callfloor.foundation.database import Database, open_database
from callfloor.teams.tables import Payment
from callfloor.teams.teams import Team
from tests.contracts.portal_client import Answer, PortalClient
from tests.factories.devices import make_device_team
from tests.factories.events import EVENTS
from tests.factories.teams import PortalKey, make_api_key, make_portal_key, make_team
from tests.support.server import Server, running_server

Met = set[tuple[str, str, str | None]]
"""Method, path, and the error's name or None."""


class Walker(PortalClient):
    """Remembers where it went and how it was answered."""

    def __init__(self, http: httpx.Client, key: PortalKey, met: Met) -> None:
        super().__init__(http, key.name, key.secret)
        self.http = http
        self.met = met

    def call(self, method: str, path: str, **request: Any) -> Answer:
        answer = super().call(method, path, **request)
        self.met.add((method, re.sub(r"/\d+$", "/:id", path), answer.error))
        return answer


@dataclasses.dataclass(frozen=True)
class Known:
    """A team, and what its machines join by."""

    team: Team
    device_secret: str


@dataclasses.dataclass(frozen=True)
class Place:
    """A running server, a client of it, and its database as the operator's command line sees it."""

    server: Server
    http: httpx.Client
    db: Database

    @property
    def hash_key(self) -> bytes:
        """Return the key of the installation's keyed hashes."""
        return (self.server.data / "secret.key").read_bytes().strip()

    def team(self, type_: str, *, seats: int = 0, payment: Payment = Payment.CARD) -> Known:
        """Make a team."""
        if type_ == "device":
            made = make_device_team(self.db, seats=seats, payment=payment, hash_key=self.hash_key)
            return Known(made.team, made.secret)
        return Known(make_team(self.db, seats=seats, payment=payment), "")

    def walker(self, team: Known, met: Met | None = None, name: str = "walker") -> Walker:
        """Return a walker with a new key of the team."""
        key = make_portal_key(self.db, team.team, hash_key=self.hash_key, name=name)
        return Walker(self.http, key, set() if met is None else met)

    def api(self, team: Known, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Do by the Callfloor API what the Portal API has no endpoint for."""
        headers = make_api_key(self.db, team.team.id, *Scope, hash_key=self.hash_key)
        answer = self.http.request(method, f"/api/v2{path}", headers=headers, **request)
        assert answer.is_success, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def log_in(self, team: Known, number: int) -> dict[str, Any]:
        """Log a machine of a device team in."""
        body = {"team_secret": team.device_secret, **machine(number)}
        answer = self.http.post("/api/v2/agent/login", json=body)
        assert answer.status_code == 200, answer.text
        device: dict[str, Any] = answer.json()
        return device

    def report(self, device: dict[str, Any], *events: dict[str, Any]) -> None:
        """Send events as the device's agent."""
        headers = {"Authorization": f"Bearer {device['token']}"}
        answer = self.http.post(EVENTS, headers=headers, json={"events": list(events)})
        assert answer.json()["accepted"] == len(events), answer.text


def machine(number: int) -> dict[str, str]:
    """Return how a machine describes itself."""
    names = {"machine_id": str(uuid.uuid4()), "hostname": f"WS-{number}", "username": "ada"}
    return {**names, "os": "windows", "os_version": "11", "app_version": "1.0.0"}


@contextlib.contextmanager
def place_of(data: Path, database_url: str | None, **settings: str) -> Iterator[Place]:
    """Run a server."""
    with (
        running_server(data, "--no-worker", database_url=database_url, settings=settings) as server,
        server.client() as http,
    ):
        db = open_database(database_url or f"sqlite:///{data / 'callfloor.db'}")
        yield Place(server, http, db)
        db.close_now()
