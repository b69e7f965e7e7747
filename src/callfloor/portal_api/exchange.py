"""One request and its answer: envelope, headers, body reading; raw ASGI, since these routes are hot."""

from __future__ import annotations

import json
import urllib.parse
from typing import TYPE_CHECKING, Any

import msgspec

from callfloor.foundation.asked_host import base_url
from callfloor.foundation.errors import FieldError, InvalidInput, invalid
from callfloor.foundation.rate_limit import limit_fields
from callfloor.portal_api import wire
from callfloor.portal_api.parameters import FormFields, Given, once_each

if TYPE_CHECKING:
    from callfloor.foundation.clock import Millis
    from callfloor.foundation.rate_limit import Limit, Verdict
    from callfloor.foundation.settings import Settings
    from callfloor.teams.principals import Principal

BODY_LIMIT = 65_536
_ENCODE = msgspec.json.Encoder().encode


class Refused(Exception):
    """The request ends here with this error of the Portal API."""

    def __init__(self, error: wire.ErrorName, fields: tuple[FieldError, ...] = ()) -> None:
        super().__init__(error.name)
        self.error = error
        self.fields = fields


class Request:
    """What a route is handed."""

    __slots__ = ("_receive", "_scope", "now", "principal")

    def __init__(self, scope: Any, receive: Any, now: Millis) -> None:
        self._scope = scope
        self._receive = receive
        self.now = now
        self.principal: Principal

    @property
    def id(self) -> str:
        """Return the request's id."""
        request_id: str = self._scope["callfloor.request_id"]
        return request_id

    @property
    def address(self) -> str:
        """Return the client's address."""
        client = self._scope.get("client")
        return client[0] if client else ""

    def base_url(self, settings: Settings) -> str:
        """Return the address under which people reach this server, without a slash at the end.

        Raises:
            InvalidInput: neither a setting nor the Host header says it.
        """
        return base_url(settings, self._scope)

    def header(self, name: bytes) -> str | None:
        """Return a header by its lower-case name, or None."""
        for key, value in self._scope["headers"]:
            if key == name:
                text: str = value.decode("latin-1")
                return text
        return None

    def query(self) -> dict[str, Given]:
        """Return the query parameters.

        Raises:
            InvalidInput: they are not UTF-8.
        """
        raw = self._scope["query_string"]
        if not raw:
            return {}
        try:
            return once_each(urllib.parse.parse_qsl(raw.decode(), keep_blank_values=True, errors="strict"))
        except ValueError as error:
            raise invalid("query", "must be UTF-8") from error

    async def fields(self) -> dict[str, Any]:
        """Return the body's fields: JSON values as they are, form values as text.

        Raises:
            InvalidInput: another content type, a body that is not what its type says, or one over 64 KiB.
        """
        body = await self._body()
        kind = (self.header(b"content-type") or "").partition(";")[0].strip().lower()
        if kind == wire.FORM_BODY:
            return _form(body)
        if kind == wire.JSON_BODY or (not kind and not body):
            return _json_object(body)
        raise invalid("Content-Type", f"must be {' or '.join(wire.BODY_TYPES)}")

    async def _body(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ConnectionError("the client went away")
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > BODY_LIMIT:
                raise invalid("body", f"must be at most {BODY_LIMIT} bytes")
            if not message.get("more_body"):
                return b"".join(parts)


def _form(body: bytes) -> dict[str, Any]:
    try:
        return FormFields(once_each(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, errors="strict")))
    except ValueError as error:
        raise invalid("body", "must be UTF-8 form data") from error


def _json_object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        msgspec.json.decode(body, type=dict)
        # Strict as it is, msgspec keeps only the last of a repeated name.
        value: dict[str, Any] = json.loads(body, object_pairs_hook=once_each)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid("body", "must be a JSON object") from error
    return value


def success(data: Any, request_id: str) -> bytes:
    """Return the envelope of a success."""
    return b'{"code":0,"message":"Success","data":%b,"req_id":"%b"}' % (_ENCODE(data), request_id.encode())


def failure(refused: Refused, request_id: str) -> bytes:
    """Return the envelope of a failure."""
    error = refused.error
    if error is not wire.VALIDATION_ERROR:
        return _ENCODE(wire.Failure(error.code, error.name, error.message, None, request_id))
    fields = [wire.FieldMessage(one.field, one.message) for one in refused.fields]
    return _ENCODE(wire.ValidationFailure(error.code, error.name, error.message, None, request_id, fields))


def limit_headers(limit: Limit, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return the fields that tell of the limit, and Retry-After when refused."""
    headers = limit_fields(limit, verdict)
    if not verdict.allowed:
        headers.append((b"retry-after", b"%d" % verdict.reset_seconds))
    return headers


async def answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send the answer."""
    headers.append((b"content-type", wire.JSON_BODY.encode()))
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def refusal_of(error: InvalidInput) -> Refused:
    """Return a validation failure that names the fields."""
    return Refused(wire.VALIDATION_ERROR, error.errors)
