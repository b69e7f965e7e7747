"""The verb that counts requests: one upsert for each client, exact under any number of processes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, case, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Instant, Tx, param, upsert
from callfloor.foundation.limits.batches import Counted, Wanted
from callfloor.foundation.limits.tables import rate_limit_client
from callfloor.foundation.rate_limit import Api, Limit

_c = rate_limit_client.c
_now = param("now", Instant())
_is_over = _c.ends_at <= _now
_new = upsert(rate_limit_client).values(
    api=param("api"),
    client=param("client"),
    total=param("requests"),
    ends_at=param("first_end"),
    blocked_at=param("first_blocked_at"),
    lifted_at=None,
)
_total: ColumnElement[int] = case((_is_over, _new.excluded.total), else_=_c.total + _new.excluded.total)
_is_too_many = _total > param("allowed", Instant())
_count = _new.on_conflict_do_update(
    index_elements=[_c.api, _c.client],
    set_={
        "total": _total,
        "ends_at": case(
            (_is_too_many, param("block_end", Instant())),
            (_is_over, param("window_end", Instant())),
            else_=_c.ends_at,
        ),
        "blocked_at": case((_is_too_many, _now), else_=None),
    },
    where=_is_over | _c.blocked_at.is_(None),
).returning(_c.total, _c.ends_at)
_block = select(_c.total, _c.ends_at).where(_c.api == param("api"), _c.client == param("client"))


def count_requests(tx: Tx, api: Api, wanted: Mapping[str, Wanted], now: Millis, limit: Limit) -> dict[str, Counted]:
    """Count so many requests of each client; who is shut out is neither counted nor written."""
    window_end, block_end = now + limit.window_seconds * 1000, now + limit.block_seconds * 1000
    counted = {}
    # In one order everywhere, so that two processes never wait for each other.
    for client in sorted(wanted):
        requests, allowed = wanted[client].requests, limit.requests + wanted[client].spare
        goes_over = requests > allowed
        row = tx.one(
            _count,
            {
                "api": api.value,
                "client": client,
                "requests": requests,
                "first_end": block_end if goes_over else window_end,
                "first_blocked_at": now if goes_over else None,
                "now": now,
                "allowed": allowed,
                "window_end": window_end,
                "block_end": block_end,
            },
        )
        if row is not None:
            counted[client] = Counted(*row)
            continue
        shut_out = tx.one(_block, {"api": api.value, "client": client})
        if shut_out is None:
            raise LookupError(client)
        counted[client] = Counted(*shut_out, was_blocked=True)
    return counted
