"""Blocks as rows: written when they begin, listed and lifted by an operator, read by the servers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Integer, Text, delete, select, tuple_, update

from callfloor.foundation.clock import HOUR, MINUTE, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError
from callfloor.foundation.limits.tables import rate_limit_client
from callfloor.foundation.rate_limit import Api, Block

LOOKED_BACK: Millis = 10 * MINUTE
"""What was begun or lifted so long before a server last looked is looked at again: clocks differ, commits come late."""
FORGOTTEN_AT_ONCE = 1000
KNOWN = frozenset(Api)
"""A server of a later release may have others."""

_c = rate_limit_client.c
_new = upsert(rate_limit_client).values(
    api=param("api"),
    client=param("client"),
    total=0,
    ends_at=param("ends_at"),
    blocked_at=param("blocked_at"),
    lifted_at=None,
)
_write = _new.on_conflict_do_update(
    index_elements=[_c.api, _c.client],
    set_={"ends_at": _new.excluded.ends_at, "blocked_at": _new.excluded.blocked_at},
)
_this = (
    _c.api == param("the_api", Text),
    _c.client == param("the_client", Text),
    _c.blocked_at.is_not(None),
    _c.ends_at > param("now"),
)
_held = select(_c.blocked_at, _c.ends_at).where(*_this).with_for_update()
_lift = update(rate_limit_client).where(*_this).values(ends_at=param("now"), lifted_at=param("now"))
BLOCKS = (
    select(_c.api, _c.client, _c.blocked_at, _c.ends_at)
    .where(_c.blocked_at > param("since"), _c.ends_at > param("now"))
    .order_by(_c.blocked_at, _c.api, _c.client)
)
"""Who is shut out since then."""
LIFTS = select(_c.api, _c.client, _c.lifted_at).where(_c.lifted_at > param("since"))
_old = (
    select(_c.api, _c.client)
    .where(_c.ends_at < param("before"))
    .order_by(_c.ends_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_forget = (
    delete(rate_limit_client)
    .where(tuple_(_c.api, _c.client).in_(select(_old.c.api, _old.c.client)))
    .returning(_c.client)
)


class NotBlocked(DomainError):
    """The client is not shut out."""

    code = "not_blocked"
    status = 404


def write_blocks(tx: Tx, blocks: Iterable[tuple[Api, Block]]) -> None:
    """Write down blocks that a store keeps elsewhere."""
    rows = [
        {"api": api.value, "client": one.client, "blocked_at": one.blocked_at, "ends_at": one.ends_at}
        for api, one in blocks
    ]
    tx.run(_write, sorted(rows, key=lambda row: (row["api"], row["client"])))


def blocks_in_force(tx: Tx, *, now: Millis) -> list[tuple[Api, Block]]:
    """Return who is shut out of which API, oldest block first."""
    rows = tx.all(BLOCKS, {"since": 0, "now": now})
    return [(Api(api), Block(client, begun, ends_at)) for api, client, begun, ends_at in rows if begun and api in KNOWN]


def lift_blocks(tx: Tx, client: str, *, now: Millis) -> list[tuple[Api, Block]]:
    """Let a client in again wherever it is shut out; servers hear of it within a second.

    Returns:
        the blocks as they were.

    Raises:
        NotBlocked: it is not shut out.
    """
    lifted = []
    for api in Api:
        this = {"the_api": api.value, "the_client": client, "now": now}
        row = tx.one(_held, this)
        if row is not None:
            tx.run(_lift, this)
            lifted.append((api, Block(client, row[0] or 0, row[1])))
    if not lifted:
        raise NotBlocked(f"{client} is not shut out; see: callfloor limits list")
    return lifted


def forget_old_clients(tx: Tx, *, now: Millis) -> int:
    """Remove up to `FORGOTTEN_AT_ONCE` clients whose window or block is long over; return how many."""
    return len(tx.all(_forget, {"before": now - HOUR, "count": FORGOTTEN_AT_ONCE}))
