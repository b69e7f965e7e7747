"""Every statement the product can run, found in its modules, and how each database would run it."""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import itertools
import pkgutil
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Executable, Table
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.selectable import SelectBase

import callfloor
from callfloor.foundation.database import metadata
from callfloor.foundation.database.plan import Plan, Plans
from callfloor.migrations.tables import load

_WORDS = ("Select", "Insert", "Update", "Delete", "Executable", "TypedReturnsRows")


class Unenumerable(Exception):
    """A cached statement function has a parameter that is neither a bool, an enumeration nor made of such."""


@dataclasses.dataclass(frozen=True)
class Named:
    """A statement and where it stands."""

    name: str
    statement: Executable

    def plan(self, plans: Plans) -> Plan:
        """Return its plan; an insert that takes its columns from the parameters gets all of its table's."""
        if isinstance(self.statement, Insert) and isinstance(self.statement.table, Table):
            return plans.of(self.statement, dict.fromkeys(self.statement.table.c.keys()))
        return plans.of(self.statement, {})


def every_statement() -> list[Named]:
    """Return the statements of every module: constants, and what cached functions return for all arguments."""
    load()
    found: dict[int, Named] = {}
    for info in pkgutil.walk_packages(callfloor.__path__, "callfloor."):
        if ".migrations" in info.name or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", module.__name__) == module.__name__ or not callable(value):
                for label, statement in _statements(f"{info.name}.{name}", value):
                    found.setdefault(id(statement), Named(label, statement))
    return sorted(found.values(), key=lambda named: named.name)


def team_tables() -> set[str]:
    """Return the names of the tables whose rows belong to teams."""
    return {table.name for table in metadata.tables.values() if "team_id" in table.c}


def partial_indexes() -> set[str]:
    """Return the names of the indexes that hold only the rows a statement is about."""
    indexes = (index for table in metadata.tables.values() for index in table.indexes)
    return {str(index.name) for index in indexes if index.dialect_options["postgresql"]["where"] is not None}


def _statements(name: str, value: Any) -> Iterator[tuple[str, Executable]]:
    if isinstance(value, Executable) and not isinstance(value, Table):
        yield name, value
    elif isinstance(value, functools._lru_cache_wrapper):  # noqa: SLF001  # the public way to tell does not exist
        yield from _returned(name, value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _statements(f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _statements(f"{name}[{key}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _statements(f"{name}[{index}]", item)


def _returned(name: str, function: Any) -> Iterator[tuple[str, Executable]]:
    hints = dict(function.__wrapped__.__annotations__)
    if not any(word in str(hints.pop("return", "")) for word in _WORDS):
        return
    types = typing.get_type_hints(function.__wrapped__)
    choices = [_values(f"{name}({argument})", types[argument]) for argument in hints]
    for values in itertools.product(*choices):
        arguments = dict(zip(hints, values, strict=True))
        label = ", ".join(f"{key}={value}" for key, value in arguments.items())
        yield f"{name}({label})", function(**arguments)


def _values(name: str, kind: Any) -> Iterable[Any]:
    if kind is bool:
        return (False, True)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(kind)
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        types = typing.get_type_hints(kind)
        choices = [_values(f"{name}.{field.name}", types[field.name]) for field in dataclasses.fields(kind)]
        names = [field.name for field in dataclasses.fields(kind)]
        return [kind(**dict(zip(names, values, strict=True))) for values in itertools.product(*choices)]
    raise Unenumerable(f"{name} is {kind}: a cached statement function takes booleans and enumerations only")


def is_query(statement: Executable) -> bool:
    """Return whether it only reads."""
    return isinstance(statement, SelectBase)
