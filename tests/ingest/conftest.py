"""The Callfloor API in this process, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from tests.factories.devices import HASH_KEY
from tests.portal_api.in_process import LoopTransport


@pytest.fixture(scope="session")
def transport(db: Database, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> LoopTransport:
    """The application, called without a network."""
    settings = Settings(data=Path(tmp_path_factory.mktemp("data")), secret_key=SecretStr(HASH_KEY.decode()))
    return LoopTransport(create_app(Services(settings, db, open_files(settings))), runner)


@pytest.fixture(scope="session")
def http(transport: LoopTransport) -> Iterator[httpx.Client]:
    """A plain HTTP client of the application."""
    with httpx.Client(transport=transport, base_url="https://callfloor.example") as client:
        yield client
