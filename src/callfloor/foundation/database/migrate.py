"""Bring a database to this release's schema, once, whoever starts first; refuse one that is newer."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from callfloor.foundation.database import apsw_dbapi
from callfloor.foundation.database.errors import translated

_ADVISORY_LOCK = 0x63616C6C666C6F


class SchemaTooNew(Exception):
    """The database was migrated by a later release than this one."""


def engine_for(url: str) -> Engine:
    """Return an engine for Alembic and the schema tests; nothing else uses one."""
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            "sqlite://", module=apsw_dbapi, connect_args={}, creator=lambda: apsw_dbapi.connect(path)
        )
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    return create_engine(
        url.replace("postgres://", "postgresql://").replace("postgresql://", "postgresql+psycopg://", 1)
    )


def migrate(url: str) -> bool:
    """Bring the database to the newest schema, under its write lock (SQLite) or an advisory lock (PostgreSQL).

    Returns:
        whether anything was changed.

    Raises:
        SchemaTooNew: the database is of a later release.
        Gone: it cannot be reached.
    """
    engine = engine_for(url)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET lock_timeout = '60s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            return _upgrade(connection)
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> bool:
    from alembic import command  # noqa: PLC0415  # Alembic is slow to import and needed only here
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = alembic_config()
    script = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == script.get_current_head():
        return False
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise SchemaTooNew(
            f"the database has schema {current}, which this release of Callfloor does not know: "
            "it was written by a later release. Install that release, or restore the backup made before it."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def alembic_config() -> Any:
    """Return Alembic's configuration for the one tree of migrations."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    location = importlib.resources.files("callfloor.migrations")
    config.set_main_option("script_location", str(location))
    return config
