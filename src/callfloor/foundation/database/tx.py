"""What a verb is handed: one open transaction it can read and write through, and not end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVarTuple, overload

from callfloor.foundation.database.errors import translated
from callfloor.foundation.database.plan import Params, Plans

if TYPE_CHECKING:
    from sqlalchemy import Executable
    from sqlalchemy.sql.dml import Insert
    from sqlalchemy.sql.selectable import TypedReturnsRows

Ts = TypeVarTuple("Ts")

_NOTHING: Params = {}


class Cursor(Protocol):
    """The part of apsw's and psycopg's cursors that is used."""

    def execute(self, sql: Any, params: Any = ...) -> Any:
        """Run one statement."""

    def executemany(self, sql: Any, params: Any) -> Any:
        """Run one statement for each parameter set."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


class Connection(Protocol):
    """The part of apsw's and psycopg's connections that is used."""

    def cursor(self) -> Any:
        """Return a new cursor."""


class Tx:
    """One open transaction. It has no commit and no rollback: the seam decides."""

    __slots__ = ("_connection", "_plans", "statements")

    def __init__(self, connection: Connection, plans: Plans) -> None:
        self._connection = connection
        self._plans = plans
        self.statements = 0

    @overload
    def all(self, statement: TypedReturnsRows[*Ts], params: Params = ...) -> list[tuple[*Ts]]: ...
    @overload
    def all(self, statement: Executable, params: Params = ...) -> list[tuple[Any, ...]]: ...
    def all(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Return every row of a select or of a RETURNING.

        Raises:
            Clash, Busy, Gone: see `foundation.database.errors`.
        """
        plan = self._plans.of(statement, params)
        self.statements += 1
        with translated():
            cursor = self._connection.cursor()
            cursor.execute(plan.sql, plan.bind(params))
            return plan.decode(cursor.fetchall())

    @overload
    def one(self, statement: TypedReturnsRows[*Ts], params: Params = ...) -> tuple[*Ts] | None: ...
    @overload
    def one(self, statement: Executable, params: Params = ...) -> tuple[Any, ...] | None: ...
    def one(self, statement: Any, params: Params = _NOTHING) -> Any:
        """Return the first row, or None."""
        rows = self.all(statement, params)
        return rows[0] if rows else None

    def run(self, statement: Executable, params: Params | Sequence[Params] = _NOTHING) -> None:
        """Run a change, once or once for each parameter set; no rows come back."""
        if isinstance(params, Sequence):
            if params:
                self._run_many(statement, params)
            return
        plan = self._plans.of(statement, params)
        self.statements += 1
        with translated():
            self._connection.cursor().execute(plan.sql, plan.bind(params))

    def load(self, statement: Insert, rows: Sequence[Sequence[Any]]) -> None:
        """Write many rows at once, a fraction of what `run` costs for each of them.

        Args:
            statement: an insert or upsert whose values are parameters named as their columns, and nothing else; without
                ``values()``, of every column.
            rows: their values, in the order of the table's columns. On PostgreSQL no two may have the same key.
        """
        if not rows:
            return
        load = self._plans.load_of(statement)
        self.statements += 1
        with translated():
            load.run(self._connection.cursor(), rows)

    def notify(self, channel: str, payload: str) -> None:
        """Tell who listens to the channel, once this is committed; see `Database.listen`."""
        if self._plans.name == "postgresql":
            self.statements += 1
            with translated():
                self._connection.cursor().execute("SELECT pg_notify(%s, %s)", (channel, payload))

    def _run_many(self, statement: Executable, rows: Sequence[Params]) -> None:
        plan = self._plans.of(statement, rows[0])
        self.statements += 1
        with translated():
            self._connection.cursor().executemany(plan.sql, [plan.bind(row) for row in rows])
