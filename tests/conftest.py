"""Fixtures for every test: the two databases, always both."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from callfloor.foundation.database import Database, open_database
from tests.support.databases import PostgresTemplate, SqliteTemplate, postgres_server

DATABASES = ("sqlite", "postgresql")

# In the background of a shell interrupts are ignored, and so by every program that is started from here: by those too
# that are to be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """A migrated SQLite file to copy."""
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[PostgresTemplate]:
    """A PostgreSQL server with a migrated template."""
    # Not below pytest's own folder: each session that begins takes everybody else's right to enter that one, and under
    # root the server runs as another user.
    with (
        tempfile.TemporaryDirectory(prefix="callfloor-postgresql-") as folder,
        postgres_server(Path(folder) / "data", is_durable=False) as url,
    ):
        yield PostgresTemplate(url)


@pytest.fixture(scope="session", params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The one database of this test process, shared by its tests: assert on your own rows."""
    url: str = request.getfixturevalue(_template_of(request.param)).fresh_url()
    return url


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    """The one event loop that reads: connections of a pool belong to the loop that opened them."""
    with asyncio.Runner() as one:
        yield one


@pytest.fixture(scope="session")
def db(database_url: str, runner: asyncio.Runner) -> Iterator[Database]:
    """The shared database, opened, its short reads in the loop of `runner`."""
    database = open_database(database_url, strict_reads=True)
    yield database
    runner.run(database.close())


@pytest.fixture(scope="session")
def second(db: Database, database_url: str) -> Iterator[Database]:
    """The same database as another process of the installation opens it."""
    other = open_database(database_url)
    yield other
    other.close_now()


@pytest.fixture(params=DATABASES)
def fresh_database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test alone, migrated and empty."""
    url: str = request.getfixturevalue(_template_of(request.param)).fresh_url()
    return url


def _template_of(name: str) -> str:
    return "sqlite_template" if name == "sqlite" else "postgres_template"
