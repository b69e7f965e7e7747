"""The dialect's application: the key first, then the route, and every failure in the dialect's shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api import swagger, wire
from callfloor.conversations_api.reading import list_conversations, show_conversation
from callfloor.conversations_api.recordings import Listeners, recording_of, send_recording
from callfloor.conversations_api.refusals import ClientGone, Refused, bad_request, not_found, unavailable
from callfloor.conversations_api.uploading import upload_call
from callfloor.foundation import clock
from callfloor.foundation.errors import DomainError, InvalidInput, Unavailable
from callfloor.foundation.rate_limit import Api, limit_fields
from callfloor.foundation.services import Services
from callfloor.teams.principals import KeyRefused, Origin, Principal, conversations_principal

_KEY_MAX_LENGTH = 256
_CALLS, _MEETINGS = ConversationKind.CALL, ConversationKind.MEETING
_LISTS = {"calls": _CALLS, "meetings": _MEETINGS}
_FORBIDDEN = "The headers api-key and client-id must hold a valid pair; see Settings, Integrations, API & Webhooks."

Application = Callable[[Any, Any, Any], Awaitable[None]]
Handler = Callable[[Request, Services, Principal], Awaitable[Response]]

log = structlog.get_logger(__name__)


def create_app(services: Services) -> Application:
    """Return the application of `/calls`, `/meetings`, `/recordings`, `/swagger` and `/swagger-json`."""
    return _Application(services)


class _Application:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._limit = services.limits[Api.CONVERSATIONS]
        self._listeners = Listeners()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await self._answer(request)
        if response is not None:
            response.raw_headers += scope.get("callfloor.limit", ())
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        try:
            return await self._route(request)
        except Refused as refused:
            return refused.response()
        except InvalidInput as error:
            return bad_request(*(f"{one.field}: {one.message}" for one in error.errors)).response()
        except DomainError as error:
            return Refused(HTTPStatus(error.status), error.message).response()
        except Unavailable as error:
            log.warning("unavailable", error=str(error))
            return unavailable(error.retry_after_seconds).response()
        except ClientGone:
            return None
        except Exception:
            log.exception("request_failed", path=request.scope["path"])
            message = (
                "Something went wrong on this side. The header X-Request-Id names this request in the server's log."
            )
            return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, message).response()

    async def _route(self, request: Request) -> Response:
        parts = str(request.scope["path"]).removeprefix("/").split("/")
        if parts[0] in ("swagger", "swagger-json"):
            return swagger.response(request, parts, self._services.settings)
        if parts[0] == "recordings":
            return await self._recording(request, parts)
        principal = await self._principal(request)
        handlers = _handlers(parts)
        handler = handlers.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise Refused(
                HTTPStatus.METHOD_NOT_ALLOWED,
                f"{request.method} is not allowed here; allowed: {', '.join(sorted(handlers))}.",
                {"Allow": ", ".join(sorted(handlers))},
            )
        return await handler(request, self._services, principal)

    async def _recording(self, request: Request, parts: list[str]) -> Response:
        recording_id = recording_of(parts)
        if request.method not in {"GET", "HEAD"}:
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.", {"Allow": "GET, HEAD"})
        return await send_recording(request, self._services, self._listeners, recording_id)

    async def _principal(self, request: Request) -> Principal:
        api_key = request.headers.get(wire.API_KEY_HEADER, "")
        client_id = request.headers.get(wire.CLIENT_ID_HEADER, "")
        if not (0 < len(api_key) <= _KEY_MAX_LENGTH and 0 < len(client_id) <= _KEY_MAX_LENGTH):
            raise Refused(HTTPStatus.FORBIDDEN, _FORBIDDEN)
        now = clock.now()
        origin = Origin(request.client.host if request.client else "", now)
        try:
            principal = await conversations_principal(
                self._services.db, api_key, client_id, hash_key=self._services.settings.hash_key, origin=origin
            )
        except KeyRefused:
            raise Refused(HTTPStatus.FORBIDDEN, _FORBIDDEN) from None
        self._services.key_uses.note((principal.team_id, principal.key_id), now)
        limit = self._limit.limit
        verdict = await self._limit.taken(f"team {principal.team_id} key {principal.key_id}", now)
        request.scope["callfloor.limit"] = limit_fields(limit, verdict)
        if not verdict.allowed:
            message = f"This key may make {limit.requests} requests in {limit.window_seconds} seconds."
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, message, {"Retry-After": str(verdict.reset_seconds)})
        return principal


def _handlers(parts: list[str]) -> dict[str, Handler]:
    match parts:
        case ["calls"]:
            return {"GET": partial(list_conversations, kind=_CALLS), "POST": upload_call}
        case ["meetings"]:
            return {"GET": partial(list_conversations, kind=_MEETINGS)}
        case ["calls" | "meetings" as name, conversation_id] if conversation_id:
            return {"GET": partial(show_conversation, kind=_LISTS[name], conversation_id=conversation_id)}
        case _:
            raise not_found()
