"""`POST /api/v2/agent/events`, answered without a framework: thousands of agents call it, twice a minute each."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from callfloor.access.guard import TooManyRequests
from callfloor.devices.agent.guard import client_of, hash_of
from callfloor.devices.tokens import BY_TOKEN, caller_of
from callfloor.foundation import clock
from callfloor.foundation.clock import SECOND, Millis
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput, Unavailable
from callfloor.foundation.rate_limit import Api, limit_fields
from callfloor.foundation.services import Services
from callfloor.foundation.web import problem
from callfloor.ingest.batches import NotJson, Parcel, parcel_despite_faults, parcel_of
from callfloor.ingest.schemas import Taken
from callfloor.ingest.writer import Writer

PATH = "/api/v2/agent/events"
BODY_LIMIT = 1_000_000

_TOLD = "callfloor.limit"
"""Where a request keeps what its answer tells of the limit."""
_HEADERS = [(b"content-type", b"application/json")]
_ENCODER = msgspec.json.Encoder()

log = structlog.get_logger(__name__)


class BodyTooLarge(DomainError):
    """The body has more bytes than are read."""

    code = "body_too_large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class MethodNotAllowed(DomainError):
    """Events are only posted."""

    code = "method_not_allowed"
    status = HTTPStatus.METHOD_NOT_ALLOWED


class Events:
    """The application of the one route; it holds the writer of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        settings = services.settings
        settle = settings.live.settle_seconds * SECOND
        self._writer = Writer(services.db, queue_events=settings.ingest.queue_events, settle=settle)
        self._limit = services.limits[Api.EVENTS]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = _ENCODER.encode(await self._taken(scope, receive))
        except DomainError as error:
            refusal = _refusal(scope, error)
            refusal.raw_headers += scope.get(_TOLD, ())
            await refusal(scope, receive, send)
            return
        except Unavailable as error:
            log.warning("unavailable", error=str(error))
            await _unavailable(scope, error)(scope, receive, send)
            return
        headers = [*_HEADERS, *scope[_TOLD], (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _taken(self, scope: Any, receive: Any) -> Taken:
        if scope["method"] != "POST":
            raise MethodNotAllowed(f"{scope['method']} is not allowed here; allowed: POST")
        token_hash = hash_of(_authorization(scope), self._services.settings.hash_key)
        now = clock.now()
        verdict = await self._limit.taken(client_of(token_hash), now)
        scope[_TOLD] = limit_fields(self._limit.limit, verdict)
        if not verdict.allowed:
            raise TooManyRequests(verdict.reset_seconds)
        try:
            parcel = await self._parcel(scope, receive, token_hash, now)
        except DomainError:
            await self._check_token(token_hash, now)  # who may not speak here is told that first
            raise
        if not parcel.events:
            await self._check_token(token_hash, now)
            return Taken(0, 0, parcel.rejected, self._writer.heartbeat_seconds)
        counted, heartbeat_seconds = await self._writer.write(parcel)
        return Taken(counted.accepted, counted.duplicates, parcel.rejected, heartbeat_seconds)

    async def _parcel(self, scope: Any, receive: Any, token_hash: bytes, now: Millis) -> Parcel:
        if scope["query_string"]:
            raise InvalidInput([FieldError("query", "has no parameters here")])
        body = await _body(receive)
        try:
            return parcel_of(body, token_hash, now=now)
        except NotJson:
            await self._check_token(token_hash, now)  # the slow way is for who may speak here, and beside the loop
            return await asyncio.to_thread(parcel_despite_faults, body, token_hash, now=now)

    async def _check_token(self, token_hash: bytes, now: Millis) -> None:
        caller_of(await self._services.db.read(BY_TOKEN, {"token_hash": token_hash}), now)


def _authorization(scope: Any) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization":
            text: str = value.decode("latin-1")
            return text
    return ""


async def _body(receive: Any) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_LIMIT:
            raise BodyTooLarge(f"the body must have at most {BODY_LIMIT} bytes; send fewer events at once")
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _refusal(scope: Any, error: DomainError) -> Response:
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = "POST"
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    errors = error.errors if isinstance(error, InvalidInput) else ()
    return problem(Request(scope), error.status, error.code, error.message, errors=errors, headers=headers)


def _unavailable(scope: Any, error: Unavailable) -> Response:
    headers = {"Retry-After": str(error.retry_after_seconds)}
    detail = "try again, with the same events: what was taken already is known by its ids"
    return problem(Request(scope), HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers=headers)
