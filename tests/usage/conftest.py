"""The Callfloor API in this process, over both databases, asked with a key that may read usage."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from callfloor.teams.teams import Team
from tests.factories.devices import HASH_KEY
from tests.portal_api.in_process import LoopTransport

ClientOf = Callable[[Team], httpx.Client]


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """The one event loop that reads: connections of a pool belong to the loop that opened them."""
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="session")
def db(database_url: str, runner: asyncio.Runner) -> Iterator[Database]:
    """The shared database, opened, read in the loop of `runner`."""
    database = open_database(database_url, strict_reads=True)
    yield database
    runner.run(database.close())


@pytest.fixture(scope="session")
def services(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """What the application and jobs stand on."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(HASH_KEY.decode()))
    return Services(settings, db, open_files(settings))


@pytest.fixture
def client_of(services: Services, runner: asyncio.Runner) -> ClientOf:
    """Return a client with a new key of the team."""
    transport = LoopTransport(create_app(services), runner)

    def client(team: Team) -> httpx.Client:
        secret = new_secret()
        command = CreateKey(
            team.id,
            KeyKind.API,
            new_id(),
            keyed_hash(secret, key=HASH_KEY),
            OPERATOR,
            clock.now(),
            scopes=("usage:read",),
        )
        services.db.write_now(functools.partial(create_key, command=command))
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)

    return client
