"""One tree of migrations brings both databases from nothing to the tables of the code, and back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from callfloor.foundation.database import metadata, open_database
from callfloor.foundation.database.migrate import SchemaTooNew, alembic_config, engine_for, migrate
from callfloor.migrations.tables import load
from tests.support.databases import PostgresTemplate

BY_HAND = "search_text"
"""The full-text index, which no table of the code describes; FTS5 keeps tables beside it."""


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a single table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/callfloor.db"
    template: PostgresTemplate = request.getfixturevalue("postgres_template")
    return template.empty_url()


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Open a transaction for Alembic."""
    engine = engine_for(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def tables_of(url: str) -> set[str]:
    """Return the names of the database's tables."""
    with connected(url) as connection:
        return set(inspect(connection).get_table_names())


def move_to(url: str, revision: str) -> None:
    """Downgrade the database to the revision."""
    config = alembic_config()
    with connected(url) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def test_makes_every_table_and_no_other(empty_url: str) -> None:
    load()

    assert migrate(empty_url)

    with connected(empty_url) as connection:
        drift = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
    assert [change for change in drift if not _is_by_hand(change)] == []
    assert {name for name in tables_of(empty_url) if not name.startswith(BY_HAND)} == {
        *metadata.tables,
        "alembic_version",
    }


def test_does_nothing_the_second_time(empty_url: str) -> None:
    assert [migrate(empty_url), migrate(empty_url)] == [True, False]


def test_may_be_started_by_several_processes_at_once(empty_url: str) -> None:
    program = "import sys; from callfloor.foundation.database.migrate import migrate; print(migrate(sys.argv[1]))"
    command = [sys.executable, "-c", program, empty_url]

    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]

    assert sorted(process.communicate(timeout=60)[0] for process in processes) == ["False\n", "False\n", "True\n"]


def test_goes_back_and_forth(empty_url: str) -> None:
    migrate(empty_url)
    before = tables_of(empty_url)

    move_to(empty_url, "base")
    assert tables_of(empty_url) == {"alembic_version"}

    migrate(empty_url)
    assert tables_of(empty_url) == before


def test_refuses_the_schema_of_a_later_release(empty_url: str) -> None:
    migrate(empty_url)
    db = open_database(empty_url)
    db.write_now(lambda tx: tx.run(text("UPDATE alembic_version SET version_num = '29991231_far_ahead'")))
    db.close_now()

    with pytest.raises(SchemaTooNew, match="29991231_far_ahead"):
        migrate(empty_url)


def test_is_one_line_of_revisions() -> None:
    script = ScriptDirectory.from_config(alembic_config())

    assert len(script.get_heads()) == 1
    for revision in script.walk_revisions():
        assert Path(revision.path).stem == revision.revision, "the newest migration is told by file name"


def _is_by_hand(change: Any) -> bool:
    """Return whether the change would drop what a migration made without a table of the code."""
    return change[0] in {"remove_table", "remove_index"} and str(getattr(change[1], "name", "")).removeprefix(
        "ix_"
    ).startswith(BY_HAND)
