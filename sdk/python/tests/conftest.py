"""Fixtures of the SDK's tests: a real server on either database, and teams of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sdk_support.installation import Installation
from tests.conftest import database_url, fresh_database_url, postgres_template, sqlite_template

__all__ = ["database_url", "fresh_database_url", "installation", "postgres_template", "sqlite_template"]


@pytest.fixture(scope="session")
def installation(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running server; each test makes a team of its own."""
    with Installation.running(tmp_path_factory.mktemp("installation"), database_url) as one:
        yield one
