"""Many rows sent as one parameter, to be joined with or inserted: one statement whatever their number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, BindParameter, TableValuedAlias, Text, bindparam, column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

from callfloor.foundation.database.types import Json

_POSTGRES_TYPES = {BigInteger: "BIGINT", Text: "TEXT"}


class _RowList(FunctionElement[Any]):
    inherit_cache = False
    name = "row_list"

    def __init__(self, rows: BindParameter[Any], kinds: dict[str, type[TypeEngine[Any]]]) -> None:
        super().__init__()
        self.rows = rows
        self.kinds = kinds


@compiles(_RowList, "postgresql")
def _on_postgres(element: _RowList, compiler: SQLCompiler, **kw: Any) -> str:
    # In the order they were sent: rows are locked in that order, so that no two transactions block each other.
    columns = ", ".join(f"{name} {_POSTGRES_TYPES[kind]}" for name, kind in element.kinds.items())
    rows = compiler.process(element.rows, **kw)
    return f"(SELECT * FROM json_to_recordset(CAST({rows} AS JSON)) AS sent({columns}))"  # noqa: S608  # names of columns


@compiles(_RowList, "sqlite")
def _on_sqlite(element: _RowList, compiler: SQLCompiler, **kw: Any) -> str:
    columns = ", ".join(f"sent.value ->> '{name}' AS {name}" for name in element.kinds)
    rows = compiler.process(element.rows, **kw)
    return f"(SELECT {columns} FROM json_each({rows}) AS sent)"  # noqa: S608  # names of columns


def row_list(name: str, **kinds: type[TypeEngine[Any]]) -> TableValuedAlias:
    """Return the rows sent as parameter `name`, a list of mappings, as something to select from.

    Args:
        name: of the parameter, and of the table in the statement.
        kinds: `BigInteger` or `Text` for each column.
    """
    sent = _RowList(bindparam(name, type_=Json), kinds)
    return sent.table_valued(*(column(key, kind) for key, kind in kinds.items()), name=name)
