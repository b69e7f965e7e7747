"""How many statements a request costs: the number must not grow with the seats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from callfloor.foundation.database import Database, Tx
from callfloor.foundation.limit_settings import RateLimit
from callfloor.portal_api import create_app
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient
from tests.factories.teams import PortalKey, make_team
from tests.portal_api.conftest import services_of
from tests.portal_api.in_process import LoopTransport

T = TypeVar("T")


class CountedDatabase:
    """Passes everything on to the real database, and counts the statements of reads and reports."""

    def __init__(self, db: Database) -> None:
        self.name = db.name
        self.read_now = db.read_now
        self.write = db.write
        self.write_now = db.write_now
        self.close = db.close
        self.close_now = db.close_now
        self.listen = db.listen
        self._db = db
        self.statements = 0

    async def read(self, statement: Any, params: Any = None) -> list[Any]:
        """Count one."""
        self.statements += 1
        return await self._db.read(statement, params or {})

    async def select(self, statement: Any, params: Any = None) -> list[Any]:
        """Count one."""
        self.statements += 1
        return await self._db.select(statement, params or {})

    async def report(self, work: Callable[[Tx], T]) -> T:
        """Count what the work runs."""

        def counted(tx: Tx) -> T:
            result = work(tx)
            self.statements += tx.statements
            return result

        return await self._db.report(counted)


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ({}, 3),
        ({"page": 2, "perPage": 100}, 3),
        ({"status": "unassigned"}, 3),
        ({"status": "unassigned", "role": "user"}, 3),
        ({"page": 13, "perPage": 100}, 4),
        ({"page": 1250, "perPage": 2, "status": "unassigned"}, 4),
        ({"hostname": "x"}, 3),
        ({"page": 10**9}, 3),
    ],
)
def test_a_page_of_seats(
    db: Database,
    runner: asyncio.Runner,
    tmp_path: Path,
    key_of: Callable[[Team], PortalKey],
    query: dict[str, Any],
    allowed: int,
) -> None:
    key = key_of(make_team(db, seats=2_500))
    counted = CountedDatabase(db)
    app = create_app(services_of(counted, tmp_path, RateLimit()))
    with httpx.Client(transport=LoopTransport(app, runner), base_url="https://callfloor.example") as http:
        answer = PortalClient(http, key.name, key.secret).seats(**query)

    assert answer.error is None
    assert 2 <= counted.statements <= allowed
