"""What tus asks of every request: a method by header, its version in every answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from callfloor.conversations_api.tus_protocol import PATH, VERSION, VERSION_HEADER

Application = Callable[[Any, Any, Any], Awaitable[None]]

_ANSWERED_WITH = (VERSION_HEADER.lower().encode(), VERSION.encode())
_OVERRIDE = b"x-http-method-override"


def spoken(app: Application) -> Application:
    """Return the application so that at the addresses of uploads it speaks tus."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], _ANSWERED_WITH]
            await send(message)

        if scope["path"] != PATH and not scope["path"].startswith(f"{PATH}/"):
            await app(scope, receive, send)
            return
        method = next((value for name, value in scope["headers"] if name == _OVERRIDE), None)
        if method is not None and scope["method"] == "POST":
            scope["method"] = method.decode("latin-1").upper()
        await app(scope, receive, told)

    return answer
