"""Pages of the server itself that need a script: each one file, the same for everybody, which asks the API."""

from __future__ import annotations

import importlib.resources
from collections.abc import Callable

from callfloor.server.asgi import Application, Headers, Receive, Scope, Send, send_answer
from callfloor.server.pages import CLOSED
from callfloor.server.problems import METHOD_NOT_ALLOWED, NOT_FOUND, send_problem

_POLICY = f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; {CLOSED}"
_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}


def static_page(root: str, folder: str, is_page: Callable[[str], bool]) -> Application:
    """Return the application of a page and what it loads.

    Args:
        root: the path below which everything lies.
        folder: where `page.html` and what it loads are kept, beside this module.
        is_page: whether the page is shown at this path.
    """
    files = importlib.resources.files("callfloor.server") / folder
    page = (files / "page.html").read_bytes()
    kinds = {one.name: _TYPES.get(f".{one.name.rpartition('.')[2]}") for one in files.iterdir()}
    assets = {f"{root}/{name}": ((files / name).read_bytes(), kind) for name, kind in kinds.items() if kind}

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path not in assets and not is_page(path):
            await send_problem(scope, send, NOT_FOUND)
        elif scope["method"] not in {"GET", "HEAD"}:
            await send_problem(scope, send, METHOD_NOT_ALLOWED)
        elif path in assets:
            body, kind = assets[path]
            headers: Headers = [(b"content-type", kind), (b"cache-control", b"no-cache")]
            await send_answer(send, 200, headers, body)
        else:
            headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY.encode())]
            await send_answer(send, 200, headers, page)

    return app


def invitation_page() -> Application:
    """Return the application of `/invitations/{token}`: its script asks what the link opens."""
    return static_page("/invitations", "invitation", lambda path: path.count("/") == 2 and not path.endswith("/"))


def authorize_page() -> Application:
    """Return the application of `/authorize`, where a person confirms a machine; it looks like an invitation."""
    return static_page("/authorize", "authorize", lambda path: path == "/authorize")
