"""Swagger UI and the OpenAPI document: no key, no other host, a strict content policy."""

from __future__ import annotations

import functools
import importlib.util
from http import HTTPStatus
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from callfloor.conversations_api.openapi import document
from callfloor.conversations_api.refusals import Refused, not_found
from callfloor.foundation.settings import Settings, Upload

_PACKAGE = "flask_swagger_ui"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_ASSETS = {
    "swagger-ui.css": "text/css",
    "index.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-standalone-preset.js": "text/javascript",
    "favicon-32x32.png": "image/png",
    "favicon-16x16.png": "image/png",
}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Callfloor Conversations API</title>
<link rel="stylesheet" href="/swagger/swagger-ui.css">
<link rel="stylesheet" href="/swagger/index.css">
<link rel="stylesheet" href="/swagger/own.css">
<link rel="icon" type="image/png" href="/swagger/favicon-32x32.png" sizes="32x32">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger/swagger-ui-bundle.js"></script>
<script src="/swagger/start.js"></script>
</body>
</html>
"""
_STYLE = """/* Swagger UI writes names of headers dark on dark, and this light on light. */
.swagger-ui .json-schema-2020-12-expand-deep-button { color: inherit; }
.dark-mode .swagger-ui table.headers td { color: #e4e6e6; }
/* No operation has links: their empty column is what does not fit on a telephone. */
.swagger-ui .responses-table .response-col_links { display: none; }
"""
_START = """const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
window.ui = SwaggerUIBundle({
  url: "/swagger-json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


def response(request: Request, parts: list[str], settings: Settings) -> Response:
    """Return the page, one of its files, or the document.

    Raises:
        Refused: 404 for another address, 405 for another method than GET.
    """
    if request.method not in ("GET", "HEAD"):
        message = f"{request.method} is not allowed here; allowed: GET."
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, message, {"Allow": "GET"})
    match parts:
        case ["swagger-json"]:
            body = _encoded(settings.upload)
            return Response(body, headers=_HEADERS, media_type="application/json")
        case ["swagger"] | ["swagger", ""]:
            return Response(_PAGE, headers=_HEADERS, media_type="text/html")
        case ["swagger", "start.js"]:
            return Response(_START, headers=_HEADERS, media_type="text/javascript")
        case ["swagger", "own.css"]:
            return Response(_STYLE, headers=_HEADERS, media_type="text/css")
        case ["swagger", name] if name in _ASSETS:
            return FileResponse(_folder() / name, headers=_HEADERS, media_type=_ASSETS[name])
        case _:
            raise not_found()


@functools.cache
def _encoded(limits: Upload) -> bytes:
    return msgspec.json.encode(document(limits))


@functools.cache
def _folder() -> Path:
    # Found, not imported: importing the package would load a web framework that nothing here uses.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {_PACKAGE}, which holds the files of Swagger UI, is not installed")
    return Path(spec.origin).parent / "dist"
