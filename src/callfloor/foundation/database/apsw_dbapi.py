"""apsw as a DB-API module for SQLAlchemy's SQLite dialect; only Alembic and the schema tests use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from callfloor.foundation.database.sqlite_connection import connect as open_connection

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
sqlite_version = apsw.sqlite_lib_version()

Error = apsw.Error
DatabaseError = apsw.Error
OperationalError = apsw.SQLError
IntegrityError = apsw.ConstraintError
InterfaceError = apsw.MisuseError
InternalError = apsw.InternalError
ProgrammingError = apsw.SQLError
NotSupportedError = apsw.MisuseError
DataError = apsw.MismatchError


class Cursor:
    """The DB-API shape of an apsw cursor."""

    arraysize = 1

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: tuple[Any, ...] | None = None
        self.rowcount = -1

    @property
    def lastrowid(self) -> int:
        """Return the row id of the connection's last insert."""
        return self._connection.last_insert_rowid()

    def execute(self, sql: str, params: Any = ()) -> Cursor:
        """Run one statement and fetch at once: apsw runs lazily after the first row."""
        cursor = self._connection.cursor()
        columns: list[str] = []

        def remember(running: apsw.Cursor, _sql: str, _bindings: Any) -> bool:
            columns.extend(name for name, _ in running.get_description())
            return True

        cursor.exec_trace = remember
        self._rows = cursor.execute(sql, tuple(params)).fetchall()
        self.description = tuple((name, None, None, None, None, None, None) for name in columns) or None
        # Alembic makes sure that its own change met one row.
        self.rowcount = -1 if columns else self._connection.changes()
        return self

    def executemany(self, sql: str, many: Any) -> Cursor:
        """Run one statement for each parameter set."""
        self._connection.cursor().executemany(sql, [tuple(p) for p in many])
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[Any]:
        """Return the next rows."""
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        """Forget the rows."""
        self._rows = []


class Connection:
    """The DB-API shape of an apsw connection; transactions are begun by the caller."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        return Cursor(self._connection)

    def commit(self) -> None:
        """End the transaction, if one is open."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def create_function(self, *_args: Any, **_options: Any) -> None:
        """Take SQLAlchemy's regexp registration; no statement of ours uses it."""


def connect(path: str, **_options: Any) -> Connection:
    """Open the file; foreign keys are off: altering a table drops its old copy, and with it what refers to it."""
    connection = open_connection(Path(path))
    connection.execute("PRAGMA foreign_keys=OFF").fetchall()
    return Connection(connection)
