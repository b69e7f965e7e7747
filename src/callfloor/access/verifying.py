"""Verifies the audit trail: every sealed entry as it was, none missing, none slipped in."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import Integer, func, select

from callfloor.access.sealing import ENTRIES, NO_SEAL, TRAIL, is_forged, seal_of
from callfloor.access.tables import audit_entry, audit_seal
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.sequence.tables import sequence_head

_BATCH = 1000

_seals = (
    select(audit_seal.c.seq, audit_seal.c.hash)
    .where(audit_seal.c.seq > param("after"))
    .order_by(audit_seal.c.seq)
    .limit(param("count", Integer))
)
_head = select(sequence_head.c.last).where(sequence_head.c.name == TRAIL.name)
_waiting = select(func.count(), func.min(audit_entry.c.at)).where(audit_entry.c.seq.is_(None))


@dataclasses.dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not as it was sealed."""

    seq: int
    entry_id: str | None
    """None when the entry is gone."""
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Verified:
    """What was found."""

    sealed: int
    """Entries that are as they were sealed."""
    head: str
    """The last good seal, in hexadecimal: kept elsewhere, it proves the trail up to it."""
    unsealed: int
    """Entries written since, which no seal protects yet."""
    unsealed_since: int | None
    erased: int
    """Sealed entries whose content was taken by an erasure; a digest stands for it."""
    broken: Broken | None


def verify_trail(db: Database, *, hash_key: bytes, known: tuple[int, str] | None = None) -> Verified:
    """Compute every seal anew, a thousand a read.

    Args:
        db: the database.
        hash_key: the installation's.
        known: number and seal (hexadecimal) that were the head of the trail once.
    """
    seq, seal = NO_SEAL
    erased = 0
    broken: Broken | None = None
    while broken is None:
        entries, seals = db.read_now(functools.partial(_read, after=seq))
        if not entries and not seals:
            break
        by_seq = {entry[0]: entry for entry in entries}
        kept = dict(seals)
        # Where one of the two reads was cut short, what lies beyond its last row comes with the next read.
        ends = [max(found) for found in (by_seq, kept) if len(found) == _BATCH]
        until = min(ends, default=max([*by_seq, *kept]))
        while seq < until and broken is None:
            entry, expected = by_seq.get(seq + 1), kept.get(seq + 1)
            computed = b"" if entry is None or is_forged(entry) else seal_of(entry, seal, hash_key=hash_key)
            erased += entry is not None and entry[-1] is not None
            broken = _breach(seq + 1, None if entry is None else entry[1], computed, expected)
            if known is not None and broken is None and known[0] == seq + 1 and known[1] != computed.hex():
                broken = Broken(seq + 1, None if entry is None else entry[1], "the trail was another one here")
            if broken is None:
                seq, seal = seq + 1, computed
    head, (waiting, since) = db.read_now(_read_end)
    if broken is None and head > seq:
        broken = Broken(seq + 1, None, "the entry and its seal were removed")
    if broken is None and known is not None and known[0] > seq:
        broken = Broken(seq + 1, None, "the trail was longer once")
    return Verified(seq, seal.hex(), waiting, since, erased, broken)


def _breach(seq: int, entry_id: str | None, computed: bytes, expected: bytes | None) -> Broken | None:
    if entry_id is None:
        return Broken(seq, None, "the entry was removed")
    if expected is None:
        return Broken(seq, entry_id, "its seal was removed")
    return None if computed == expected else Broken(seq, entry_id, "the entry, or its seal, was changed")


def _read(tx: Tx, after: int) -> tuple[list[tuple[Any, ...]], list[tuple[int, bytes]]]:
    params = {"after": after, "count": _BATCH}
    return list(tx.all(ENTRIES, params)), [(seq, bytes(seal)) for seq, seal in tx.all(_seals, params)]


def _read_end(tx: Tx) -> tuple[int, tuple[int, int | None]]:
    head, waiting = tx.one(_head), tx.one(_waiting)
    return (0 if head is None else head[0]), (0, None) if waiting is None else (waiting[0], waiting[1])
