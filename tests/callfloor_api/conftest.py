"""The Callfloor API in this process, over both databases, and keys that may call it."""

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
from tests.factories.teams import make_api_key
from tests.portal_api.in_process import LoopTransport

SECRET_KEY = "a key of the tests, thirty-two characters and more"

ClientOf = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def services(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """What the application stands on."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(SECRET_KEY))
    return Services(settings, db, open_files(settings))


@pytest.fixture(scope="session")
def transport(services: Services, runner: asyncio.Runner) -> LoopTransport:
    """The application, called without a network."""
    return LoopTransport(create_app(services), runner)


@pytest.fixture
def client(transport: LoopTransport, services: Services) -> ClientOf:
    """Return a client with a new key of the team that has these scopes."""

    def of(team: Team, *scopes: str, transport: LoopTransport = transport) -> httpx.Client:
        headers = make_api_key(services.db, team.id, *scopes, hash_key=services.settings.hash_key)
        return httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)

    return of
