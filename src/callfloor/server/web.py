"""The one web application: the edge around a dispatcher by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callfloor.server.asgi import Application, Receive, Scope, Send
from callfloor.server.edge import Edge
from callfloor.server.later import load
from callfloor.server.problems import NOT_FOUND, send_problem
from callfloor.server.routes import url_map

if TYPE_CHECKING:
    from callfloor.foundation.services import Services


def create_app(services: Services) -> Application:
    """Return the application with everything mounted that this server answers."""
    return Edge(Dispatcher(url_map(services)), services.settings)


class Dispatcher:
    """Hands a request to the application mounted at the first one or two segments of its path."""

    def __init__(self, mounted: Mapping[str, Application]) -> None:
        self._mounted = dict(mounted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        segments = scope["path"].split("/", 3)
        app = self._mounted.get("/".join(segments[:3])) or self._mounted.get("/".join(segments[:2]))
        if app is None:
            await send_problem(scope, send, NOT_FOUND)
        else:
            await app(scope, receive, send)

    async def load(self) -> None:
        """See `Loads.load`."""
        for app in self._mounted.values():
            await load(app)
