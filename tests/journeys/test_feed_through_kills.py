"""A copy kept by the feed of changes alone ends equal to the list, though server and worker are killed meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil
import pytest

from callfloor.foundation.database import open_database
from tests.conversations_api.waiting import NAP_SECONDS
from tests.factories.audio import make_wav
from tests.factories.teams import make_api_key, make_conversations_key, make_team
from tests.support.background import Background
from tests.support.history_trial import UNLIMITED
from tests.support.history_walk import ContractClient, FeedCopy, Record
from tests.support.server import DEADLINE_SECONDS, Server, running_server

pytestmark = pytest.mark.timeout(500)
KILLS = 8
PATH = "/api/v2/calls"
SETTINGS = {**UNLIMITED, "CALLFLOOR_SHUTDOWN_GRACE_SECONDS": "5"}
SCOPES = ("conversations:read", "conversations:write", "conversations:erase")


class Lives:
    """A server that is started again on the same port whenever it was killed, and its clients.

    Args:
        data: its data folder.
        database_url: of its database.
    """

    def __init__(self, data: Path, database_url: str) -> None:
        self._data, self._database_url = data, database_url
        self._life = contextlib.ExitStack()
        self.server = self._started()
        self._port = self.server.port
        db = open_database(database_url)
        team, hash_key = make_team(db), (data / "secret.key").read_bytes().strip()
        key = make_conversations_key(db, team, hash_key=hash_key)
        api_key = make_api_key(db, team.id, *SCOPES, hash_key=hash_key)
        db.close_now()
        self.contract = self._life.enter_context(self.server.client(headers=key.headers))
        self.api = self._life.enter_context(self.server.client(headers=api_key))

    def _started(self, *options: str) -> Server:
        server = running_server(self._data, *options, database_url=self._database_url, settings=SETTINGS)
        return self._life.enter_context(server)

    def kill_worker(self) -> None:
        """Kill the worker, which the server starts again."""
        for worker in psutil.Process(self.server.process.pid).children():
            worker.kill()

    def kill_server(self) -> None:
        """Kill the server, whose worker ends with it, and start another."""
        self.server.process.kill()
        self.server.process.wait(DEADLINE_SECONDS)
        self.server = self._started("--port", str(self._port))

    def end(self) -> None:
        """Stop what runs."""
        self._life.close()


@pytest.fixture
def lives(tmp_path: Path, fresh_database_url: str) -> Iterator[Lives]:
    """A server that outlives its kills."""
    one = Lives(tmp_path / "data", fresh_database_url)
    yield one
    one.end()


def insisted(ask: Callable[[], httpx.Response], *statuses: int) -> Any:
    """Ask until an answer comes, as a client does whose server is away for a moment; return its body."""
    nap = threading.Event()
    for _ in range(int(DEADLINE_SECONDS / NAP_SECONDS)):
        try:
            answer = ask()
        except httpx.TransportError:
            nap.wait(NAP_SECONDS)
            continue
        if answer.status_code != 503:
            assert answer.status_code in statuses, answer.text
            return answer.json()
        nap.wait(NAP_SECONDS)
    raise AssertionError("the server never came back")


class Changes(Background):
    """Calls that come in, are changed, redacted, analyzed anew and erased, in the background until it is stopped."""

    def __init__(self, lives: Lives, random: Random) -> None:
        super().__init__()
        self._lives, self._random = lives, random
        self._numbers = itertools.count()
        self.calls: list[str] = []
        self.redacted: set[str] = set()
        self.erased: set[str] = set()

    def step(self) -> None:
        """Bring a call, change one, and sometimes redact one, have one analyzed anew, or erase one."""
        number = next(self._numbers)
        self._bring(number)
        self._change(number)
        if number % 5 == 1:
            self._redact()
        if number % 5 == 3:
            self._analyze_anew()
        if number % 5 == 4:
            self._erase()

    def _analyze_anew(self) -> None:
        call = self._any()
        # Nothing on this machine recognizes speech: it waits from now on, if it is not waiting yet, nor is silenced.
        insisted(lambda: self._lives.api.post(f"{PATH}/{call}/analysis", json={}), 202, 409)

    def _any(self) -> str:
        return self._random.choice([one for one in self.calls if one not in self.erased])

    def _bring(self, number: int) -> None:
        said = [{"speaker": "Cleo", "start": 0, "end": 1.5, "text": f"About number {number}."}]
        form = {"externalCallId": f"call-{number}", "transcript": json.dumps(said)}
        recording = [("file", ("a.wav", make_wav(), "audio/wav"))]
        made = insisted(lambda: self._lives.contract.post("/calls", data=form, files=recording), 200, 202)
        self.calls.append(made["id"])

    def _change(self, number: int) -> None:
        call = self._any()
        change = {"outcome": f"change {number}", "rating": 1 + number % 5}
        insisted(lambda: self._lives.api.patch(f"{PATH}/{call}", json=change), 200)

    def _redact(self) -> None:
        call = self._any()
        self.redacted.add(call)
        parts = {"intervals": [{"start": 0.1, "end": 0.2}]}
        insisted(lambda: self._lives.api.post(f"{PATH}/{call}/redactions", json=parts), 202)

    def _erase(self) -> None:
        call = self._any()
        self.erased.add(call)
        # Asked for a second time, it may be gone by then: the first request was heard.
        insisted(lambda: self._lives.api.post("/api/v2/erasures", json={"conversation_ids": [call]}), 202, 422)


def test_a_reader_that_only_follows_the_feed_has_what_the_list_has(lives: Lives) -> None:
    random = Random(7)  # noqa: S311  # which call, what to kill
    reader = FeedCopy(ContractClient(lives.contract), lives.api)
    with Changes(lives, random) as changes:
        for number in range(KILLS):
            wanted = len(changes.calls) + 6
            while len(changes.calls) < wanted and not changes.has_failed:
                follow(reader)
            (lives.kill_server if number % 2 else lives.kill_worker)()
    left = sorted(changes.redacted - changes.erased)
    while {one["state"] for one in receipts(lives) + redactions(lives, left)} != {"done"}:
        follow(reader)
    while follow(reader, wait_seconds=2):
        pass

    truth = {record["id"]: record for record in ContractClient(lives.contract).walked("calls", {}, 100)}
    assert {call: unsigned(one) for call, one in reader.records.items()} == {
        call: unsigned(one) for call, one in truth.items()
    }
    assert set(truth) == set(changes.calls) - changes.erased
    assert changes.erased
    assert left
    for call in left:
        shown = insisted(partial(lives.api.get, f"{PATH}/{call}"), 200)
        assert (shown["transcript"], shown["recording_url"] is None) == ([], False)


def unsigned(record: Record) -> Record:
    """Return a record with the address of its recording as it is without its signature, which is always another."""
    address = record["recordingRef"]
    return {**record, "recordingRef": address and address.partition("?")[0]}


def follow(reader: FeedCopy, *, wait_seconds: int = 0) -> bool:
    """Take over a page of changes; one that broke off is asked for again by the next."""
    try:
        return reader.follow(wait_seconds=wait_seconds)
    except httpx.TransportError:
        threading.Event().wait(NAP_SECONDS)
        return True


def redactions(lives: Lives, calls: list[str]) -> list[dict[str, Any]]:
    """Return the redactions of these calls."""
    pages = [insisted(partial(lives.api.get, f"{PATH}/{call}/redactions"), 200) for call in calls]
    return [one for page in pages for one in page["data"]]


def receipts(lives: Lives) -> list[dict[str, Any]]:
    """Return what became of the erasures."""
    page = insisted(lambda: lives.api.get("/api/v2/erasures", params={"limit": 200}), 200)
    assert page["next_cursor"] is None
    found: list[dict[str, Any]] = page["data"]
    return found


def test_a_reader_that_waits_is_answered_when_the_server_stops(lives: Lives) -> None:
    """It has no time to wait for the 30 seconds that were asked for, and does not break the answer off."""
    key = lives.api.headers["authorization"]
    asked = f"GET /api/v2/changes?wait=30 HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\n\r\n"
    plain = socket.create_connection(("127.0.0.1", lives.server.port), DEADLINE_SECONDS)
    with lives.server.trust().wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(asked.encode())
        # What comes later on another connection is read later.
        assert lives.api.get("/readyz").status_code == 200
        lives.server.process.terminate()
        answer = read_all(connection)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b'"data":[]' in answer


def read_all(connection: ssl.SSLSocket) -> bytes:
    """Return what comes until the connection ends."""
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer
