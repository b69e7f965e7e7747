"""A ledger of one test alone, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callfloor.foundation.database import Database, open_database
from tests.support.databases import SqliteTemplate
from tests.support.ledger import create_ledger


@pytest.fixture
def ledger_url(fresh_database_url: str) -> str:
    """A database with the ledger's tables."""
    create_ledger(fresh_database_url)
    return fresh_database_url


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Database]:
    """The same, opened."""
    db = open_database(ledger_url, strict_reads=True)
    yield db
    db.close_now()


@pytest.fixture
def sqlite_ledger(sqlite_template: SqliteTemplate) -> Iterator[Database]:
    """An opened ledger on SQLite, for what only its writer thread does."""
    url = sqlite_template.fresh_url()
    create_ledger(url)
    db = open_database(url, strict_reads=True)
    yield db
    db.close_now()
