"""The OpenAPI document of the Callfloor API: what FastAPI writes, completed by refusals, security and scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from callfloor.access.guard import CSRF_HEADER, SESSION_COOKIE
from callfloor.devices.agent.guard import device_of
from callfloor.foundation.web import PROBLEM
from callfloor.ingest.api import PATH as EVENTS_PATH
from callfloor.ingest.openapi import EVENTS_REFUSALS, events_operation, events_schemas
from callfloor.server.api_bounds import BODY_LIMIT
from callfloor.server.api_callers import finder_of, is_for_people, scope_of

_READS = frozenset({"get", "head"})
_REFUSALS = {
    "400": "The body cannot be read.",
    "401": "No session and no key, or one that is not valid any more.",
    "403": "The caller may not do this.",
    "404": "There is no such thing in this team.",
    "409": "The state of things does not allow it; `code` says why.",
    "410": "It was there, and has ended.",
    "412": "The object changed since the client read it.",
    "413": f"The body has more than {BODY_LIMIT} bytes.",
    "422": "Malformed input; `errors` names the fields.",
    "429": "Too many requests; `Retry-After` says for how many seconds.",
    "500": "The server failed.",
    "503": "Something the server needs does not answer; `Retry-After` says when to try again.",
}
_PROBLEM_SCHEMA = {
    "type": "object",
    "description": "A failure (RFC 9457); `code` is stable, `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "format": "uuid"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_PROBLEM_CONTENT = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE, "description": "Signed in by POST /session."},
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The session's `csrf_token`, with every change.",
    },
    "key": {"type": "http", "scheme": "bearer", "description": "A key of the Callfloor API, with scopes."},
    "device": {"type": "http", "scheme": "bearer", "description": "A device's token, from its log-in."},
}


def described(app: FastAPI) -> dict[str, Any]:
    """Return the document of the application's routes."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=[{"url": "/"}],
    )
    for path, method, dependant in _operations(app):
        _complete(document["paths"][path][method], method, dependant)
    components = document["components"]
    _write_forms_in(document["paths"], components["schemas"])
    document["paths"][EVENTS_PATH] = {"post": events_operation({one: _refusal(one) for one in EVENTS_REFUSALS})}
    components["schemas"].update(events_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = _PROBLEM_SCHEMA
    components["securitySchemes"] = _SECURITY
    return document


def _write_forms_in(paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Write each form where it is sent: as a component it would have a name that no client should have to write."""
    for operation in (one for path in paths.values() for one in path.values()):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if name.startswith("Body_"):
                content["schema"] = schemas.pop(name)
                content["schema"].pop("title", None)
                content["schema"]["additionalProperties"] = False
                fields = content["schema"]["properties"]
                fields.update({field: _not_null(schema) for field, schema in fields.items()})


def _operations(app: FastAPI) -> Iterator[tuple[str, str, Dependant]]:
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        if isinstance(dependant, Dependant) and context.path is not None:
            for method in context.methods or ():
                yield context.path, method.lower(), dependant


def _complete(operation: dict[str, Any], method: str, dependant: Dependant) -> None:
    # The first line of the docstring is a better summary than the function's name.
    operation["summary"] = operation.pop("description", operation["summary"]).splitlines()[0].rstrip(".")
    scope = scope_of(dependant)
    if scope is not None:
        operation["description"] = f"Needs the scope `{scope.value}`."
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _not_null(parameter["schema"])
    operation["responses"].update({status: _refusal(status) for status in _statuses(operation, method, dependant)})
    for status, answer in operation["responses"].items():
        if not status.startswith("2"):
            answer.setdefault("content", _PROBLEM_CONTENT)
    operation["responses"] = dict(sorted(operation["responses"].items()))
    security = _security(method, dependant)
    if security:
        operation["security"] = security


def _statuses(operation: dict[str, Any], method: str, dependant: Dependant) -> Iterator[str]:
    """Yield what the route may be refused with, apart from its success."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    is_guarded = finder_of(dependant) is not None
    yield from ("422", "500", "503")
    if is_guarded or method not in _READS:
        yield from ("401", "403", "429")
    if method not in _READS:
        yield "409"
    if "requestBody" in operation:
        yield from ("400", "413")
    if "path" in places or method not in _READS:
        yield "404"
    if "If-Match" in names:
        yield "412"
    if not is_guarded and "path" in places:
        yield "410"


def _security(method: str, dependant: Dependant) -> list[dict[str, list[str]]]:
    finder = finder_of(dependant)
    if finder is device_of:
        return [{"device": []}]
    if finder is None:
        return []
    session: dict[str, list[str]] = {"session": []} if method in _READS else {"session": [], "csrf": []}
    return [session] if is_for_people(dependant) else [{"key": []}, session]


def _refusal(status: str) -> dict[str, Any]:
    return {"description": _REFUSALS[status], "content": _PROBLEM_CONTENT}


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter or a form's field, left out when it is nothing: no client can send null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"anyOf", "title"}}
    return {**rest, **choices[0]} if len(choices) == 1 else schema
