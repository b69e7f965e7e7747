"""The application on an event loop of its own, and clients of three teams' keys."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from pydantic import SecretStr

from callfloor.conversations_api import create_app
from callfloor.foundation.database import open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings, Upload
from callfloor.teams.teams import Team
from tests.factories.teams import ConversationsKey, make_conversations_key, make_person, make_team
from tests.support.server import Server, running_server

T = TypeVar("T")
UPLOAD_LIMIT = 4_000_000


class Loop:
    """An event loop in a thread, for code that lives on one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        """Stop the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Http:
    """A client of the application, with one key's headers."""

    def __init__(self, loop: Loop, app: Any, headers: dict[str, str]) -> None:
        self.loop = loop
        self._app = app
        self.headers = headers

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send one request."""
        return self.together([(method, path, request)])[0]

    def together(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Send several at the same moment."""
        return self.loop.run(self._send_all(requests))

    async def _send_all(self, requests: list[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="https://floor.example", headers=self.headers) as c:
            return await asyncio.gather(*(c.request(method, path, **request) for method, path, request in requests))

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Send a GET with query parameters."""
        return self.send("GET", path, params=params)

    def upload(self, content: bytes | None, *, filename: str = "call.wav", **fields: str) -> httpx.Response:
        """Send a multipart upload."""
        files = None if content is None else {"file": (filename, content, "application/octet-stream")}
        return self.send("POST", "/calls", files=files, data=fields)


@dataclasses.dataclass(frozen=True)
class Member:
    """A team, its key and the person who made it."""

    team: Team
    key: ConversationsKey
    account_id: int
    http: Http


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    """The loop the application runs on."""
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def services(database_url: str, loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The process's database, and files of our own."""
    settings = Settings(
        data=tmp_path_factory.mktemp("data"),
        secret_key=SecretStr("k" * 43),
        upload=Upload(max_bytes=UPLOAD_LIMIT),
    )
    services = Services(settings, open_database(database_url, strict_reads=True), open_files(settings))
    yield services
    loop.run(services.close())


@pytest.fixture
def member(services: Services, loop: Loop) -> Member:
    """A team of this test alone."""
    return make_member(services, loop)


@pytest.fixture
def http(member: Member) -> Http:
    """The team's client."""
    return member.http


@pytest.fixture
def stranger(services: Services, loop: Loop) -> Member:
    """Another team."""
    return make_member(services, loop)


@pytest.fixture
def kept_files(services: Services, member: Member) -> Callable[[], list[Path]]:
    """The team's files in the store, whole or partial."""
    folder = services.settings.data / "files"

    def files() -> list[Path]:
        own = folder / "recordings" / str(member.team.id)
        return [path for place in (own, folder / "_partial") for path in place.rglob("*") if path.is_file()]

    return files


def make_member(services: Services, loop: Loop) -> Member:
    """Make a team with a person and a key."""
    team = make_team(services.db, seats=2)
    person = make_person(services.db, team, email=f"maker-{team.id}@ours.example")
    key = make_conversations_key(services.db, team, hash_key=services.settings.hash_key, made_by=person.account_id)
    return Member(team, key, person.account_id, Http(loop, create_app(services), key.headers))


@pytest.fixture(scope="session")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, ConversationsKey]]:
    """A server of its own, and a key."""
    data = tmp_path_factory.mktemp("floor")
    services = open_services(Settings(data=data))
    team = make_team(services.db)
    key = make_conversations_key(services.db, team, hash_key=services.settings.hash_key)
    services.close_now()
    with running_server(data, "--no-worker") as server:
        yield server, key
