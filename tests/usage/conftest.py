"""The Callfloor API in this process, over both databases, asked with a key that may read usage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from callfloor.teams.teams import Team
from tests.factories.devices import HASH_KEY
from tests.factories.teams import make_api_key
from tests.portal_api.in_process import LoopTransport

ClientOf = Callable[[Team], httpx.Client]


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
        headers = make_api_key(services.db, team.id, "usage:read", hash_key=HASH_KEY)
        return httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)

    return client
