"""Integer ids, unique in the installation, handed out inside the transaction that uses them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text, TypedColumns

from callfloor.foundation.database import Tx, metadata, param, upsert


class NumberCounterColumns(TypedColumns):
    """One row a kind of thing; `last` is the newest number given."""

    kind: Column[str] = Column(Text, primary_key=True)
    last: Column[int] = Column(BigInteger)


number_counter = Table("number_counter", metadata, NumberCounterColumns)

_fresh = upsert(number_counter).values(kind=param("kind"), last=param("count"))
_take = _fresh.on_conflict_do_update(
    index_elements=[number_counter.c.kind],
    set_={"last": number_counter.c.last + _fresh.excluded.last},
).returning(number_counter.c.last)


def take_numbers(tx: Tx, kind: str, count: int = 1) -> int:
    """Return the first of `count` consecutive new numbers. Gaps are normal; a number never returns."""
    row = tx.one(_take, {"kind": kind, "count": count})
    if row is None:
        raise LookupError(kind)
    last: int = row[0]
    return last - count + 1
