"""A server whose settings allow imports from a folder, its API, and a team."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from callfloor.conversations.imports.jobs import RUN_IMPORT_JOB
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Imports, Settings
from callfloor.server.api_v2 import create_app
from callfloor.teams.teams import Team
from tests.factories.teams import make_api_key, make_team
from tests.portal_api.in_process import LoopTransport

SECRET_KEY = "a key of the tests, thirty-two characters and more"


@pytest.fixture
def monitor(tmp_path: Path) -> Path:
    """The folder with recordings that the settings allow."""
    folder = tmp_path / "monitor"
    folder.mkdir()
    return folder


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db)


@pytest.fixture
def services(db: Database, tmp_path: Path, monitor: Path) -> Services:
    """What the API and the worker stand on."""
    allowed = Imports(locations=(SecretStr(f"monitor={monitor}"),))
    settings = Settings(data=tmp_path / "data", secret_key=SecretStr(SECRET_KEY), imports=allowed)
    return Services(settings, db, open_files(settings))


class Floor:
    """A team's way to its imports and calls."""

    def __init__(self, services: Services, runner: asyncio.Runner, team: Team, *scopes: str) -> None:
        scopes = scopes or ("conversations:read", "conversations:write")
        self.services = services
        self.team = team
        self.http = httpx.Client(
            transport=LoopTransport(create_app(services), runner),
            base_url="https://callfloor.example/api/v2",
            headers=make_api_key(services.db, team.id, *scopes, hash_key=services.settings.hash_key),
        )

    def begin(self, table: bytes | None = None, **fields: str) -> httpx.Response:
        """Send a new import."""
        files = None if table is None else {"table": ("cdr.csv", table, "text/csv")}
        data = {"location": "monitor", "timezone": "Europe/Berlin", **fields}
        return self.http.post("/imports", data=data, files=files)

    def begun(self, table: bytes | None = None, **fields: str) -> str:
        """Begin an import; return its id."""
        answer = self.begin(table, **fields)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def work(self) -> None:
        """Do what a worker does with the team's imports."""
        drain(self.services, [RUN_IMPORT_JOB], now=clock.now(), team_id=self.team.id)

    def imported(self, table: bytes | None = None, **fields: str) -> dict[str, Any]:
        """Import to the end; return the import as it is then."""
        import_id = self.begun(table, **fields)
        self.work()
        return self.shown(import_id)

    def shown(self, import_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/imports/{import_id}").json()
        return found

    def refusals(self, import_id: str) -> list[str]:
        """Return the lines of the report behind its header."""
        answer = self.http.get(f"/imports/{import_id}/refusals")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        header, *lines = answer.text.splitlines()
        assert header == "row,file,field,expected"
        return lines

    def calls(self) -> list[dict[str, Any]]:
        """Return the team's calls, the earliest first."""
        found = self.http.get("/calls", params={"limit": 200}).json()["data"]
        return sorted(found, key=lambda call: str(call["date"]))


MakeFloor = Callable[..., Floor]


@pytest.fixture
def floor_of(services: Services, runner: asyncio.Runner) -> MakeFloor:
    """Return a team's floor."""
    return functools.partial(Floor, services, runner)


@pytest.fixture
def floor(floor_of: MakeFloor, team: Team) -> Floor:
    return floor_of(team)
