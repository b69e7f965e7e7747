"""apsw, behind the seam, is the only SQLite in any process, tests included; there is no engine and no ORM.

Two SQLite libraries in one process lose committed rows: a file lock of POSIX ends with the first handle that is
closed, so a read with the standard library's module lets another process write over what apsw then commits.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Tree

LIBRARIES = {"sqlite3", "_sqlite3", "aiosqlite", "pysqlite3", "sqlmodel"}
PREFIXES = (
    "sqlalchemy.orm",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.create_engine",
    "sqlalchemy.engine.create_engine",
    "sqlalchemy.create_async_engine",
)
ENGINES = (f"{SOURCE}/foundation/database/apsw_dbapi.py", f"{SOURCE}/foundation/database/migrate.py")
PEERS = "benchmarks/peers/"
"""Programs that a benchmark compares with, written as others write them; they run in processes of their own."""


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find imports of another SQLite, of engines and of the ORM."""
    for module in tree.modules:
        if module.path in ENGINES or module.path.startswith(PEERS):
            continue
        for _, full, line in module.imports():
            if full.partition(".")[0] in LIBRARIES or f"{full}.".startswith(tuple(f"{name}." for name in PREFIXES)):
                yield module.breach(line, f"{full}: only the seam opens a database, by apsw or psycopg")
