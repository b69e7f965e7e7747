"""A SQLite file written anew, so that nothing of deleted rows is left in it or in its log.

Deleting a row only marks its place as free, and splitting a page leaves a copy behind that no later deletion finds:
what was deleted is certainly gone only after VACUUM. A full-text table without content keeps the words of deleted rows
until its segments are merged. Writers wait meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from callfloor.foundation.database.errors import translated
from callfloor.foundation.database.sqlite_connection import connect

SQLITE = "sqlite:///"
_PAGES_A_STEP = 500
"""Of a full-text table merged in one transaction: writers wait for some milliseconds, not for all of it."""


def scrub(url: str, indexes: Sequence[str], *, at_most_bytes: int) -> bool:
    """Let nothing of rows that were deleted be left in the database's files; takes long.

    PostgreSQL has no such thing that does not stop readers, too: there it does nothing.

    Args:
        url: the database's.
        indexes: full-text tables whose deleted words are to go, too.
        at_most_bytes: a larger file is left alone.

    Returns:
        whether it was done: False too when somebody reads what was before; try again later.

    Raises:
        Busy: somebody else writes for long.
    """
    path = Path(url.removeprefix(SQLITE))
    if not url.startswith(SQLITE) or not path.exists() or path.stat().st_size > at_most_bytes:
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
