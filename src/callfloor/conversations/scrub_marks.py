"""Which receipts wait until nothing of what they are about is left in the database's files."""

from __future__ import annotations

from sqlalchemy import select, update

from callfloor.conversations.erasing import RETENTION
from callfloor.conversations.stewardship_tables import erasure, redaction
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param

_x, _r = erasure.c, redaction.c
_unscrubbed = (
    select(_x.id)
    .where(_x.finished_at.is_not(None), _x.scrubbed_at.is_(None), _x.cause != RETENTION)
    .order_by(_x.finished_at)
    .limit(1),
    select(_r.id).where(_r.finished_at.is_not(None), _r.scrubbed_at.is_(None)).order_by(_r.finished_at).limit(1),
)
_set_scrubbed = tuple(
    update(table)
    .where(table.c.finished_at.is_not(None), table.c.scrubbed_at.is_(None))
    .values(scrubbed_at=param("now"))
    for table in (erasure, redaction)
)


def is_unscrubbed(tx: Tx) -> bool:
    """Return whether something that somebody asked to be removed may still be in the database's files."""
    return any(tx.one(statement) is not None for statement in _unscrubbed)


def set_scrubbed(tx: Tx, *, now: Millis) -> None:
    """Write on every finished receipt that nothing of it is left in the database's files."""
    for statement in _set_scrubbed:
        tx.run(statement, {"now": now})
