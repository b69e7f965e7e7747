"""Many rows written by one statement: bound row by row on SQLite, by COPY or as arrays on PostgreSQL."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import Dialect, LargeBinary, Table
from sqlalchemy.sql.dml import Insert

from callfloor.foundation.database.errors import PlanError
from callfloor.foundation.database.types import array_text

Row = Sequence[Any]
_PARAMETER = r'(?::\w+|%\(\w+\)s)(?:::[\w ]+(?:"\w+")?)?'
_VALUES = re.compile(rf"VALUES \(({_PARAMETER}(?:, {_PARAMETER})*)\)")
_NAME = re.compile(r"(?<!:)[:(](\w+)")


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """What is taken over from the plan of the statement for one row."""

    sql: str
    names: AbstractSet[str]
    encoders: Mapping[str, Callable[[Any], Any]]
    has_constants: bool


class Load:
    """An insert or upsert compiled for many rows, each with its values in the order of `columns`."""

    __slots__ = ("_copies", "_encoders", "_is_sqlite", "_sql", "columns")

    def __init__(self, statement: Insert, parts: Parts, dialect: Dialect) -> None:
        table, values = statement.table, _VALUES.search(parts.sql)
        if values is None or not isinstance(table, Table):
            raise PlanError(f"only an insert of parameters loads rows: {parts.sql}")
        self.columns = tuple(_NAME.findall(values[1]))
        if parts.names != set(self.columns) or parts.has_constants:
            raise PlanError(f"a load has no parameters but its columns: {parts.sql}")
        self._encoders = [
            (at, parts.encoders[name])
            for at, name in enumerate(self.columns)
            # Bytes go as they are: the driver's wrapper around them is of no use here.
            if name in parts.encoders and not isinstance(table.c[name].type, LargeBinary)
        ]
        self._is_sqlite = dialect.name == "sqlite"
        self._copies = parts.sql.endswith(values[0])
        self._sql = parts.sql
        if not self._is_sqlite and self._copies:
            self._sql = f"COPY {table.name} ({', '.join(self.columns)}) FROM STDIN"
        elif not self._is_sqlite:
            # A collation is no part of the type of an array.
            kinds = [table.c[name].type.compile(dialect).partition(" COLLATE ")[0] for name in self.columns]
            arrays = ", ".join(f"%s::{kind}[]" for kind in kinds)
            self._sql = parts.sql.replace(values[0], f"SELECT * FROM unnest({arrays})", 1)  # noqa: S608  # types of columns

    def run(self, cursor: Any, rows: Sequence[Row]) -> None:
        """Write the rows in their order; on PostgreSQL no two of one upsert may have the same key."""
        rows = self._encoded(rows) if self._encoders else rows
        if self._is_sqlite:
            cursor.executemany(self._sql, rows)
        elif self._copies:
            with cursor.copy(self._sql) as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            cursor.execute(self._sql, [array_text(column) for column in zip(*rows, strict=True)])

    def _encoded(self, rows: Sequence[Row]) -> list[Row]:
        out: list[Row] = []
        for row in rows:
            values = list(row)
            for at, encode in self._encoders:
                values[at] = encode(values[at])
            out.append(values)
        return out
