"""The Callfloor API in this process, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from tests.factories.teams import make_api_key
from tests.portal_api.in_process import LoopTransport

KEY = b"a key of the tests, of thirty-two bytes or more"

KeyOf = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def services(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services over the shared database."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(KEY.decode()))
    return Services(settings, db, open_files(settings))


@pytest.fixture(scope="session")
def http(services: Services, runner: asyncio.Runner) -> Iterator[httpx.Client]:
    """A plain HTTP client of the application."""
    transport = LoopTransport(create_app(services), runner)
    with httpx.Client(transport=transport, base_url="https://callfloor.example") as client:
        yield client


@pytest.fixture
def key_of(db: Database) -> KeyOf:
    """Make a key of the Callfloor API with these scopes; return the header it signs in by."""

    def key(team_id: int, *scopes: str) -> dict[str, str]:
        return make_api_key(db, team_id, *scopes, hash_key=KEY)

    return key
