"""A receiver of webhooks that answers as a test says and keeps what came."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import threading
from collections.abc import Callable

Reply = tuple[int, dict[str, str], bytes]
DEADLINE_SECONDS = 100.0
"""Long: what a killed worker had claimed comes again when its lease of 30 seconds has run out, twice if need be."""


@dataclasses.dataclass(frozen=True)
class Came:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """Listens on a free port; `answers` is asked for each reply."""

    def __init__(self) -> None:
        self.came: list[Came] = []
        self.answers: Callable[[Came], Reply] = lambda _: (200, {}, b"ok")
        self._changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # the sender died over it
                    self.close_connection = True
                    return
                one = Came({name.lower(): value for name, value in self.headers.items()}, body)
                status, headers, content = receiver.take(one)
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                with contextlib.suppress(ConnectionError):  # likewise
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, one: Came) -> Reply:
        """Keep a request and return its answer."""
        with self._changed:
            self.came.append(one)
            self._changed.notify_all()
        return self.answers(one)

    def wait_for(self, count: int) -> list[Came]:
        """Return what came once it is at least `count` requests.

        Raises:
            AssertionError: the deadline passed before.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.came) >= count, DEADLINE_SECONDS), f"{len(self.came)} came"
            return list(self.came)

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


def refuse(status: int, **headers: str) -> Callable[[Came], Reply]:
    """Return what answers so, whatever came."""
    return lambda _: (status, {name.replace("_", "-"): value for name, value in headers.items()}, b"no")
