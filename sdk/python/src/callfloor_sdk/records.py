"""What answers are read into: records that pass over unknown fields, so that a newer server breaks nothing."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import Any, TypeVar

import httpx2
import msgspec

from callfloor_sdk.errors import UnreadableAnswer
from callfloor_sdk.requests import Request

T = TypeVar("T")


class Record(msgspec.Struct, kw_only=True, dict=True):
    """An answer, or a part of one."""

    @property
    def etag(self) -> str | None:
        """Of a whole answer that may be changed: give it as `if_match`, and nobody else's change is lost."""
        found: str | None = self.__dict__.get("etag_")
        return found

    @property
    def request_id(self) -> str | None:
        """Of a whole answer: stands in the server's log."""
        found: str | None = self.__dict__.get("request_id_")
        return found

    @property
    def http_status(self) -> int | None:
        """Of a whole answer: an upload that was there already is 200, a new one 202."""
        found: int | None = self.__dict__.get("http_status_")
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, named as on the wire."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


class Input(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """A part of what is sent; what is left out is left to the server."""


def read(request: Request[T], answer: httpx2.Response) -> T:
    """Return a success as what the request asked for.

    Raises:
        UnreadableAnswer: it is none of this API.
    """
    if request.answer is None:
        return None  # type: ignore[return-value]  # a Request[None]: T is None
    try:
        wanted: Any = request.answer
        found = _decoder(wanted, request.enveloped).decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise UnreadableAnswer(f"{request.method} {request.path}: {fault}") from fault
    value = found.data if request.enveloped else found
    if isinstance(value, Record):
        value.__dict__["etag_"] = answer.headers.get("etag")
        value.__dict__["http_status_"] = answer.status_code
        value.__dict__["request_id_"] = answer.headers.get("x-request-id")
    result: T = value
    return result


@functools.cache
def _decoder(type_: Hashable, enveloped: bool) -> msgspec.json.Decoder[Any]:  # noqa: FBT001  # a key of the cache
    if enveloped:
        return msgspec.json.Decoder(msgspec.defstruct("Envelope", [("data", type_)]))
    return msgspec.json.Decoder(type_)
