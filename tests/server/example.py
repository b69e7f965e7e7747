"""A program that serves an application made for tests, with some of the options of `callfloor serve`."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import structlog

from callfloor.foundation.environment import read_settings
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.logging import configure_logging
from callfloor.foundation.services import Services
from callfloor.server.asgi import Application, Receive, Scope, Send, send_answer
from callfloor.server.connections import Connection
from callfloor.server.edge import Edge
from callfloor.server.later import Later
from callfloor.server.serve import Listening, serve
from callfloor.server.web import Dispatcher

log = structlog.get_logger("example")

TEXT = [(b"content-type", b"text/plain")]


async def count(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of bytes that came."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        size, more = size + len(message["body"]), message["more_body"]
        log.info("receiving", size_bytes=size)
    await send_answer(send, 200, TEXT, b"%d" % size)


async def who(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with the client and the scheme as the application sees them."""
    await send_answer(send, 200, TEXT, f"{scope['client'][0]} {scope['scheme']}".encode())


async def fault(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Fail before the answer."""
    raise RuntimeError("the fault")


async def late_fault(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Fail in the middle of the answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [*TEXT, (b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("the late fault")


async def gone(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Need something that does not answer."""
    raise Unavailable("the database went home")


async def own(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with a policy and an error of a dialect's own."""
    await send_answer(send, 500, [(b"content-security-policy", b"default-src 'self'")], b"own")


def broken() -> Application:
    """Fail to make an application."""
    raise RuntimeError("a part cannot be loaded")


def app_of(services: Services, *, is_broken: bool) -> Application:
    """Return the application."""
    mounted: dict[str, Application] = {f"/{app.__name__}": app for app in (count, who, fault, late_fault, gone, own)}
    if is_broken:
        mounted["/broken"] = Later(broken)
    return Edge(Dispatcher(mounted), services.settings)


def main() -> None:
    """Serve it, with patience for silent clients that suits a test."""
    Connection.head_seconds = Connection.silence_seconds = 2.0
    Connection.look_seconds = 0.2
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--behind-proxy", action="store_true")
    parser.add_argument("--broken", action="store_true")
    options = parser.parse_args()
    settings = read_settings(data=options.data)
    configure_logging(settings.log)
    listening = Listening(port=options.port, is_behind_proxy=options.behind_proxy, has_worker=False)
    serve(settings, listening, app_of=functools.partial(app_of, is_broken=options.broken))


if __name__ == "__main__":
    main()
