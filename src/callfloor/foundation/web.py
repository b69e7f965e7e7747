"""What every route of the Callfloor API shares: the request's facts, problems (RFC 9457), cursors, entity tags."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, NoReturn

import msgspec
import structlog
from fastapi import Depends, FastAPI, Header, Query
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import DomainError, FieldError, InvalidInput, Unavailable, invalid
from callfloor.foundation.services import Services

PROBLEM = "application/problem+json"
CALLER = "callfloor.caller"
"""Where the scope of a request holds who calls, once that is found."""
_CURSOR_MAX_LENGTH = 1000
_LARGEST = 2**63
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
"""Some protocols have statuses of their own besides."""

log = structlog.get_logger(__name__)


class Shape(BaseModel):
    """A body of the Callfloor API: no field is converted, none is unknown."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclasses.dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a route knows of its request besides path, query and body."""

    services: Services
    request_id: str
    address: str
    now: Millis


def facts_of(request: Request) -> RequestFacts:
    """Return the facts of a request; the time is read here, once."""
    address = request.client.host if request.client else ""
    return RequestFacts(request.app.state.services, request.scope["callfloor.request_id"], address, clock.now())


async def _facts(request: Request) -> RequestFacts:
    # What is not async is called in another thread, for every request.
    return facts_of(request)


Facts = Annotated[RequestFacts, Depends(_facts)]
Limit = Annotated[int, Query(ge=1, le=200, description="How many rows at most.")]
Cursor = Annotated[
    str | None, Query(max_length=_CURSOR_MAX_LENGTH, description="The `next_cursor` of the answer before.")
]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=1000, description="The ETag you last read.")]
RepeatKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="The same key within 24 hours gets the first answer again, and nothing is done twice.",
    ),
]


class PreconditionFailed(DomainError):
    """The object changed since the client read it (If-Match)."""

    code = "precondition_failed"
    status = 412


def entity_tag(representation: Any) -> str:
    """Return the strong entity tag of what a client is shown."""
    return f'"{hashlib.sha256(msgspec.json.encode(representation)).hexdigest()[:32]}"'


def check_match(if_match: str | None, representation: Any) -> None:
    """Compare If-Match with the object as it is in this transaction.

    Raises:
        PreconditionFailed: it is another by now.
    """
    if if_match is None or if_match.strip() == "*":
        return
    if entity_tag(representation) not in {tag.strip() for tag in if_match.split(",")}:
        raise PreconditionFailed("the object changed since you read it: read it again, then repeat your change")


def cursor_after(*position: int | str) -> str:
    """Return the cursor that goes on after this position."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def position_of(cursor: str | None, *kinds: type[int | str], field: str = "cursor") -> tuple[Any, ...] | None:
    """Return the position a cursor of ours stands for, or None without one; `field` is the parameter it came in.

    Raises:
        InvalidInput: it is none of ours.
    """
    if cursor is None:
        return None
    if len(cursor) > _CURSOR_MAX_LENGTH:
        _refuse_cursor(field)
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=list[int | str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        _refuse_cursor(field)
    # No database has room for larger numbers, and PostgreSQL keeps no NUL in a text.
    is_kept = all("\x00" not in one if isinstance(one, str) else -_LARGEST <= one < _LARGEST for one in position)
    if [type(value) for value in position] != list(kinds) or not is_kept:
        _refuse_cursor(field)
    return tuple(position)


def _refuse_cursor(field: str) -> NoReturn:
    given = "the next" if field == "after" else "a next_cursor"
    raise invalid(field, f"must be {given} of an earlier answer, unchanged")


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
    more: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer of application/problem+json; `more` are members of this one kind of problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _PHRASES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request.scope["callfloor.request_id"],
        **(more or {}),
    }
    if errors:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    return Response(msgspec.json.encode(body), status, headers, PROBLEM)


def answer_problems(app: FastAPI) -> None:
    """Let the application answer every failure as a problem."""
    app.add_exception_handler(DomainError, domain_problem)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Exception, _fault)


def domain_problem(request: Request, error: Exception) -> Response:
    """Return the answer to a refusal."""
    assert isinstance(error, DomainError)  # noqa: S101  # registered for it
    errors = error.errors if isinstance(error, InvalidInput) else ()
    headers = {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return problem(request, error.status, error.code, error.message, errors=errors, headers=headers)


def _malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
    errors = [FieldError(_field(one["loc"]), str(one["msg"]).removeprefix("Value error, ")) for one in error.errors()]
    detail = "; ".join(f"{one.field}: {one.message}" for one in errors)
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, InvalidInput.code, detail, errors=errors)


def _field(location: Sequence[int | str]) -> str:
    # The first part says where (body, query, path); of a body that is no JSON at all it is all there is.
    return ".".join(str(part) for part in location[1:] if not isinstance(part, int) or len(location) > 2) or "body"


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
    code = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}.get(error.status_code, "refused")
    return problem(request, error.status_code, code, str(error.detail), headers=dict(error.headers or {}))


def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)  # noqa: S101  # registered for it
    log.warning("unavailable", error=str(error))
    headers = {"Retry-After": str(error.retry_after_seconds)}
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "try again", headers=headers)


def _fault(request: Request, _error: Exception) -> Response:
    # Starlette raises the exception again after this answer; the edge of the server logs it.
    detail = "something went wrong here; the log of the server has the request id"
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail)
