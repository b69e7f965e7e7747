"""Forget events that are old, and that every follower has read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, delete, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.outbox.events import OUTBOX
from callfloor.foundation.outbox.tables import outbox_event, outbox_follower
from callfloor.foundation.sequence import last_number

FORGOTTEN_AT_ONCE = 1000

_e, _f = outbox_event.c, outbox_follower.c
_slowest = select(_f.name, _f.seq).order_by(_f.seq, _f.name).limit(1)
# The lowest numbers, and of them the old ones: events come about in the order of their numbers.
_first = (
    select(_e.entry, _e.at)
    .where(_e.seq <= param("up_to", BigInteger))
    .order_by(_e.seq)
    .limit(param("count", Integer))
    .cte("first")
)
_forget = (
    delete(outbox_event)
    .where(_e.entry.in_(select(_first.c.entry).where(_first.c.at < param("before"))))
    .returning(_e.entry)
)
_next = select(_e.at).where(_e.seq > param("reached", BigInteger)).order_by(_e.seq).limit(1)


def forget_events(tx: Tx, *, before: Millis) -> int:
    """Forget up to `FORGOTTEN_AT_ONCE` events from before the instant that every follower has read; return how many.

    Whoever begins to follow later does not hear of them.
    """
    slowest = tx.one(_slowest)
    up_to = last_number(tx, OUTBOX) if slowest is None else slowest[1]
    return len(tx.all(_forget, {"up_to": up_to, "before": before, "count": FORGOTTEN_AT_ONCE}))


def follower_in_the_way(tx: Tx, *, before: Millis) -> str | None:
    """Return the name of a follower that has not read an event from before the instant, if there is one."""
    slowest = tx.one(_slowest)
    if slowest is None:
        return None
    row = tx.one(_next, {"reached": slowest[1]})
    return slowest[0] if row is not None and row[0] < before else None
