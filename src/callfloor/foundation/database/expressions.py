"""Statement parts that both databases understand: lists as one parameter, upserts, typed parameters."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, BindParameter, ColumnElement, LargeBinary, Table, Text, bindparam
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Boolean, TypeEngine

from callfloor.foundation.database.types import ListOf


class _AnyOf(ColumnElement[bool]):
    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], values: BindParameter[Any]) -> None:
        self.column = column
        self.values = values

    def self_group(self, against: Any = None) -> _AnyOf:  # noqa: ARG002  # SQLAlchemy's interface
        """Stand as it is: SQLite has no boolean type, so SQLAlchemy would add "= 1", and no index would serve."""
        return self


@compiles(_AnyOf, "postgresql")
def _any_of_on_postgres(element: _AnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    return f"{compiler.process(element.column, **kw)} = ANY ({compiler.process(element.values, **kw)})"


@compiles(_AnyOf, "sqlite")
def _any_of_on_sqlite(element: _AnyOf, compiler: SQLCompiler, **kw: Any) -> str:
    values = compiler.process(element.values, **kw)
    item = "unhex(value)" if isinstance(element.column.type, LargeBinary) else "value"
    return f"{compiler.process(element.column, **kw)} IN (SELECT {item} FROM json_each({values}))"  # noqa: S608  # compiled parts, no input


def any_of(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return "column is one of the list sent as parameter `name`": one plan whatever the list's length."""
    item = next((kind for kind in (Text, LargeBinary) if isinstance(column.type, kind)), BigInteger)
    return _AnyOf(column, bindparam(name, type_=ListOf(item)))


def upsert(table: Table) -> postgresql.Insert:
    """Return an insert that knows ON CONFLICT; the PostgreSQL construct compiles on both databases."""
    return postgresql.insert(table)


def param(name: str, type_: TypeEngine[Any] | type[TypeEngine[Any]] | None = None) -> BindParameter[Any]:
    """Return a named parameter of a statement."""
    return bindparam(name, type_=type_)


def pattern_of(needle: str) -> str:
    """Return the LIKE pattern, with the backslash as its escape, of case-folded texts that contain the needle."""
    escaped = needle.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
