"""The Portal API's application called without a network: a client's calls run in one event loop of the tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx

from callfloor.foundation.ids import new_request_id

App = Callable[[Any, Any, Any], Awaitable[None]]


class LoopTransport(httpx.BaseTransport):
    """Lets a plain `httpx.Client` call an ASGI application, by the loop that its database's readers belong to."""

    def __init__(self, app: App, runner: asyncio.Runner, *, address: str = "127.0.0.1") -> None:
        self._transport = httpx.ASGITransport(with_request_id(app), client=(address, 50000))
        self._runner = runner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self._runner.run(self.answer(request))

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, inside the loop."""
        if not isinstance(request.stream, httpx.AsyncByteStream):
            request.stream = _Pieces(request)
        answer = await self._transport.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)


class _Pieces(httpx.AsyncByteStream):
    """A body that is sent piece by piece."""

    def __init__(self, request: httpx.Request) -> None:
        self._pieces = request.stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._pieces, httpx.SyncByteStream)
        for piece in self._pieces:
            yield piece


def with_request_id(app: App) -> App:
    """Return the application as the server's edge calls it: with the request's id, told in a header too."""

    async def edge(scope: Any, receive: Any, send: Any) -> None:
        request_id = new_request_id()
        scope["callfloor.request_id"] = request_id

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        await app(scope, receive, send_with_id)

    return edge
