"""A ledger to try the seam on: entries of a team, and the total kept beside them; also a program that writes one.

python -m tests.support.ledger write URL TEAM THREADS COUNT    prints the id of each entry once it is on disk
python -m tests.support.ledger hold URL TEAM                   prints "held", commits when a line is read
"""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    select,
)

from callfloor.foundation.database import Database, Json, Tx, open_database, param, upsert
from callfloor.foundation.database.migrate import engine_for
from callfloor.foundation.ids import new_id

_metadata = MetaData()
entry = Table(
    "seam_ledger_entry",
    _metadata,
    Column("team_id", BigInteger, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("note", Text, nullable=True),
)
total = Table(
    "ledger_total",
    _metadata,
    Column("team_id", BigInteger, primary_key=True),
    Column("entries", BigInteger, nullable=False),
)
pledge = Table(
    "ledger_pledge",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("promised_to", Text, ForeignKey("ledger_pledge.id", deferrable=True, initially="DEFERRED"), nullable=True),
    Index("ix_ledger_pledge_promised_to", "promised_to"),
)
"""What the product never has: a constraint that fails at COMMIT only."""
sample = Table(
    "ledger_sample",
    _metadata,
    Column("team_id", BigInteger, primary_key=True),
    Column("id", BigInteger, primary_key=True),
    Column("text", Text().with_variant(Text(collation="C"), "postgresql"), nullable=True),
    Column("content", Json, nullable=True),
    Column("hash", LargeBinary, nullable=True),
    Column("is_lit", Boolean, nullable=True),
    Column("share", BigInteger, nullable=True),
)
"""A column of every type that tables have."""

add_one = upsert(entry).values(team_id=param("team_id"), id=param("id"), note=param("note"))
_count = upsert(total).values(team_id=param("team_id"), entries=1)
_count_one = _count.on_conflict_do_update(
    index_elements=[total.c.team_id], set_={"entries": total.c.entries + _count.excluded.entries}
).returning(total.c.entries)
ids_of_team = select(entry.c.id).where(entry.c.team_id == param("team_id"))
entries_of_team = select(func.count()).select_from(entry).where(entry.c.team_id == param("team_id"))
total_of_team = select(total.c.entries).where(total.c.team_id == param("team_id"))


@dataclasses.dataclass(frozen=True, slots=True)
class AddEntry:
    """One more entry of a team."""

    team_id: int
    id: str
    note: str | None = None


def create_ledger(url: str) -> None:
    """Make the ledger's tables in the database."""
    engine = engine_for(url)
    with engine.begin() as connection:
        _metadata.create_all(connection)
    engine.dispose()


def add_entry(tx: Tx, command: AddEntry) -> int:
    """Add the entry and count it; returns the team's total."""
    tx.run(add_one, {"team_id": command.team_id, "id": command.id, "note": command.note})
    counted = tx.one(_count_one, {"team_id": command.team_id})
    assert counted is not None
    return int(counted[0])


def ledger_of(tx: Tx, team_id: int) -> tuple[set[str], int]:
    """Return the ids of the team's entries and the total kept of them."""
    kept = tx.one(total_of_team, {"team_id": team_id})
    return {id_ for (id_,) in tx.all(ids_of_team, {"team_id": team_id})}, int(kept[0]) if kept else 0


def write_entries(db: Database, team_id: int, count: int) -> None:
    """Add entries, one transaction each; prints each id once it is acknowledged."""
    for _ in range(count):
        id_ = new_id()
        db.write_now(partial(add_entry, command=AddEntry(team_id, id_)))
        os.write(1, f"{id_}\n".encode())


def hold_transaction(db: Database, team_id: int) -> None:
    """Add an entry and keep its transaction open until a line is read."""

    def verb(tx: Tx) -> None:
        add_entry(tx, AddEntry(team_id, new_id()))
        os.write(1, b"held\n")
        sys.stdin.readline()

    db.write_now(verb)


def main(arguments: Sequence[str]) -> None:
    """Do what the command line says."""
    what, url, team_id, *numbers = arguments
    db = open_database(url)
    if what == "hold":
        hold_transaction(db, int(team_id))
    else:
        threads, count = map(int, numbers)
        writers = [threading.Thread(target=write_entries, args=(db, int(team_id), count)) for _ in range(threads)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    db.close_now()


if __name__ == "__main__":
    main(sys.argv[1:])
