"""A request as data: described once, sent by either client."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

T = TypeVar("T")

UNSET = msgspec.UNSET
"""Left out: where null says something of its own, as in a change that takes a value away."""
Unset = msgspec.UnsetType


class Api(enum.Enum):
    """The three APIs, each with a kind of key of its own."""

    CALLFLOOR = "the Callfloor API"
    PORTAL = "the Portal API"
    CONVERSATIONS = "the Conversations API"
    NONE = "an address that carries its own signature"


REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Done twice, these leave what once leaves."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request(Generic[T]):
    """One request.

    Args:
        api: whose key signs it.
        path: from the root, quoted; or an address of the same server.
        answer: what a success is read as; None: nothing is read.
        query: what is None is left out; a sequence is repeated.
        body: JSON; what is UNSET is left out.
        piece: bytes as they are; the headers say what of.
        parts: opens what an upload is made of, anew for each attempt; the stack closes it.
        enveloped: whether the answer stands in the `data` of an envelope.
        is_repeatable: whether a second one does no harm, where the method alone does not say so.
        timeout: seconds for an answer, where they are others than the client's.
    """

    api: Api
    method: str
    path: str
    answer: type[T] | None
    query: Mapping[str, object] = dataclasses.field(default_factory=dict)
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    piece: bytes | None = None
    parts: Callable[[contextlib.ExitStack], Mapping[str, Any]] | None = None
    enveloped: bool = False
    is_repeatable: bool | None = None
    timeout: float | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again though an earlier one may have arrived."""
        return self.method in REPEATABLE if self.is_repeatable is None else self.is_repeatable

    def asking(self, **query: object) -> Request[T]:
        """Return the same request with these values in its query."""
        return dataclasses.replace(self, query={**self.query, **query})

    def content(self, opened: contextlib.ExitStack) -> dict[str, Any]:
        """Return what httpx2 builds the request from; files are closed with the stack."""
        pairs = _pairs(self.query)
        sent: dict[str, Any] = {"params": pairs} if pairs else {}  # an empty list would take the path's own away
        headers = {name: value for name, value in self.headers.items() if value is not None}
        if self.body is not None:
            filled = {name: sent_value(value) for name, value in self.body.items() if value is not UNSET}
            sent["content"] = msgspec.json.encode(filled)
            headers["content-type"] = "application/json"
        if self.piece is not None:
            sent["content"] = self.piece
        if self.parts is not None:
            sent.update(self.parts(opened))
        if self.timeout is not None:
            sent["timeout"] = httpx2.Timeout(self.timeout)
        return {**sent, "headers": headers}


def path(template: str, **values: object) -> str:
    """Return the path with each value quoted whole."""
    return template.format(**{name: quote(str(value), safe="") for name, value in values.items()})


def new_idempotency_key() -> str:
    """Return a key that makes repeats of one request do its work once."""
    return str(uuid.uuid4())


def given(value: T | None) -> T | Unset:
    """Return the value, UNSET for None: of a body's field where None means left out."""
    return UNSET if value is None else value


def joined(values: Iterable[str] | None) -> str | None:
    """Return a comma list, as the Conversations API takes it."""
    return values if values is None or isinstance(values, str) else ",".join(values)


def _pairs(query: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in query.items():
        several = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
        pairs += [(name, _text(one)) for one in several if one is not None]
    return pairs


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        return instant(value)
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def sent_value(value: object) -> object:
    """Return a field as it is sent. Raises as `instant`."""
    return instant(value) if isinstance(value, datetime.datetime) else value


def instant(value: datetime.datetime) -> str:
    """Return the instant as the APIs take it.

    Raises:
        ValueError: it has no time zone, so that nobody knows which moment is meant.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone: say which, such as datetime.UTC")
    return value.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
