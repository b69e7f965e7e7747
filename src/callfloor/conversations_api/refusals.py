"""What goes wrong, as this dialect says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from fastapi.responses import Response

from callfloor.conversations_api import wire

_encoder = msgspec.json.Encoder()


class Refused(Exception):
    """A request that is answered with an error; with 400 the message is a list, one entry a field."""

    def __init__(
        self, status: HTTPStatus, message: str | Sequence[str], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message if isinstance(message, str) else list(message)
        self.headers = headers or {}

    def response(self) -> Response:
        """Return the answer."""
        body = wire.ErrorBody(self.status, self.status.phrase, self.message)
        return json_response(body, status=self.status, headers=self.headers)


class ClientGone(Exception):
    """The client closed the connection before its request was whole: nobody is there to be answered."""


def bad_request(*messages: str) -> Refused:
    """Return the error of one or more wrong fields, each message beginning with the field's name."""
    return Refused(HTTPStatus.BAD_REQUEST, messages)


def not_found(message: str = "There is nothing at this address.") -> Refused:
    """Return the error of an address or an id that does not exist."""
    return Refused(HTTPStatus.NOT_FOUND, message)


def unavailable(retry_after_seconds: int) -> Refused:
    """Return the error of something that does not answer now."""
    return Refused(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Something this needs does not answer at the moment. Try again.",
        {"Retry-After": str(retry_after_seconds)},
    )


def json_response(
    body: msgspec.Struct, *, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the struct as JSON."""
    return Response(
        _encoder.encode(body), status_code=status, headers=dict(headers or {}), media_type="application/json"
    )
