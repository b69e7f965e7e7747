"""The machines of a call centre join, work, are shut out and let in again: a real server, HTTPS, the command line."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database
from tests.contracts.portal_client import PortalClient
from tests.devices.looking import assert_seats_are_held_by_devices
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.factories.teams import make_portal_key
from tests.support.server import DEADLINE_SECONDS, Server, run_command, running_server
from tests.teams.counting import assert_counts_hold

LOGIN, LOGOUT = "/api/v2/agent/login", "/api/v2/agent/logout"


@dataclasses.dataclass(frozen=True)
class Place:
    """A running server, a client of it, and its database as another process sees it."""

    server: Server
    http: httpx.Client
    db: Database
    where: tuple[str, ...]

    @property
    def hash_key(self) -> bytes:
        """Return the key of the installation's keyed hashes."""
        return (self.server.data / "secret.key").read_bytes().strip()

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run `callfloor` and return the one object it prints."""
        run = run_command(*arguments, "--json", *self.where)
        assert run.returncode == 0, run.stderr
        answer: dict[str, Any] = json.loads(run.stdout)
        return answer

    def portal(self, team: DeviceTeam) -> PortalClient:
        """Return the client of a new Portal key of the team."""
        key = make_portal_key(self.db, team.team, hash_key=self.hash_key)
        return PortalClient(self.http, key.name, key.secret)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server on a data folder that was empty, SQLite or PostgreSQL."""
    url = request.getfixturevalue("postgres_template").fresh_url() if request.param == "postgresql" else None
    data = tmp_path_factory.mktemp("devices") / "data"
    settings = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "100000"}
    with (
        running_server(data, "--no-worker", database_url=url, settings=settings) as server,
        server.client() as http,
    ):
        db = open_database(url or f"sqlite:///{data / 'callfloor.db'}")
        where = ("--data", str(data), *(() if url is None else ("--database", url)))
        yield Place(server, http, db, where)
        db.close_now()


def body(secret: str, number: int | str) -> dict[str, str]:
    """Return the body of a machine's log-in."""
    names = {"machine_id": f"machine-{number}", "hostname": f"WS-{number}", "username": "ada"}
    return {"team_secret": secret, **names, "os": "windows", "os_version": "11", "app_version": "1.0.0"}


def test_a_team_of_machines(place: Place, tmp_path: Path) -> None:
    made = place.command("team", "create", "Sales", "--type", "device", "--seats", "2")
    team, secret_file = str(made["team_id"]), tmp_path / "roll-out" / "team.secret"
    rotated = place.command("team", "secret", team, "--rotate", "--file", str(secret_file))
    key = place.command("key", "create", "--team", team, "--kind", "portal", "--name", "Büro")
    client = PortalClient(place.http, key["name"], key["secret"])
    secret = secret_file.read_text().strip()
    assert (secret, rotated["file"]) == (rotated["device_secret"], str(secret_file))
    assert stat.S_IMODE(secret_file.stat().st_mode) == 0o600
    assert place.http.post(LOGIN, json=body(made["device_secret"], 1)).status_code == 401

    one, two = (place.http.post(LOGIN, json=body(secret, number)).json() for number in (1, 2))
    refused = place.http.post(LOGIN, json=body(secret, 3))

    assert (refused.status_code, refused.json()["error_code"]) == (409, "NOT_EMPTY_SEAT")
    rows = list(client.every_seat(status="assigned", hostname="ws-"))
    assert [(row["id"], row["hostname"]) for row in rows] == [(one["seat_id"], "WS-1"), (two["seat_id"], "WS-2")]
    assert client.delete_seat(one["seat_id"]).error == "SEAT_IS_NOT_EMPTY"

    assert client.block(one["seat_id"]).error is None
    assert client.block(one["seat_id"]).error == "SEAT_IS_EMPTY"
    signed_in = {"Authorization": f"Bearer {one['token']}"}
    for answer in (place.http.post(LOGIN, json=body(secret, 1)), place.http.post(LOGOUT, headers=signed_in)):
        assert (answer.status_code, answer.json()["code"]) == (403, "device_blocked")
    (entry,) = client.blocked(qs="ws-1").data["rows"]
    assert (entry["hostname"], entry["blocked_by"]) == ("WS-1", "Büro")
    assert client.blocked(qs="ws-2").data["count"] == 0
    three = place.http.post(LOGIN, json=body(secret, 3)).json()
    assert three["seat_id"] == one["seat_id"]

    assert client.unblock(entry["id"]).error is None
    assert client.unblock(entry["id"]).error == "NOT_FOUND"
    assert place.http.post(LOGIN, json=body(secret, 1)).json()["code"] == "no_empty_seat"
    assert client.add_seats(1).error is None
    again = place.http.post(LOGIN, json=body(secret, 1)).json()
    assert (again["device_id"], again["token"] == one["token"]) == (one["device_id"], False)
    assert place.http.post(LOGOUT, headers={"Authorization": f"Bearer {again['token']}"}).status_code == 204
    assert client.seats(status="assigned").data["count"] == 3
    assert secret not in "".join(place.server.lines)


