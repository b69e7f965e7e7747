"""How many conversations there are, kept by day so that a list's total is not counted anew."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from sqlalchemy import BigInteger, Select, cast, delete, func, select

from callfloor.conversations.tables import conversation_count
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, param, upsert

ALL_DOMAINS = ""

_n = conversation_count.c
_fresh = upsert(conversation_count).values({column.name: param(column.name, column.type) for column in _n})
_add = _fresh.on_conflict_do_update(
    index_elements=[_n.team_id, _n.kind, _n.domain, _n.day, _n.is_external],
    set_={"conversations": _n.conversations + _fresh.excluded.conversations},
)
_forget_empty = delete(conversation_count).where(
    _n.team_id == param("team"),
    _n.kind == param("of_kind"),
    _n.domain == param("of_domain"),
    _n.day == param("on_day"),
    _n.conversations <= 0,
)


def count_conversation(
    tx: Tx, team_id: int, kind: str, *, date: Millis, is_external: bool, domains: Iterable[str], by: int = 1
) -> None:
    """Count a new conversation in all and by each of its external domains; one that goes by -1."""
    # In one order everywhere: two transactions that count the same domains wait for each other, never in a ring.
    for domain in sorted({ALL_DOMAINS, *domains}):
        tx.run(
            _add,
            {
                "team_id": team_id,
                "kind": kind,
                "domain": domain,
                "day": date // DAY,
                "is_external": is_external,
                "conversations": by,
            },
        )
        if by < 0:  # a domain is part of an address: that it was here is not kept beyond its last conversation
            day = {"of_domain": domain, "on_day": date // DAY}
            tx.run(_forget_empty, {"team": team_id, "of_kind": kind, **day})


@functools.cache
def counted_statement(*, by_scope: bool, from_day: bool, to_day: bool) -> Select[int]:
    """Return the number of conversations; parameters team_id, kind, domain and, as asked, is_external and days."""
    total = cast(func.coalesce(func.sum(_n.conversations), 0), BigInteger)
    statement = select(total).where(
        _n.team_id == param("team_id"), _n.kind == param("kind"), _n.domain == param("domain")
    )
    if from_day:
        statement = statement.where(_n.day >= param("from_day"))
    if to_day:
        statement = statement.where(_n.day <= param("to_day"))
    return statement.where(_n.is_external == param("is_external")) if by_scope else statement
