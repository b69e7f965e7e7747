"""The Callfloor API in this process, over both databases, and who may call it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from tests.factories.devices import HASH_KEY
from tests.portal_api.in_process import LoopTransport

KeyOf = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def http(db: Database, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A plain HTTP client of the application."""
    settings = Settings(data=Path(tmp_path_factory.mktemp("data")), secret_key=SecretStr(HASH_KEY.decode()))
    app = create_app(Services(settings, db, open_files(settings)))
    with httpx.Client(transport=LoopTransport(app, runner), base_url="https://callfloor.example") as client:
        yield client


@pytest.fixture
def key_of(db: Database) -> KeyOf:
    """Make a key of the Callfloor API with these scopes; return the header it signs in by."""

    def key(team_id: int, *scopes: str, kind: KeyKind = KeyKind.API) -> dict[str, str]:
        secret = new_secret()
        hashed = keyed_hash(secret, key=HASH_KEY)
        command = CreateKey(team_id, kind, new_id(), hashed, OPERATOR, clock.now(), scopes=scopes)
        db.write_now(functools.partial(create_key, command=command))
        return {"Authorization": f"Bearer {secret}"}

    return key
