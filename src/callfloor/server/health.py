"""For balancers and supervisors: is the process alive, and can it do its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import Integer, literal_column, select

from callfloor.foundation.database import Database
from callfloor.foundation.errors import Unavailable
from callfloor.server.asgi import Headers, Scope
from callfloor.server.pages import Page

_JSON: Headers = [(b"content-type", b"application/json")]
_DATABASE_ANSWERS = select(literal_column("1", Integer))


async def live(_scope: Scope) -> Page:
    """Answer that the process answers."""
    return Page(200, _JSON, b'{"status":"ok"}')


def ready(db: Database) -> Callable[[Scope], Awaitable[Page]]:
    """Return the page that says whether the database answers."""

    async def render(_scope: Scope) -> Page:
        try:
            await db.read(_DATABASE_ANSWERS)
        except Unavailable:
            return Page(503, _JSON, b'{"status":"unavailable","database":"does not answer"}')
        return Page(200, _JSON, b'{"status":"ok","database":"answers"}')

    return render
