"""Fixtures for every test: the two databases, always both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callfloor.foundation.database import Database, open_database
from tests.support.databases import PostgresTemplate, SqliteTemplate, postgres_server

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    """A migrated SQLite file to copy."""
    return SqliteTemplate(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresTemplate]:
    """A PostgreSQL server with a migrated template."""
    with postgres_server(tmp_path_factory.mktemp("pg")) as url:
        yield PostgresTemplate(url)


@pytest.fixture(scope="session", params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """The one database of this test process, shared by its tests: assert on your own rows."""
    url: str = request.getfixturevalue(_template_of(request.param)).fresh_url()
    return url


@pytest.fixture(scope="session")
def db(database_url: str) -> Iterator[Database]:
    """The shared database, opened."""
    database = open_database(database_url, strict_reads=True)
    yield database
    database.close_now()


@pytest.fixture(params=DATABASES)
def fresh_database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test alone, migrated and empty."""
    url: str = request.getfixturevalue(_template_of(request.param)).fresh_url()
    return url


def _template_of(name: str) -> str:
    return "sqlite_template" if name == "sqlite" else "postgres_template"
