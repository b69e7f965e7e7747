"""Many rows sent as one parameter, to be joined with or inserted: one statement whatever their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, BindParameter, Dialect, TableValuedAlias, Text, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_POSTGRES_TYPES = {BigInteger: "BIGINT", Text: "TEXT"}
_Kinds = dict[str, type[TypeEngine[Any]]]


class _Rows(TypeDecorator[Any]):
    """The rows as JSON text: as lists for SQLite, as objects for PostgreSQL; each database reads its form fastest."""

    impl = Text
    cache_ok = True

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__()
        self.names = names

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        if dialect.name == "sqlite":
            return _encoded
        return lambda rows: _encoded([dict(zip(self.names, row, strict=True)) for row in rows])


class _RowList(FunctionElement[Any]):
    inherit_cache = False
    name = "row_list"

    def __init__(self, rows: BindParameter[Any], kinds: _Kinds) -> None:
        super().__init__()
        self.rows = rows
        self.kinds = kinds


@compiles(_RowList, "postgresql")
def _on_postgres(element: _RowList, compiler: SQLCompiler, **kw: Any) -> str:
    columns = ", ".join(f"{name} {_POSTGRES_TYPES[kind]}" for name, kind in element.kinds.items())
    rows = compiler.process(element.rows, **kw)
    return f"(SELECT * FROM json_to_recordset(CAST({rows} AS JSON)) AS sent({columns}))"  # noqa: S608  # names of columns


@compiles(_RowList, "sqlite")
def _on_sqlite(element: _RowList, compiler: SQLCompiler, **kw: Any) -> str:
    columns = ", ".join(f"sent.value ->> {at} AS {name}" for at, name in enumerate(element.kinds))
    rows = compiler.process(element.rows, **kw)
    return f"(SELECT {columns} FROM jsonb_each({rows}) AS sent)"  # noqa: S608  # names of columns


def row_list(name: str, **kinds: type[TypeEngine[Any]]) -> TableValuedAlias:
    """Return the rows sent as parameter `name` as something to select from, in the order they were sent.

    The parameter is a list of rows, each with its values in the order of `kinds`. Join tables to it by an outer join:
    SQLite would otherwise begin with the table, and read the list anew for each of its rows.

    Args:
        name: of the parameter, and of the list in the statement.
        kinds: `BigInteger` or `Text` for each column.
    """
    sent = _RowList(bindparam(name, type_=_Rows(tuple(kinds))), kinds)
    return sent.table_valued(*(column(key, kind) for key, kind in kinds.items()), name=name)


def _encoded(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()
