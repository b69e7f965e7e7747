"""The bound of ingest: the database's own bulk load of rows that are ready.

    python -m benchmarks.bounds.ingest URL FILE

The file is a list of transactions, each a list of tables with their rows in the order of the keys. Nothing is received,
checked, compared or added up here. Rows of tables to which rows are only added are inserted (COPY on PostgreSQL); where
some may be there already they are upserted (from a table that COPY filled). Prints one JSON line.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from callfloor.foundation.database.sqlite_connection import connect

Row = list[Any]


class Load(msgspec.Struct):
    """The rows of one table."""

    table: str
    columns: list[str]
    key: list[str]
    is_upsert: bool
    rows: list[Row]

    @property
    def names(self) -> str:
        """Return the columns for a statement."""
        return ", ".join(self.columns)

    @property
    def conflict(self) -> str:
        """Return what an upsert ends with."""
        if not self.is_upsert:
            return ""
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.columns if name not in self.key)
        return f" ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {changed}"


def load_sqlite(url: str) -> Callable[[Sequence[Load]], None]:
    """Return what loads a transaction's rows into a SQLite file."""
    connection = connect(Path(url.removeprefix("sqlite:///")))

    def run(loads: Sequence[Load]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for load in loads:
            places = ", ".join("?" for _ in load.columns)
            sql = f"INSERT INTO {load.table} ({load.names}) VALUES ({places}){load.conflict}"
            connection.executemany(sql, load.rows)
        connection.execute("COMMIT")

    return run


def load_postgres(url: str) -> Callable[[Sequence[Load]], None]:
    """Return what loads a transaction's rows into a PostgreSQL database."""
    connection = psycopg.connect(url)
    cursor = connection.cursor()

    def copy(table: str, load: Load) -> None:
        with cursor.copy(f"COPY {table} ({load.names}) FROM STDIN".encode()) as rows:
            for row in load.rows:
                rows.write_row(row)

    def run(loads: Sequence[Load]) -> None:
        for load in loads:
            if not load.is_upsert:
                copy(load.table, load)
                continue
            cursor.execute(f"CREATE TEMP TABLE sent (LIKE {load.table}) ON COMMIT DROP".encode())
            copy("sent", load)
            key = ", ".join(load.key)
            # A statement may not upsert one row twice.
            select = f"SELECT DISTINCT ON ({key}) {load.names} FROM sent"
            cursor.execute(f"INSERT INTO {load.table} ({load.names}) {select}{load.conflict}".encode())
            cursor.execute("DROP TABLE sent")
        connection.commit()

    return run


def main() -> None:
    """Load, and tell what it took."""
    url, file = sys.argv[1:]
    transactions = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[list[Load]])
    run = (load_sqlite if url.startswith("sqlite:") else load_postgres)(url)
    cpu, wall = time.process_time(), time.perf_counter()
    for loads in transactions:
        run(loads)
    print(msgspec.json.encode({"cpu": time.process_time() - cpu, "seconds": time.perf_counter() - wall}).decode())


if __name__ == "__main__":
    main()
