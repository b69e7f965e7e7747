"""Addresses of the server itself that are only read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callfloor.server.asgi import Application, Headers, Receive, Scope, Send, send_answer
from callfloor.server.problems import METHOD_NOT_ALLOWED, NOT_FOUND, send_problem

CLOSED = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The part of a content security policy that every answer has."""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


def read_only(path: str, render: Callable[[Scope], Awaitable[Page]]) -> Application:
    """Return an application that answers GET and HEAD at exactly this path."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["path"] != path:
            await send_problem(scope, send, NOT_FOUND)
        elif scope["method"] not in {"GET", "HEAD"}:
            await send_problem(scope, send, METHOD_NOT_ALLOWED)
        else:
            page = await render(scope)
            await send_answer(send, page.status, page.headers, page.body)

    return app
