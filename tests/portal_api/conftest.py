"""The application in this process, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.limit_settings import RateLimit
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.portal_api import create_app
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient
from tests.factories.teams import PortalKey, make_portal_key
from tests.portal_api.in_process import App, LoopTransport

SECRET_KEY = "a key of the tests, thirty-two characters and more"


@pytest.fixture(scope="session")
def services(db: Database, tmp_path_factory: pytest.TempPathFactory) -> Services:
    """Services with a limit that no test meets by chance."""
    return services_of(db, tmp_path_factory.mktemp("data"), RateLimit(requests=10**9))


@pytest.fixture(scope="session")
def app(services: Services) -> App:
    """The application."""
    return create_app(services)


@pytest.fixture(scope="session")
def http(app: App, runner: asyncio.Runner) -> Iterator[httpx.Client]:
    """A plain HTTP client of the application."""
    with httpx.Client(transport=LoopTransport(app, runner), base_url="https://callfloor.example") as client:
        yield client


@pytest.fixture(scope="session")
def hash_key(services: Services) -> bytes:
    """The key of the keyed hashes."""
    return services.settings.hash_key


@pytest.fixture
def key_of(db: Database, hash_key: bytes) -> Callable[[Team], PortalKey]:
    """Make a Portal key."""
    return lambda team: make_portal_key(db, team, hash_key=hash_key)


@pytest.fixture
def portal(http: httpx.Client, key_of: Callable[[Team], PortalKey]) -> Callable[[Team], PortalClient]:
    """Return the client of a new key of the team."""

    def client(team: Team) -> PortalClient:
        key = key_of(team)
        return PortalClient(http, key.name, key.secret)

    return client


def services_of(db: Database, data: Path, limit: RateLimit) -> Services:
    """Return services over an open database."""
    settings = Settings(data=data, secret_key=SecretStr(SECRET_KEY), rate_limit=limit)
    return Services(settings, db, open_files(settings))
