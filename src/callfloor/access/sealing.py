"""Seals of the audit trail: each a hash over its entry and the seal before it, in the order of the commits.

Who changes, removes or inserts an entry afterwards would have to make every later seal anew, and for that needs the
installation's secret key. An entry is sealed by a job, about a minute after its commit.

A seal covers a digest of what an entry says was before and after, not the words: an erasure takes the words and leaves
the digest, and the chain still holds.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
from sqlalchemy import Integer, insert, select

from callfloor.access.tables import audit_entry, audit_seal
from callfloor.foundation.database import Tx, param
from callfloor.foundation.sequence import number_batch, numbered, prepare

BATCH = 500
NO_SEAL = (0, bytes(32))
"""What the first seal stands on."""
TRAIL = numbered(audit_entry, entry=audit_entry.c.entry, seq=audit_entry.c.seq)

_e = audit_entry.c
LAST_SEAL = select(audit_seal.c.seq, audit_seal.c.hash).order_by(audit_seal.c.seq.desc()).limit(1)
ENTRIES = (
    select(
        _e.seq,
        _e.id,
        _e.team_id,
        _e.at,
        _e.actor_kind,
        _e.actor_id,
        _e.actor_name,
        _e.action,
        _e.object_kind,
        _e.object_id,
        _e.before,
        _e.after,
        _e.request_id,
        _e.address,
        _e.content_digest,
    )
    .where(_e.seq > param("after"))
    .order_by(_e.seq)
    .limit(param("count", Integer))
)
_seal = insert(audit_seal)


def seal_of(entry: tuple[Any, ...], seal_before: bytes, *, hash_key: bytes) -> bytes:
    """Return the seal: HMAC-SHA-256 over the seal before and the entry as JSON with sorted names.

    Args:
        entry: a row of `ENTRIES`.
        seal_before: 32 bytes.
        hash_key: the installation's.
    """
    *facts, before, after, request_id, address, erased = entry
    content = content_digest(before, after, hash_key=hash_key) if erased is None else bytes(erased)
    sealed = [*facts, content.hex(), request_id, address]
    return hmac.digest(hash_key, b"audit:" + seal_before + msgspec.json.encode(sealed, order="deterministic"), "sha256")


def content_digest(before: Any, after: Any, *, hash_key: bytes) -> bytes:
    """Return the digest of an entry's content: keyed, so that nobody finds out by trying what was erased."""
    said = msgspec.json.encode([before, after], order="deterministic")
    return hmac.digest(hash_key, b"audit content:" + said, "sha256")


def is_forged(entry: tuple[Any, ...]) -> bool:
    """Return whether an entry has content beside the digest that stands for erased content."""
    return entry[-1] is not None and (entry[-5] is not None or entry[-4] is not None)


def seal_batch(tx: Tx, *, hash_key: bytes) -> int:
    """Number up to `BATCH` entries and seal them; return how many."""
    prepare(tx, TRAIL)
    if not number_batch(tx, TRAIL, count=BATCH):
        return 0
    seq, seal = tx.one(LAST_SEAL) or NO_SEAL
    rows = []
    for entry in tx.all(ENTRIES, {"after": seq, "count": BATCH}):
        seal = seal_of(entry, seal, hash_key=hash_key)
        rows.append({"seq": entry[0], "hash": seal})
    tx.run(_seal, rows)
    return len(rows)
