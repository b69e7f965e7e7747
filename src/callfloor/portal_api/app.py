"""The Portal API as an ASGI application: limit, key, route, verb, envelope, in this order."""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from callfloor.foundation import clock
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput, Unavailable
from callfloor.foundation.idempotency import IdempotencyKeyReused
from callfloor.foundation.rate_limit import Api, Verdict
from callfloor.foundation.services import Services
from callfloor.portal_api import devices, exchange, monitoring, people, seats, usage, wire
from callfloor.portal_api.authentication import authenticated
from callfloor.portal_api.exchange import Refused, Request
from callfloor.teams.principals import Origin

Route = Callable[[Services, Request], Awaitable[Any]]
RouteWithId = Callable[[Services, Request, str], Awaitable[Any]]
Application = Callable[[Any, Any, Any], Awaitable[None]]

log = structlog.get_logger(__name__)

_FIXED: dict[tuple[str, str], Route] = {
    ("GET", f"{wire.ROOT}/seats"): seats.list_seats,
    ("POST", f"{wire.ROOT}/seats"): seats.add,
    ("GET", f"{wire.ROOT}/team/block/list"): devices.list_blocked,
    ("POST", f"{wire.ROOT}/team/invite"): people.invite,
    ("GET", f"{wire.ROOT}/analytics/monitoring"): monitoring.list_live,
    ("GET", f"{wire.ROOT}/analytics/usage"): usage.list_usage,
}
_WITH_ID: dict[tuple[str, str], RouteWithId] = {
    ("DELETE", f"{wire.ROOT}/seats/{{id}}"): seats.delete,
    ("DELETE", f"{wire.ROOT}/seats/unassign/{{id}}"): people.unassign,
    ("PUT", f"{wire.ROOT}/seats/block/{{id}}"): devices.block,
    ("PUT", f"{wire.ROOT}/team/device/unblock/{{id}}"): devices.unblock,
}
_PATTERNS = [(method, re.compile(path.replace("{id}", "([^/]+)")), route) for (method, path), route in _WITH_ID.items()]


def routes() -> list[tuple[str, str]]:
    """Return method and path of every route, `{id}` where an id stands."""
    return [*_FIXED, *_WITH_ID]


def create_app(services: Services) -> Application:
    """Return the application that answers everything below `/api/v1`."""
    return _Portal(services)


class _Portal:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._limit = services.limits[Api.PORTAL]
        self._hash_key = services.settings.hash_key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive, clock.now())
        headers: list[tuple[bytes, bytes]] = []
        try:
            verdict = await self._limit.taken(request.address, request.now)
            headers = exchange.limit_headers(self._limit.limit, verdict)
            data = await self._data(scope, request, verdict)
            status, body = 200, exchange.success(data, request.id)
        except Refused as refused:
            status, body = refused.error.status, exchange.failure(refused, request.id)
            if status == wire.AUTH_HEADER_MISSING.status:
                headers.append((b"www-authenticate", b'Basic realm="Callfloor Portal API", charset="UTF-8"'))
        except Unavailable as error:
            log.warning("unavailable", error=str(error))
            headers.append((b"retry-after", b"%d" % error.retry_after_seconds))
            status, body = _fault(request)
        except ConnectionError:
            raise  # the client left: there is nobody to answer
        except Exception:  # the edge of a request: whatever failed, the client gets the dialect's own answer
            log.exception("request_failed")
            status, body = _fault(request)
        await exchange.answer(send, status, body, headers)

    async def _data(self, scope: Any, request: Request, verdict: Verdict) -> Any:
        if not verdict.allowed:
            raise Refused(wire.TOO_MANY_REQUESTS)
        request.principal = await authenticated(
            self._services,
            request.header(b"authorization"),
            hash_key=self._hash_key,
            origin=Origin(request.address, request.now),
        )
        route = _route_of(scope["method"], scope["path"])
        try:
            return await route(self._services, request)
        except InvalidInput as error:
            raise exchange.refusal_of(error) from error
        except IdempotencyKeyReused as error:
            raise Refused(wire.VALIDATION_ERROR, (FieldError("Idempotency-Key", error.message),)) from error
        except DomainError as error:
            raise Refused(wire.OF_DOMAIN_ERROR[error.code]) from error


def _fault(request: Request) -> tuple[int, bytes]:
    """Return status and body of a fault: 500 also for what may work again soon, since 10000 goes with no other."""
    return wire.INTERNAL_SERVER_ERROR.status, exchange.failure(Refused(wire.INTERNAL_SERVER_ERROR), request.id)


def _route_of(method: str, path: str) -> Route:
    route = _FIXED.get((method, path))
    if route is not None:
        return route
    for allowed, pattern, with_id in _PATTERNS:
        match = pattern.fullmatch(path)
        if match is not None and method == allowed:
            return functools.partial(_call_with_id, with_id, match.group(1))
    raise Refused(wire.NOT_FOUND)


async def _call_with_id(route: RouteWithId, raw_id: str, services: Services, request: Request) -> Any:
    return await route(services, request, raw_id)
