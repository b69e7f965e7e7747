"""A real Callfloor server with a device team, and what its Portal API shows of one machine."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from agent_support import DEADLINE_SECONDS
from callfloor.foundation.database import open_database
from tests.factories.devices import make_device_team
from tests.factories.teams import make_portal_key
from tests.support.server import Server, running_server

MANY = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "1000000"}
"""The tests ask often, to see a state as soon as it is there."""


class Floor:
    """The data of a server, which may run or not; always on the same port once it ran."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.secret_file = folder / "team.secret"
        self.server: Server | None = None
        self._port = 0
        self._key = ("", "")

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Run the server; it is stopped at the end, if it still runs."""
        with running_server(self.data, "--no-worker", "--port", str(self._port), settings=MANY) as self.server:
            self._port = self.server.port
            if not self.secret_file.exists():
                self._furnish()
            yield self.server

    def _furnish(self) -> None:
        db = open_database(f"sqlite:///{self.data / 'callfloor.db'}")
        hash_key = (self.data / "secret.key").read_bytes().strip()
        team = make_device_team(db, seats=3, hash_key=hash_key)
        key = make_portal_key(db, team.team, hash_key=hash_key)
        db.close_now()
        self._key = (key.name, key.secret)
        self.secret_file.write_text(team.secret)

    def settings(self, folder: Path, **more: object) -> dict[str, object]:
        """Return the settings of an agent of this floor that keeps its state in the folder."""
        assert self.server is not None
        return {
            "server": self.server.url,
            "ca_file": self.server.authority,
            "team_secret_file": self.secret_file,
            "state_dir": folder,
            "hostname": "ws-1",
            "machine_id": "m-1",
            "username": "ada",
            "audio": "false",
            "look_seconds": 0.5,
            "retry_longest_seconds": 1,
            "retry_slow_seconds": 1,
            **more,
        }

    def ask(self, method: str, path: str, **query: str) -> Any:
        """Return the data of a Portal API's answer."""
        assert self.server is not None
        with self.server.client(auth=self._key) as client:
            answer = client.request(method, path, params=query)
        assert answer.status_code == httpx.codes.OK, answer.text
        return answer.json()["data"]

    def monitored(self) -> dict[str, Any]:
        """Return the row of the machine, {} before it is there."""
        rows = self.ask("GET", "/api/v1/analytics/monitoring")["rows"]
        return dict(rows[0]) if rows else {}

    def used(self) -> dict[str, Any]:
        """Return the machine's usage of these days, {} without any."""
        today = datetime.datetime.fromtimestamp(time.time_ns() / 1e9, tz=datetime.UTC).date()  # noqa: TID251  # the edge
        day = datetime.timedelta(days=1)
        period = {"from": str(today - day), "to": str(today), "cadence": "monthly"}
        rows = self.ask("GET", "/api/v1/analytics/usage", group_by="device", **period)["rows"]
        return {"calls": sum(row["calls"] for row in rows), **(rows[0] if len(rows) == 1 else {})}

    def wait_for_state(self, state: str) -> dict[str, Any]:
        """Return the machine's row once it is in the state."""
        row: dict[str, Any] = until(self.monitored, lambda row: row.get("state") == state)
        return row


def until(look: Callable[[], Any], is_so: Callable[[Any], object]) -> Any:
    """Return what is looked at, once it is so."""
    pause, deadline = threading.Event(), time.monotonic() + DEADLINE_SECONDS
    while True:
        seen = look()
        if is_so(seen):
            return seen
        assert time.monotonic() < deadline, f"it stays {seen}"
        pause.wait(0.1)