def test_a_secret_whose_file_cannot_be_written_is_still_shown(place: Place, tmp_path: Path) -> None:
    team = make_device_team(place.db, seats=1, hash_key=place.hash_key)
    (tmp_path / "file").write_text("")

    wrong = str(tmp_path / "file" / "team.secret")
    run = run_command("team", "secret", str(team.id), "--rotate", "--file", wrong, "--json", *place.where)

    assert (run.returncode, "team.secret" in run.stderr or "file" in run.stderr) == (1, True)
    fresh = json.loads(run.stdout)["device_secret"]
    assert place.http.post(LOGIN, json=body(fresh, 1)).status_code == 200


def test_a_thousand_machines_for_a_hundred_seats(place: Place) -> None:
    """Twenty of the machines are blocked: they are told so, and never seated."""
    team = make_device_team(place.db, seats=100, hash_key=place.hash_key)
    for number in range(20):
        known = log_in(place.db, team, machine(number, hostname=f"WS-{number}"))
        command = ChangeDevice(team.id, known.device_id, OPERATOR, clock.now())
        place.db.write_now(functools.partial(block_device, command=command))

    answers = asyncio.run(at_once(place.server, [body(team.secret, number) for number in range(1000)]))

    codes = Counter(answer.json().get("code", "seated") for answer in answers)
    assert codes == {"seated": 100, "device_blocked": 20, "no_empty_seat": 880}
    seated = {number: answer.json() for number, answer in enumerate(answers) if answer.status_code == 200}
    assert min(seated) >= 20
    assert len({one["seat_id"] for one in seated.values()}) == len({one["device_id"] for one in seated.values()}) == 100
    again = asyncio.run(at_once(place.server, [body(team.secret, number) for number in seated]))
    assert [answer.json()["seat_id"] for answer in again] == [one["seat_id"] for one in seated.values()]
    assert place.portal(team).seats(status="assigned").data["count"] == 100
    assert_counts_hold(place.db, team.id)
    assert_seats_are_held_by_devices(place.db, team.id)
    assert not place.server.events("request_failed")


def test_who_is_blocked_while_logging_in_does_not_sit(place: Place) -> None:
    team = make_device_team(place.db, seats=3, hash_key=place.hash_key)
    client = place.portal(team)
    seat_id = place.http.post(LOGIN, json=body(team.secret, 1)).json()["seat_id"]

    with ThreadPoolExecutor(9) as pool:
        logins = [pool.submit(place.http.post, LOGIN, json=body(team.secret, 1)) for _ in range(4)]
        blocking = pool.submit(client.block, seat_id)
        logins += [pool.submit(place.http.post, LOGIN, json=body(team.secret, 1)) for _ in range(4)]

    assert blocking.result().error is None
    assert {one.result().status_code for one in logins} <= {200, 403}
    assert client.seats(status="assigned").data["count"] == 0
    assert client.blocked().data["count"] == 1
    for one in logins:
        if one.result().status_code == 200:
            token = {"Authorization": f"Bearer {one.result().json()['token']}"}
            assert place.http.post(LOGOUT, headers=token).status_code in {401, 403}
    assert place.http.post(LOGIN, json=body(team.secret, 1)).json()["code"] == "device_blocked"
    assert_counts_hold(place.db, team.id)


async def at_once(server: Server, bodies: list[dict[str, str]]) -> list[httpx.Response]:
    """Send all log-ins at the same moment, over a hundred connections."""
    limits, connections = httpx.Limits(max_connections=100), asyncio.Semaphore(100)
    async with httpx.AsyncClient(
        base_url=server.url, verify=server.trust(), timeout=2 * DEADLINE_SECONDS, limits=limits, trust_env=False
    ) as client:

        async def send(one: dict[str, str]) -> httpx.Response:
            async with connections:  # the client's own queue takes time by the square of its length
                return await client.post(LOGIN, json=one)

        return await asyncio.gather(*map(send, bodies))
