"""A line to a server that is cut after so many bytes, those on their way to it or those on their way back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

BLOCK = 16 * 1024


class Line:
    """Passes on what comes; each of `after` cuts one connection once so many bytes went that way."""

    def __init__(self, port: int, *after: int, is_on_way_back: bool = False) -> None:
        self.cuts = 0
        self._port = port
        self._after = list(after)
        self._is_on_way_back = is_on_way_back
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                limit = self._after.pop(0) if self._after else None
                there, back = (None, limit) if self._is_on_way_back else (limit, None)
                threading.Thread(target=self._pass, args=(client, server, there), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, back), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while (limit is None or passed < limit) and (block := source.recv(BLOCK)):
                target.sendall(block)
                passed += len(block)
        if limit is not None and passed >= limit:
            self.cuts += 1
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()


@contextlib.contextmanager
def cut_line(port: int, *after: int, is_on_way_back: bool = False) -> Iterator[Line]:
    """Lay a line to the port; see `Line`."""
    line = Line(port, *after, is_on_way_back=is_on_way_back)
    try:
        yield line
    finally:
        line.close()
