"""The SQLite file written anew, so that nothing of deleted rows is left in it or in its log.

Deleting a row only marks its place as free, and splitting a page leaves a copy behind that no later deletion finds:
what was deleted is certainly gone only after VACUUM. A full-text table without content keeps the words of deleted rows
until its segments are merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from callfloor.foundation.database.errors import translated
from callfloor.foundation.database.sqlite_connection import connect

_PAGES_A_STEP = 500
"""Of a full-text table merged in one transaction: writers wait for some milliseconds, not for all of it."""


def scrub(path: Path, indexes: Sequence[str], *, at_most_bytes: int) -> bool:
    """See `Database.scrub_now`."""
    if path.stat().st_size > at_most_bytes:
        return False
    with translated():
        connection = connect(path)
        try:
            for index in indexes:
                _merge(connection, index)
            connection.execute("VACUUM")
            ((is_busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return not is_busy
        finally:
            connection.close()


def _merge(connection: apsw.Connection, index: str) -> None:
    # A negative number begins a merge of all segments, the positive ones that follow take it to its end.
    merge = f"INSERT INTO {index}({index}, rank) VALUES ('merge', ?)"  # noqa: S608  # a name of ours
    connection.execute(merge, (-_PAGES_A_STEP,))
    while True:
        before = connection.total_changes()
        connection.execute(merge, (_PAGES_A_STEP,))
        if connection.total_changes() - before < 2:
            return
