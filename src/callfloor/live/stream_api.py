"""One client's live stream: server-sent events until the client leaves, its sign-in ends, or the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.live.hub import Watcher
from callfloor.live.messages import GZIP_HEAD

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"vary", b"Accept-Encoding"),
]


class Stream(Response):
    """Sends what its watcher is offered."""

    def __init__(self, watcher: Watcher, *, is_packed: bool, on_end: Callable[[], None]) -> None:
        super().__init__()
        self._watcher = watcher
        self._is_packed = is_packed
        self._on_end = on_end

    async def __call__(
        self,
        scope: Any,  # noqa: ARG002  # ASGI's interface
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Answer the request."""
        leaving = asyncio.create_task(self._wait_until_the_client_leaves(receive))
        try:
            headers = [*_HEADERS, (b"content-encoding", b"gzip")] if self._is_packed else _HEADERS
            await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
            head = GZIP_HEAD if self._is_packed else b""
            while (message := await self._watcher.next()) is not None:
                body = head + (message.packed if self._is_packed else message.plain)
                head = b""
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()
            self._on_end()

    async def _wait_until_the_client_leaves(self, receive: Callable[[], Awaitable[Any]]) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._watcher.end()


def takes_gzip(request: Request) -> bool:
    """Return whether the client unpacks what it gets."""
    offers = (one.partition(";") for one in request.headers.get("accept-encoding", "").lower().split(","))
    return any(name.strip() == "gzip" and rest.replace(" ", "") not in {"q=0", "q=0.0"} for name, _, rest in offers)
