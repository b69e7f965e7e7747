"""Give committed rows their numbers, one sequencer at a time.

Rows commit in another order than they were inserted, so a reader that follows ids misses the late ones. Numbers are
therefore given after the commit, in a second transaction that holds the row of the sequence: the next batch is only
numbered once this one can be seen, and a reader that follows `seq > last` misses nothing. Inside a batch the rows keep
the order of insertion, so what was written after it had seen another row always has the higher number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Column, Executable, Integer, Table, select, update

from callfloor.foundation.database import Database, Tx, param, upsert
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.sequence.tables import sequence_head

BATCH = 500
"""Rows numbered in one transaction."""

_new_head = (
    upsert(sequence_head)
    .values(name=param("head"), last=param("start"))
    .on_conflict_do_nothing(index_elements=[sequence_head.c.name])
)
_head = select(sequence_head.c.last).where(sequence_head.c.name == param("head")).with_for_update(skip_locked=True)
_last = select(sequence_head.c.last).where(sequence_head.c.name == param("head"))
_move_head = update(sequence_head).where(sequence_head.c.name == param("head")).values(last=param("reached"))


@dataclasses.dataclass(frozen=True, slots=True)
class Numbered:
    """A table whose committed rows are numbered; make it once, beside the table, by `numbered`."""

    name: str
    waiting: Executable
    """The first `count` rows without a number, in order of insertion."""
    give: Executable
    """Sets the number of one row."""


def numbered(table: Table, *, entry: Column[Any], seq: Column[Any]) -> Numbered:
    """Describe a table that is to be numbered.

    Args:
        table: its name becomes the name of the sequence.
        entry: grows with each insert; need not be gapless, nor in order of commit. Wants a partial index on the rows
            whose `seq` is null.
        seq: unique, null until numbered.
    """
    waiting = select(entry).where(seq.is_(None)).order_by(entry).limit(param("count", Integer))
    give = update(table).where(entry == param("the_entry")).values({seq: param("number")})
    return Numbered(table.name, waiting, give)


def prepare(tx: Tx, what: Numbered) -> None:
    """Make the row of the sequence, if this is its first start."""
    tx.run(_new_head, {"head": what.name, "start": 0})


def number_batch(tx: Tx, what: Numbered, *, count: int = BATCH) -> int:
    """Number up to `count` rows.

    Returns:
        how many; 0 too while another process is numbering.
    """
    head = tx.one(_head, {"head": what.name})
    if head is None:
        return 0
    rows = tx.all(what.waiting, {"count": count})
    if rows:
        last = head[0]
        tx.run(what.give, [{"the_entry": entry, "number": last + i} for i, (entry,) in enumerate(rows, 1)])
        tx.run(_move_head, {"head": what.name, "reached": last + len(rows)})
    return len(rows)


def last_number(tx: Tx, what: Numbered) -> int:
    """Return the last number given; every row up to it can be seen."""
    row = tx.one(_last, {"head": what.name})
    return row[0] if row is not None else 0


def number_waiting(db: Database, what: Numbered) -> int:
    """Number all that is committed by now; an idle call is one indexed read.

    Raises:
        Unavailable: the database does not answer; call again.
    """
    given = 0
    while db.read_now(partial(_is_waiting, what=what)):
        batch = db.write_now(partial(number_batch, what=what))
        given += batch
        if batch < BATCH:
            break
    return given


def _is_waiting(tx: Tx, what: Numbered) -> bool:
    return tx.one(what.waiting, {"count": 1}) is not None


class Sequencer(Rounds):
    """Numbers the rows of some tables on a thread of its own; several processes may each run one."""

    def __init__(self, db: Database, tables: Sequence[Numbered], *, poll_seconds: float = 0.2) -> None:
        super().__init__("sequencer", self._number, every_seconds=poll_seconds)
        self._db = db
        self._tables = tuple(tables)
        self._is_prepared = False

    def _number(self) -> None:
        if not self._is_prepared:
            for what in self._tables:
                self._db.write_now(partial(prepare, what=what))
            self._is_prepared = True
        for what in self._tables:
            number_waiting(self._db, what)
