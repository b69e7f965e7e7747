"""The page at `/`: what is here."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.metadata
import importlib.resources
from collections.abc import Awaitable, Callable

from callfloor.foundation.settings import Settings
from callfloor.server.asgi import Scope
from callfloor.server.pages import Page


def welcome(settings: Settings) -> Callable[[Scope], Awaitable[Page]]:
    """Return the page; it runs no script, loads nothing, and its one style is allowed by its hash."""
    text = (importlib.resources.files("callfloor.server") / "welcome.html").read_text(encoding="utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", policy.encode())]
    text = text.replace("{version}", importlib.metadata.version("callfloor"))

    async def render(scope: Scope) -> Page:
        base = html.escape(settings.public_url or _asked(scope))
        return Page(200, headers, text.replace("{base}", base).encode())

    return render


def _asked(scope: Scope) -> str:
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    return f"{scope['scheme']}://{host.decode('latin-1')}"
