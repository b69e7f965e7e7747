"""What bounds every request to the Callfloor API: the size of its body, the names of its parameters, its limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, params
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import HTTPException
from fastapi.requests import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import compile_path

from callfloor.foundation.errors import DomainError, FieldError, InvalidInput
from callfloor.foundation.rate_limit import limit_fields
from callfloor.foundation.web import domain_problem, problem
from callfloor.server.api_callers import Guard, guard_of
from callfloor.server.asgi import Application, Headers, Message, Receive, Scope, Send

BODY_LIMIT = 1_000_000
_WITH_BODIES = frozenset({"POST", "PATCH"})
"""Methods of the routes that take large bodies."""


_Guards = dict[str, Guard | None]
"""What guards a path, by method."""


class Bounds:
    """Refuses methods a path has not (405), callers who may not (401, 403) and bodies over the limit (413).

    It tells what is left of the limit, too.

    Args:
        app: what is bounded.
        large: how many bytes the body of a method and a route's path may have where that is not the usual limit.
        ahead: what is asked before the application, by path.
    """

    def __init__(self, app: FastAPI, *, large: Mapping[tuple[str, str], int], ahead: Mapping[str, Application]) -> None:
        self._app = app
        self._ahead = ahead
        self._large = [(method, compile_path(path)[0], limit) for (method, path), limit in large.items()]
        self._literal: dict[str, _Guards] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], _Guards]] = {}
        for route in iter_route_contexts(app.routes):
            path, dependant = route.path or "", getattr(route, "dependant", None)
            guard = guard_of(dependant) if isinstance(dependant, Dependant) else None
            if "{" not in path:
                guards = self._literal.setdefault(path, {})
            else:
                guards = self._patterns.setdefault(path, (compile_path(path)[0], {}))[1]
            guards.update(dict.fromkeys(route.methods or (), guard))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The router alone would hand `GET /things/batches` to `/things/{id}`, and tell one method of several.
        guards = self._guards_of(scope["path"])
        if guards and scope["method"] not in guards:
            headers = {"Allow": ", ".join(sorted(guards))}
            detail = f"{scope['method']} is not allowed here; allowed: {headers['Allow']}"
            refusal = problem(
                Request(scope), HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers=headers
            )
            await refusal(scope, receive, send)
            return
        scope["app"] = self._app
        refused = await _refused(guards.get(scope["method"]), Request(scope))
        size, limit_bytes = 0, self._limit_of(scope)

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit_bytes:
                detail = f"the body must have at most {limit_bytes} bytes"
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
            return message

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                limit = limit_fields(*scope["callfloor.limit"]) if "callfloor.limit" in scope else []
                message["headers"] = [*_of_a_body(message), *limit]
            await send(message)

        await (refused or self._ahead.get(scope["path"], self._app))(scope, counted, told)

    def _limit_of(self, scope: Scope) -> int:
        method, path = scope["method"], scope["path"]
        if method not in _WITH_BODIES:
            return BODY_LIMIT
        return next((limit for one, pattern, limit in self._large if one == method and pattern.match(path)), BODY_LIMIT)

    def _guards_of(self, path: str) -> _Guards:
        if path in self._literal:
            return self._literal[path]
        found: _Guards = {}
        for pattern, guards in self._patterns.values():
            if pattern.match(path):
                # The router takes the first route that fits.
                found = guards | found
        return found


def _of_a_body(message: Message) -> Headers:
    """Return the headers without the type of a body that is not there (204), which the framework names all the same."""
    headers: Headers = message["headers"]
    if message["status"] != HTTPStatus.NO_CONTENT:
        return headers
    return [header for header in headers if header[0] != b"content-type"]


async def _refused(guard: Guard | None, request: Request) -> Response | None:
    if guard is not None:
        try:
            await guard(request)
        except DomainError as error:
            return domain_problem(request, error)
    return None


_parameters: dict[int, tuple[APIRoute, frozenset[str]]] = {}
"""By route, which no other can take the number of while it stands here."""


def _parameters_of(route: APIRoute) -> frozenset[str]:
    found = _parameters.get(id(route))
    if found is None:
        fields = get_flat_params(route.dependant)
        names = frozenset(one.alias for one in fields if isinstance(one.field_info, params.Query))
        found = _parameters[id(route)] = (route, names)
    return found[1]


async def known_parameters_only(request: Request) -> None:
    """Refuse query parameters that the route does not know: a filter that is misspelt must not be passed over.

    Raises:
        InvalidInput: there are some, or one is repeated.
    """
    route = request.scope.get("route")
    given = [name for name, _ in request.query_params.multi_items()]
    if not given or not isinstance(route, APIRoute):
        return
    known = _parameters_of(route)
    errors = [FieldError(name, "is not a parameter here") for name in dict.fromkeys(given) if name not in known]
    errors += [FieldError(name, "must be given once") for name in known if given.count(name) > 1]
    if errors:
        raise InvalidInput(errors)
