"""The real database with a meter on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, cast

from callfloor.conversations_api import create_app
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Member

T = TypeVar("T")


_NOTHING: dict[str, Any] = {}


class CountingDatabase:
    """Hands everything on and counts the statements of reads and reports."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.name = db.name
        self.statements = 0

    async def read(self, statement: Any, params: Any = _NOTHING) -> Any:
        self.statements += 1
        return await self._db.read(statement, params)

    async def report(self, work: Callable[[Tx], T]) -> T:
        def metered(tx: Tx) -> T:
            answer = work(tx)
            self.statements += tx.statements
            return answer

        return await self._db.report(metered)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


def counted(services: Services, member: Member) -> tuple[CountingDatabase, Http]:
    """Return a meter and a client of an application that stands on it."""
    database = CountingDatabase(services.db)
    app = create_app(dataclasses.replace(services, db=cast("Database", database)))
    return database, Http(member.http.loop, app, member.key.headers)
