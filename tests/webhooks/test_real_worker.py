"""A real server and its worker: what happens is told, and no kill loses it or changes a byte of it."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.server import environment, running_server
from tests.webhooks.receiver import Came, Receiver

ALLOWED = {"CALLFLOOR_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8", "CALLFLOOR_OUTGOING_PLAIN_HTTP": "true"}


def command(data: Path, database_url: str, *arguments: str) -> dict[str, Any]:
    """Run one command of the product; returns what it prints."""
    program = [sys.executable, "-m", "callfloor.server.cli", *arguments]
    where = ["--data", str(data), "--database", database_url, "--json"]
    ran = subprocess.run([*program, *where], capture_output=True, text=True, check=True, env=environment(ALLOWED))
    printed: dict[str, Any] = json.loads(ran.stdout)
    return printed


@pytest.fixture
def keys(data: Path, fresh_database_url: str) -> dict[str, str]:
    """A team's keys of the Callfloor API and of the Portal API."""
    team = str(
        command(data, fresh_database_url, "team", "create", "Hooks", "--type", "device", "--seats", "2")["team_id"]
    )
    secrets = {}
    for kind in ("api", "portal"):
        given = command(data, fresh_database_url, "key", "create", "--team", team, "--kind", kind, "--name", kind)
        secrets[kind] = given["token"] if kind == "api" else given["secret"]
    return secrets


def test_nothing_is_lost_when_the_worker_is_killed_while_it_sends(
    data: Path, fresh_database_url: str, keys: dict[str, str], receiver: Receiver
) -> None:
    """The receiver kills the worker during each of the first three requests; all are sent again, byte for byte."""
    with running_server(data, database_url=fresh_database_url, settings=ALLOWED) as server, server.client() as http:
        asked = itertools.count(1)

        def answer(_: Came) -> tuple[int, dict[str, str], bytes]:
            if next(asked) <= 3:
                for worker in psutil.Process(server.process.pid).children():
                    worker.kill()
            return 200, {}, b""

        receiver.answers = answer
        bearer = {"Authorization": f"Bearer {keys['api']}"}
        wanted = {"url": receiver.url, "events": ["seat_added"]}
        assert http.post("/api/v2/webhooks", json=wanted, headers=bearer).status_code == 201
        for _ in range(3):
            added = http.post("/api/v1/seats", json={"count": 1}, auth=("portal", keys["portal"]))
            assert added.json()["code"] == 0, added.text

        came = receiver.wait_for(6)
        server.stop(signal.SIGTERM)

    bodies: dict[str, set[bytes]] = {}
    for one in came:
        bodies.setdefault(one.headers["webhook-id"], set()).add(one.body)
    assert len(bodies) == 3
    assert all(len(sent) == 1 for sent in bodies.values())
