"""The database with the loop its short reads run in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from callfloor.foundation.database import Database, open_database


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
