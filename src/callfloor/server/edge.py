"""The outermost layer of every request: its id, its client, the security headers, its log line, the last resort."""

from __future__ import annotations

import time

import structlog
from starlette.requests import ClientDisconnect

from callfloor.foundation import clock
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.ids import new_request_id
from callfloor.foundation.settings import Settings
from callfloor.server.asgi import Application, Headers, Message, Receive, Scope, Send
from callfloor.server.client_address import ClientAddress, is_loopback
from callfloor.server.later import load
from callfloor.server.pages import CLOSED
from callfloor.server.problems import FAULT, HTTPS_ONLY, send_problem, unavailable
from callfloor.server.request_log import RequestLine, RequestLog, shown_path

log = structlog.get_logger(__name__)

CLIENT_GONE = 499
"""Logged when the client left before the answer began; nobody is sent it."""

_DEFAULTS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", f"default-src 'none'; {CLOSED}".encode()),
)
"""Sent unless the application says otherwise: right for an answer of an API."""
_ONLY_HTTPS = (b"strict-transport-security", b"max-age=31536000")
_FOR_PROBES = frozenset({"/healthz", "/readyz"})


class Edge:
    """Wraps the application; the one place of a server that catches what nothing else caught."""

    def __init__(self, app: Application, settings: Settings) -> None:
        self._app = app
        self._clients = ClientAddress(settings.trusted_proxies)
        self._log = RequestLog(settings.log)
        # Only for a name the operator owns: a browser would keep it for all servers on localhost.
        has_name = settings.public_url is not None and settings.public_url.startswith("https://")
        self._defaults = (*_DEFAULTS, _ONLY_HTTPS) if has_name else _DEFAULTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        started = time.perf_counter_ns()
        request_id = new_request_id()
        scope["callfloor.request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, ((b"x-request-id", request_id.encode()), *self._defaults))
        try:
            await self._run(scope, receive, answer)
        finally:
            if self._log.is_on:
                self._write_line(scope, answer, time.perf_counter_ns() - started)

    async def load(self) -> None:
        """See `Loads.load`."""
        await load(self._app)

    async def _run(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        peer = scope.get("client") or ("", 0)
        self._clients.resolve(scope)
        try:
            if scope["scheme"] == "http" and scope["path"] not in _FOR_PROBES and self._is_in_the_open(scope, peer[0]):
                await send_problem(scope, answer.send, HTTPS_ONLY)
            else:
                await self._app(scope, receive, answer.send)
        except (ConnectionError, ClientDisconnect):
            answer.status = answer.status or CLIENT_GONE
        except Unavailable as error:
            log.warning("unavailable", error=str(error))
            if not answer.status:
                await send_problem(scope, answer.send, unavailable(error.retry_after_seconds))
        except Exception:
            log.exception("request_failed")
            if not answer.status:
                await send_problem(scope, answer.send, FAULT)

    def _is_in_the_open(self, scope: Scope, peer: str) -> bool:
        """Return whether a plain request crossed a network: it came from no proxy of ours, or a proxy says so."""
        if self._clients.is_trusted(peer):
            return any(name == b"x-forwarded-proto" for name, _ in scope["headers"])
        return not is_loopback(peer)

    def _write_line(self, scope: Scope, answer: _Answer, nanoseconds: int) -> None:
        client = scope.get("client")
        self._log.write(
            RequestLine(
                timestamp=self._log.timestamp(clock.now()),
                request_id=scope["callfloor.request_id"],
                method=scope["method"],
                path=shown_path(scope["path"], scope["raw_path"]),
                status=answer.status,
                duration_ms=nanoseconds // 1000 / 1000,
                size_bytes=answer.size_bytes,
                client=client[0] if client else "",
            )
        )


class _Answer:
    """Passes an answer on with the default headers, and remembers its status and size."""

    __slots__ = ("_defaults", "_send", "size_bytes", "status")

    def __init__(self, send: Send, defaults: tuple[tuple[bytes, bytes], ...]) -> None:
        self._send = send
        self._defaults = defaults
        self.status = 0
        self.size_bytes = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: Headers = list(message.get("headers", ()))
            given = {name for name, _ in headers}
            headers += [default for default in self._defaults if default[0] not in given]
            message = {**message, "headers": headers}
        else:
            self.size_bytes += len(message.get("body", b""))
        await self._send(message)
