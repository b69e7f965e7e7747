"""The column types tables may use, and the one MetaData they stand in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, LargeBinary, MetaData, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Instant = BigInteger
"""An instant: whole milliseconds since 1970-01-01T00:00:00Z."""


class Json(TypeDecorator[Any]):
    """JSON kept as text on both databases, read back as Python values."""

    impl = Text
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:
        """Encode with msgspec; None stays NULL."""
        return _encode

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Decode with msgspec."""
        return _decode


class RawJson(Json):
    """JSON that is only passed through: read back as `msgspec.Raw`, never parsed."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], msgspec.Raw | None]:
        """Wrap the text as it is."""
        return _raw


class ListOf(TypeDecorator[Any]):
    """A list sent as one parameter: an array on PostgreSQL, JSON text on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, item: type[TypeEngine[Any]]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the dialect's own type."""
        return postgresql.ARRAY(self.item()) if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Encode as an array's text, or as JSON, in which bytes are hexadecimal digits."""
        if dialect.name == "postgresql":
            return array_text
        return _encode_hex if self.item is LargeBinary else _encode


def array_text(values: Iterable[Any]) -> str:
    """Return the values as the text of a PostgreSQL array: psycopg's own way takes ten times as long."""
    return "{" + ",".join([_ITEMS[type(value)](value) for value in values]) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Items(dict[type, Callable[[Any], str]]):
    def __missing__(self, kind: type) -> Callable[[Any], str]:
        """Write a value of a subclass, such as a StrEnum's, as one of its base."""
        return next(self[base] for base in kind.__mro__[1:] if base in self)


_ITEMS = _Items(
    {
        bool: str,
        bytes: lambda value: f'"\\\\x{value.hex()}"',
        int: str,
        str: _quoted,
        type(None): lambda _: "NULL",
    }
)


def _encode_hex(values: Iterable[bytes]) -> str | None:
    return _encode([value.hex() for value in values])


def _encode(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _decode(value: Any) -> Any:
    return None if value is None else msgspec.json.decode(value)


def _raw(value: Any) -> msgspec.Raw | None:
    return None if value is None else msgspec.Raw(value.encode())
