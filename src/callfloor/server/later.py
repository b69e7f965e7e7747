"""Applications that are imported and made beside the first requests, so that the others answer sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from callfloor.server.asgi import Application, Receive, Scope, Send


@runtime_checkable
class Loads(Protocol):
    """What is not whole yet when it is made."""

    async def load(self) -> None:
        """Make it whole; a second call waits for the first."""


class Later:
    """Stands for the application that `make` returns; a request that comes sooner waits for it."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._made: Application | None = None
        self._making: asyncio.Task[Application] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._made or await self._load()
        await app(scope, receive, send)

    async def load(self) -> None:
        """See `Loads.load`."""
        await self._load()

    async def _load(self) -> Application:
        if self._making is None:
            self._making = asyncio.get_running_loop().create_task(self._in_thread())
        return await asyncio.shield(self._making)

    async def _in_thread(self) -> Application:
        self._made = await asyncio.to_thread(self._make)
        return self._made


async def load(app: object) -> None:
    """Make an application whole that is not yet."""
    if isinstance(app, Loads):
        await app.load()
