"""The live stream of real servers: two on one database, cuts, ends of keys, a stop."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, DeleteKey, create_key, delete_key
from callfloor.access.scopes import Scope
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_id, new_secret
from tests.conftest import DATABASES
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.live.events import watching
from tests.support.server import Server, running_server

KEY = "a key of the tests, thirty-two characters and more"
SETTINGS = {"CALLFLOOR_SECRET_KEY": KEY, "CALLFLOOR_RATE_LIMIT_STORE": "database"}


class Floor:
    """A device team with one device, on a database of two servers; only the first has a worker."""

    def __init__(self, db: Database, one: Server, other: Server) -> None:
        self.db, self.one, self.other = db, one, other
        self.team: DeviceTeam = make_device_team(db, seats=3, hash_key=KEY.encode())
        self.token = new_secret()
        self.device_id = log_in(db, self.team, machine(1), token=self.token).device_id
        self.key_id, self.headers = self.key()

    def key(self) -> tuple[int, dict[str, str]]:
        """Make a key that may read live state; return its id and the header it signs in by."""
        secret = new_secret()
        hashed, scopes = keyed_hash(secret, key=KEY.encode()), (Scope.LIVE_READ.value,)
        command = CreateKey(self.team.id, KeyKind.API, new_id(), hashed, OPERATOR, clock.now(), scopes=scopes)
        made = self.db.write_now(functools.partial(create_key, command=command))
        return made.id, {"Authorization": f"Bearer {secret}"}

    def send(self, server: Server, state: str) -> None:
        """Let the device's agent report a state to the server."""
        event = {"id": new_id(), "at": iso(clock.now()), "kind": "state", "state": state}
        more = {"reason": None, "call": None, "mic": None, "speaker": None}
        with server.client() as client:
            headers = {"Authorization": f"Bearer {self.token}"}
            answer = client.post("/api/v2/agent/events", headers=headers, json={"events": [{**event, **more}]})
        assert answer.json()["accepted"] == 1, answer.text

    def tells(self, state: str) -> Any:
        """Return whether an event tells that the device is in the state."""
        return lambda event: event.state_of(self.device_id) == state


@pytest.fixture(scope="module", params=DATABASES)
def url(request: pytest.FixtureRequest) -> str:
    """A database of this module alone."""
    name = "sqlite_template" if request.param == "sqlite" else "postgres_template"
    fresh: str = request.getfixturevalue(name).fresh_url()
    return fresh


@pytest.fixture(scope="module")
def servers(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """Two servers on one database; only the first has a worker."""
    data = tmp_path_factory.mktemp("servers")
    with (
        running_server(data / "one", database_url=url, settings=SETTINGS) as one,
        running_server(data / "other", "--no-worker", database_url=url, settings=SETTINGS) as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def db(url: str, servers: tuple[Server, Server]) -> Iterator[Database]:  # a server is there first
    """Their database, opened."""
    database = open_database(url)
    yield database
    database.close_now()


@pytest.fixture
def floor(db: Database, servers: tuple[Server, Server]) -> Floor:
    """A team of its own for each test."""
    return Floor(db, *servers)


def test_what_one_server_hears_is_seen_at_the_other_and_after_a_cut_nothing_is_missed(floor: Floor) -> None:
    with floor.other.client() as client:
        with watching(client, floor.headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["x-accel-buffering"] == "no"
            first = stream.next()
            floor.send(floor.one, "online")
            *_, last = stream.until(floor.tells("online"))
        assert first is not None
        assert first.kind == "ready"
        floor.send(floor.one, "in_call")
        floor.send(floor.other, "unhealthy")

        with watching(client, floor.headers, Last_Event_ID=str(last.id)) as stream:
            floor.send(floor.one, "online")
            seen = stream.until(floor.tells("online"))

    assert {event.kind for event in seen} == {"changes"}
    assert seen[0].state_of(floor.device_id) in {"unhealthy", "online"}
    assert [event.id for event in seen] == sorted({event.id for event in seen})
    assert seen[0].id > last.id


def test_a_blocked_device_is_told_as_removed_and_a_new_one_as_there(floor: Floor) -> None:
    with floor.other.client() as client, watching(client, floor.headers) as stream:
        stream.next()
        new = log_in(floor.db, floor.team, machine(2)).device_id
        stream.until(lambda event: event.state_of(new) == "unavailable")
        change = ChangeDevice(floor.team.id, new, OPERATOR, clock.now())
        floor.db.write_now(functools.partial(block_device, command=change))

        stream.until(lambda event: new in event.data.get("removed", ()))


def test_a_place_that_is_ahead_is_told_to_read_anew(floor: Floor) -> None:
    with floor.other.client() as client, watching(client, floor.headers, after=10**6) as stream:
        event = stream.next()

    assert event is not None
    assert event.kind == "reset"
    assert event.id < 10**6


def test_ends_with_its_key_and_not_with_another(floor: Floor) -> None:
    other_id, headers = floor.key()
    with (
        floor.one.client() as client,
        watching(client, floor.headers) as lasting,
        watching(client, headers) as ending,
    ):
        ending.next()
        gone = DeleteKey(floor.team.id, other_id, OPERATOR, clock.now())
        floor.db.write_now(functools.partial(delete_key, command=gone))

        ending.wait_for_the_end()

        floor.send(floor.one, "in_call")
        lasting.until(floor.tells("in_call"))


def test_does_not_keep_a_server_from_stopping(floor: Floor, url: str, tmp_path: Path) -> None:
    # With an hour's grace, a stop that waited for a stream would miss the deadline.
    patient = {**SETTINGS, "CALLFLOOR_SHUTDOWN_GRACE_SECONDS": "3600"}
    with (
        running_server(tmp_path, "--no-worker", database_url=url, settings=patient) as server,
        server.client() as client,
        watching(client, floor.headers) as stream,
    ):
        stream.next()

        assert server.stop() == 0
        stream.wait_for_the_end()


def test_is_packed_for_who_unpacks_it(floor: Floor) -> None:
    with (
        floor.one.client() as client,
        watching(client, floor.headers) as packed,
        watching(client, floor.headers, Accept_Encoding="identity") as unpacked,
    ):
        floor.send(floor.one, "unhealthy")
        ends = [stream.until(floor.tells("unhealthy"))[-1] for stream in (packed, unpacked)]

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in unpacked.headers

    assert ends[0] == ends[1]


def test_needs_a_key_that_may(floor: Floor) -> None:
    with floor.one.client() as client:
        refused = client.get("/api/v2/live/stream")
        wrong = client.get("/api/v2/live/stream", headers={**floor.headers, "Last-Event-ID": "newest"})

    assert (refused.status_code, refused.json()["code"]) == (401, "not_signed_in")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "Last-Event-ID")
