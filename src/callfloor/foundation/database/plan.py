"""A statement compiled once for one database: its SQL, its constants, and how values go in and come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Dialect, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, UpdateBase
from sqlalchemy.sql.schema import Column

from callfloor.foundation.database.errors import PlanError
from callfloor.foundation.database.loading import Load, Parts

Params = Mapping[str, Any]
_Codec = Callable[[Any], Any]


class Plan:
    """One compiled statement."""

    __slots__ = ("_constants", "_decoders", "_plain", "encoders", "names", "sql")

    def __init__(self, compiled: SQLCompiler, dialect: Dialect) -> None:
        self.sql = str(compiled)
        if "POSTCOMPILE" in self.sql:
            raise PlanError(f"an expanding IN cannot be compiled once; use any_of(): {self.sql}")
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        self._constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self.names = frozenset(binds.keys() - self._constants.keys())
        processors = compiled._bind_processors  # noqa: SLF001  # no public accessor exists
        encoders = {name: processor for name, processor in processors.items() if callable(processor)}
        self._constants = {k: encoders[k](v) if k in encoders else v for k, v in self._constants.items()}
        self.encoders = {k: v for k, v in encoders.items() if k in self.names}
        self._plain = not self.encoders and not self._constants
        decoders = [
            entry.type._cached_result_processor(dialect, None)  # noqa: SLF001
            for entry in (compiled._result_columns or ())  # noqa: SLF001
        ]
        self._decoders = [(i, d) for i, d in enumerate(decoders) if d is not None]

    @property
    def has_constants(self) -> bool:
        """Return whether the statement sends values of its own beside the parameters."""
        return bool(self._constants)

    def bind(self, params: Params) -> Params:
        """Return what the driver is given.

        Raises:
            PlanError: a parameter is missing or unknown.
        """
        if params.keys() != self.names:
            missing, unknown = self.names - params.keys(), params.keys() - self.names
            raise PlanError(f"parameters missing {sorted(missing)}, unknown {sorted(unknown)}: {self.sql}")
        if self._plain:
            return params
        bound = dict(params)
        for name, encode in self.encoders.items():
            bound[name] = encode(bound[name])
        bound.update(self._constants)
        return bound

    def decode(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows with the column types that need it decoded."""
        if not self._decoders:
            return rows
        out = []
        for row in rows:
            values = list(row)
            for i, decode in self._decoders:
                values[i] = decode(values[i])
            out.append(tuple(values))
        return out


class Plans:
    """Every plan of one database, made at first use and kept by statement object."""

    def __init__(self, dialect: Dialect) -> None:
        self.name = dialect.name
        self._dialect = dialect
        self._plans: dict[tuple[int, frozenset[str] | None], tuple[Executable, Plan]] = {}
        self._loads: dict[int, Load] = {}

    def of(self, statement: Executable, params: Params | None = None) -> Plan:
        """Return the statement's plan.

        An insert without ``values()`` takes its columns from the parameters' names.

        Raises:
            PlanError: the statement needs SQLAlchemy's executor (expanding IN, Python-side defaults).
        """
        open_insert = (
            isinstance(statement, Insert) and statement.select is None and not statement._values  # noqa: SLF001
        )
        keys = frozenset(params) if open_insert and params is not None else None
        known = self._plans.get((id(statement), keys))
        if known is not None:
            return known[1]
        plan = self._compile(statement, keys)
        self._plans[id(statement), keys] = (statement, plan)
        return plan

    def load_of(self, statement: Insert) -> Load:
        """Return the plan by which the insert takes many rows; of an insert without ``values()``, of every column.

        Raises:
            PlanError: it has other values than its columns' parameters.
        """
        known = self._loads.get(id(statement))
        if known is None:
            plan = self.of(statement, dict.fromkeys(statement.table.c.keys()))
            parts = Parts(plan.sql, plan.names, plan.encoders, has_constants=plan.has_constants)
            known = self._loads[id(statement)] = Load(statement, parts, self._dialect)
        return known

    def _compile(self, statement: Executable, keys: frozenset[str] | None) -> Plan:
        if isinstance(statement, UpdateBase):
            _refuse_python_defaults(statement)
        column_keys: Sequence[str] | None = sorted(keys) if keys is not None else None
        compiled = statement.compile(dialect=self._dialect, column_keys=column_keys)  # type: ignore[attr-defined]  # every Executable has it
        return Plan(compiled, self._dialect)


def _refuse_python_defaults(statement: UpdateBase) -> None:
    columns: Sequence[Column[Any]] = list(statement.table.c)  # type: ignore[arg-type]  # of a table, columns
    for column in columns:
        if column.default is not None or column.onupdate is not None:
            raise PlanError(f"{column} has a Python-side default, which a compiled plan does not run")
