"""Blocks as rows: written when they begin, listed and lifted by an operator, read by the servers."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select, update

from callfloor.foundation.clock import HOUR, MINUTE, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import DomainError
from callfloor.foundation.limits.tables import rate_limit_client
from callfloor.foundation.rate_limit import Block

LIFTS_LOOKED_BACK: Millis = 10 * MINUTE
"""A server that was busy, or away, still hears of a lift for so long."""

_c = rate_limit_client.c
_new = upsert(rate_limit_client).values(
    client=param("client"), total=0, ends_at=param("ends_at"), blocked_at=param("blocked_at"), lifted_at=None
)
_write = _new.on_conflict_do_update(
    index_elements=[_c.client],
    set_={
        "ends_at": _new.excluded.ends_at,
        "blocked_at": _new.excluded.blocked_at,
        "lifted_at": _new.excluded.lifted_at,
    },
)
_in_force = (
    select(_c.client, _c.blocked_at, _c.ends_at)
    .where(_c.blocked_at.is_not(None), _c.ends_at > param("now"))
    .order_by(_c.blocked_at, _c.client)
)
_lift = (
    update(rate_limit_client)
    .where(_c.client == param("the_client"), _c.blocked_at.is_not(None), _c.ends_at > param("now"))
    .values(ends_at=param("now"), lifted_at=param("now"))
    .returning(_c.client)
)
LIFTS = select(_c.client, _c.lifted_at).where(_c.lifted_at > param("since"))
_forget = delete(rate_limit_client).where(_c.ends_at < param("before"))


class NotBlocked(DomainError):
    """The address is not shut out."""

    code = "not_blocked"
    status = 404


def write_blocks(tx: Tx, blocks: Iterable[Block]) -> None:
    """Write down blocks that a store keeps elsewhere."""
    rows = [{"client": one.client, "blocked_at": one.blocked_at, "ends_at": one.ends_at} for one in blocks]
    tx.run(_write, sorted(rows, key=lambda row: str(row["client"])))


def blocks_in_force(tx: Tx, *, now: Millis) -> list[Block]:
    """Return who is shut out, oldest block first."""
    return [Block(client, blocked_at or 0, ends_at) for client, blocked_at, ends_at in tx.all(_in_force, {"now": now})]


def lift_block(tx: Tx, client: str, *, now: Millis) -> None:
    """Lift the block of a client; servers hear of it within a second.

    Raises:
        NotBlocked: it is not shut out.
    """
    if tx.one(_lift, {"the_client": client, "now": now}) is None:
        raise NotBlocked(f"{client} is not shut out; see: callfloor limits list")


def forget_old_clients(tx: Tx, *, now: Millis) -> None:
    """Remove the clients whose window or block is long over."""
    tx.run(_forget, {"before": now - HOUR})
