"""Events that are too old to be sent again are forgotten, a few at a time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, delete, func, select, tuple_

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.ingest.tables import agent_event

EVENTS_AT_ONCE = 2_000

_e = agent_event.c
_next_team = select(func.min(_e.team_id)).where(_e.team_id > param("after"))
_old = agent_event.alias("old")
_oldest = (
    select(_old.c.device_id, _old.c.event_id)
    .where(_old.c.team_id == param("the_team", BigInteger), _old.c.received_at < param("before"))
    .order_by(_old.c.received_at)
    .limit(param("take", Integer))
    .subquery()
)
_forget = (
    delete(agent_event)
    .where(
        _e.team_id == param("the_team", BigInteger),
        tuple_(_e.device_id, _e.event_id).in_(select(_oldest.c.device_id, _oldest.c.event_id)),
    )
    .returning(_e.kind)
)


def next_team_with_events(tx: Tx, *, after: int) -> int | None:
    """Return the lowest id above `after` of a team of which events are kept."""
    row = tx.one(_next_team, {"after": after})
    return None if row is None else row[0]


def forget_events(tx: Tx, team_id: int, *, before: Millis, take: int = EVENTS_AT_ONCE) -> int:
    """Forget the team's oldest events that were received before then, at most `take`; return how many these were."""
    return len(tx.all(_forget, {"the_team": team_id, "before": before, "take": take}))
