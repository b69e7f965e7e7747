"""Errors of the server itself, outside any dialect: application/problem+json (RFC 9457)."""

from __future__ import annotations

import http
from dataclasses import dataclass

import msgspec

from callfloor.server.asgi import Headers, Scope, Send, send_answer


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, by a stable code."""

    status: int
    code: str
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


NOT_FOUND = Problem(404, "not_found", "There is nothing at this address.")
METHOD_NOT_ALLOWED = Problem(405, "method_not_allowed", "This address is only read.", ((b"allow", b"GET, HEAD"),))
HTTPS_ONLY = Problem(403, "https_only", "This server is reached by HTTPS.")
FAULT = Problem(500, "internal_error", "Something went wrong. The request id tells the operator where to look.")


def unavailable(retry_after_seconds: int) -> Problem:
    """Return the answer while something that the request needs does not answer."""
    headers = ((b"retry-after", b"%d" % retry_after_seconds),)
    return Problem(503, "unavailable", "Something this needs does not answer now. Try again.", headers)


async def send_problem(scope: Scope, send: Send, problem: Problem) -> None:
    """Answer with the problem."""
    body = msgspec.json.encode(
        {
            "type": "about:blank",
            "title": http.HTTPStatus(problem.status).phrase,
            "status": problem.status,
            "code": problem.code,
            "detail": problem.detail,
            "request_id": scope["callfloor.request_id"],
        }
    )
    headers: Headers = [(b"content-type", b"application/problem+json"), *problem.headers]
    await send_answer(send, problem.status, headers, body)
