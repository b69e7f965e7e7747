"""Bring a database to this release's schema, once, whoever starts first; refuse one that is newer."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event

from callfloor.foundation.database import apsw_dbapi
from callfloor.foundation.database.errors import Clash, translated
from callfloor.foundation.database.sqlite_connection import connect

_ADVISORY_LOCK = 0x63616C6C666C6F
_CONNECT_SECONDS = 10


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
        Clash: rows would refer to nothing.
        Gone: it cannot be reached.
    """
    held, newest = revisions(url)
    if held is not None and held == newest:
        return False
    engine = engine_for(url)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET lock_timeout = '60s'")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
            changed = _upgrade(connection)
            if (
                connection.dialect.name == "sqlite"
                and connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
            ):
                raise Clash("the migration left rows that refer to nothing; it was rolled back")
            return changed
    finally:
        engine.dispose()


def revisions(url: str) -> tuple[str | None, str | None]:
    """Return the database's revision and the newest of this release, read without Alembic, which takes half a second.

    Raises:
        Gone: the database cannot be reached.
    """
    versions = importlib.resources.files("callfloor.migrations") / "versions"
    newest = max((Path(file.name).stem for file in versions.iterdir() if file.name[:1].isdigit()), default=None)
    with translated():
        return _recorded_revision(url), newest


def _recorded_revision(url: str) -> str | None:
    if not url.startswith("sqlite:///"):
        import psycopg  # noqa: PLC0415  # only one driver is loaded

        import callfloor.foundation.database.postgres_errors  # noqa: F401, PLC0415  # translates what it raises

        with psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return None if row is None else str(row[0])
    path = Path(url.removeprefix("sqlite:///"))
    if not path.exists():
        return None
    file = connect(path, read_only=True)
    try:
        if not file.execute("SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'").fetchall():
            return None
        found = file.execute("SELECT version_num FROM alembic_version").fetchall()
        return str(found[0][0]) if found else None
    finally:
        file.close()


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
