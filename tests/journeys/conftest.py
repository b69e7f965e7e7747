"""Where the servers of a journey keep what they know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.valkey import valkey_server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of(request: pytest.FixtureRequest) -> str | None:
    """A database's address; None is SQLite in the data folder."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres_template").fresh_url()
    return url


@pytest.fixture(params=["database", "valkey"])
def store(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a store that processes share."""
    if request.param == "database":
        yield {"CALLFLOOR_RATE_LIMIT_STORE": "database"}
        return
    with valkey_server() as url:
        yield {"CALLFLOOR_RATE_LIMIT_STORE": "valkey", "CALLFLOOR_RATE_LIMIT_URL": url}
