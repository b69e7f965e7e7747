"""A line between a client and a server that breaks when so many bytes have passed."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Sequence

_READ_BYTES = 65_536
_AT_ONCE = struct.pack("ii", 1, 0)
"""For SO_LINGER: the other side learns of the close as of a broken line."""

Break = tuple[int, Callable[[], object]]
"""At how many bytes, and what is done then."""


class BreakingLine:
    """Listens on a port of its own and hands each connection on to the server's.

    What came up to a break reaches the server; the client only sees its connection gone.

    Args:
        port: the server's, on this machine; it may be gone for a while.
        breaks: in order of their bytes.
    """

    def __init__(self, port: int, breaks: Sequence[Break]) -> None:
        self._to = ("127.0.0.1", port)
        self._left = list(breaks)
        self._lock = threading.Lock()
        self.sent = 0
        """Bytes that the server was handed, those of headers with them."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._to)
                except OSError:
                    client.close()
                    continue
                self._start(self._up, client, server)
                self._start(self._down, client, server)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(_READ_BYTES):
                count, then = self._until_a_break(len(data))
                server.sendall(data[:count])
                if then is not None:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                    client.close()
                    then()
                    break
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(_READ_BYTES):
                client.sendall(data)
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _until_a_break(self, count: int) -> tuple[int, Callable[[], object] | None]:
        with self._lock:
            if not self._left or self.sent + count < self._left[0][0]:
                self.sent += count
                return count, None
            at, then = self._left.pop(0)
            count = max(0, at - self.sent)
            self.sent += count
            return count, then

    def _start(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()
