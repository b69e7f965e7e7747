"""For balancers and supervisors: is the process alive, and can it do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from sqlalchemy import Integer, literal_column, select

from callfloor.foundation.errors import Unavailable
from callfloor.server.asgi import Headers, Scope
from callfloor.server.pages import Page

if TYPE_CHECKING:
    from callfloor.foundation.services import Services

_JSON: Headers = [(b"content-type", b"application/json")]
_DATABASE_ANSWERS = select(literal_column("1", Integer))


async def live(_scope: Scope) -> Page:
    """Answer that the process answers."""
    return Page(200, _JSON, b'{"status":"ok"}')


def ready(services: Services) -> Callable[[Scope], Awaitable[Page]]:
    """Return the page that says whether the database and the store of the limits answer.

    Without the store every process counts by itself and goes on: it stays ready, so that no balancer takes all away.
    """

    async def render(_scope: Scope) -> Page:
        try:
            await services.db.read(_DATABASE_ANSWERS)
        except Unavailable:
            return Page(503, _JSON, b'{"status":"unavailable","database":"does not answer"}')
        match await services.limits.store_answers():
            case None:
                return Page(200, _JSON, b'{"status":"ok","database":"answers"}')
            case True:
                return Page(200, _JSON, b'{"status":"ok","database":"answers","rate_limit_store":"answers"}')
            case False:
                degraded = b'{"status":"degraded","database":"answers","rate_limit_store":"does not answer"}'
                return Page(200, _JSON, degraded)

    return render
