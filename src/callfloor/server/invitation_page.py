"""`/invitations/{token}`: one static page, the same for every link; its script asks the API what the link opens."""

from __future__ import annotations

import importlib.resources

from callfloor.server.asgi import Application, Headers, Receive, Scope, Send, send_answer
from callfloor.server.pages import CLOSED
from callfloor.server.problems import METHOD_NOT_ALLOWED, NOT_FOUND, send_problem

ROOT = "/invitations"
_POLICY = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; {CLOSED}"
_ASSETS = {
    "page.css": b"text/css; charset=utf-8",
    "page.js": b"text/javascript; charset=utf-8",
    "icon.svg": b"image/svg+xml",
}


def invitation_page() -> Application:
    """Return the application of the page and what it loads."""
    folder = importlib.resources.files("callfloor.server") / "invitation"
    page = (folder / "page.html").read_bytes()
    assets = {name: (folder / name).read_bytes() for name in _ASSETS}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        name = scope["path"].removeprefix(f"{ROOT}/")
        if not name or "/" in name or scope["path"] == ROOT:
            await send_problem(scope, send, NOT_FOUND)
        elif scope["method"] not in {"GET", "HEAD"}:
            await send_problem(scope, send, METHOD_NOT_ALLOWED)
        elif name in assets:
            headers: Headers = [(b"content-type", _ASSETS[name]), (b"cache-control", b"no-cache")]
            await send_answer(send, 200, headers, assets[name])
        else:
            headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY.encode())]
            await send_answer(send, 200, headers, page)

    return app
