"""How a connection to the SQLite file is opened: the same pragmas everywhere."""

from __future__ import annotations

import time
from pathlib import Path

import apsw

BUSY_WAIT_SECONDS = 5.0
_BUSY_NAP_SECONDS = 0.001
_MAPPED_BYTES = 1 << 36
"""More than is expected of a file: what lies beyond is copied page by page."""


def connect(path: Path, *, read_only: bool = False) -> apsw.Connection:
    """Open the file in WAL mode; a commit is on disk when it returns (synchronous FULL).

    A writer waits for another process's lock in naps of one millisecond, up to `BUSY_WAIT_SECONDS`: SQLite's own
    back-off of up to 100 ms starves one of two busy processes.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=200)
    connection.set_busy_handler(_nap)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=FULL").fetchall()
    connection.execute("PRAGMA foreign_keys=ON").fetchall()
    connection.execute("PRAGMA cache_size=-65536").fetchall()
    if read_only:
        connection.execute("PRAGMA query_only=ON").fetchall()
        connection.execute(f"PRAGMA mmap_size={_MAPPED_BYTES}").fetchall()
    return connection


def _nap(calls: int) -> bool:
    if calls * _BUSY_NAP_SECONDS > BUSY_WAIT_SECONDS:
        return False
    time.sleep(_BUSY_NAP_SECONDS)
    return True
