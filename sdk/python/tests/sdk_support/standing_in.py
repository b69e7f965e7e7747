"""A server that fails as it is told, for what a real one does not do on demand."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass(frozen=True)
class Answer:
    """What it answers; status 0 breaks the connection instead."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


BREAK = Answer(0)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What it was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclasses.dataclass
class StandIn:
    """Gives its answers one after the other, the last one for ever; `asked` is what came."""

    url: str
    asked: list[Asked] = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def standing_in(*answers: Answer) -> Iterator[StandIn]:
    """Run one."""
    waiting = list(answers)
    one = StandIn("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            one.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            given = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            if given.status == 0:
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in {"content-length": str(len(given.body)), **given.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(given.body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815  # the base class names them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
