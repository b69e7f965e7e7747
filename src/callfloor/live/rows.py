"""The rows of presence and transitions, read and written for many devices by one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Select, func, select, update

from callfloor.devices.leases import lock_devices
from callfloor.devices.tables import device
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param, upsert
from callfloor.live.standing import Standing, TransitionRow
from callfloor.live.tables import Source, State, live_head, presence, transition

_d, _p, _t = device.c, presence.c, transition.c
_WRITTEN = (
    "state",
    "reason",
    "at",
    "event_id",
    "content",
    "updated_at",
    "shown_state",
    "since",
    "seq",
    "announced_state",
    "settle_at",
    "lapsed_at",
    "due_at",
)


def _known() -> Select[*tuple[Any, ...]]:
    same = (_p.team_id == _d.team_id) & (_p.device_id == _d.id)
    columns: tuple[Any, ...] = (
        _d.id,
        _d.enrolled_at,
        _d.active_until,
        _d.last_seen_at,
        _p.state,
        _p.reason,
        _p.at,
        _p.event_id,
        _p.content,
        func.coalesce(_p.updated_at, _d.enrolled_at),
        func.coalesce(_p.shown_state, State.UNAVAILABLE.value),
        func.coalesce(_p.since, _d.enrolled_at),
        func.coalesce(_p.seq, 0),
        _p.announced_state,
        _p.settle_at,
        _p.lapsed_at,
        _p.due_at,
    )
    return select(*columns).join_from(device, presence, same, isouter=True)


_of_devices = _known().where(_d.team_id == param("team_id", BigInteger), any_of(_d.id, "ids")).order_by(_d.id)

_new_transition = upsert(transition).values({name: param(name) for name in transition.c.keys()})  # noqa: SIM118  # columns are no mapping
_add_transition = _new_transition.on_conflict_do_nothing(index_elements=[_t.team_id, _t.device_id, _t.at, _t.event_id])

_new_presence = upsert(presence).values({name: param(name) for name in ("team_id", "device_id", *_WRITTEN)})
_write = _new_presence.on_conflict_do_update(
    index_elements=[_p.team_id, _p.device_id],
    set_={name: _new_presence.excluded[name] for name in _WRITTEN},
)

_first = upsert(live_head).values(team_id=param("team_id"), seq=1)
_next = _first.on_conflict_do_update(index_elements=[live_head.c.team_id], set_={"seq": live_head.c.seq + 1}).returning(
    live_head.c.seq
)


def _newest_of_agent(column: Any) -> Any:
    reported = transition.alias("reported")
    own = (reported.c.team_id == _t.team_id) & (reported.c.device_id == _t.device_id)
    newest = (reported.c.at.desc(), reported.c.event_id.desc())
    return (
        select(reported.c[column.name])
        .where(own, reported.c.source == Source.AGENT.value, reported.c.at <= _t.at)
        .order_by(*newest)
        .limit(1)
        .scalar_subquery()
    )


_correct_returns = (
    update(transition)
    .where(
        _t.team_id == param("the_team"),
        any_of(_t.device_id, "ids"),
        _t.at >= param("from"),
        _t.source == Source.RETURN.value,
    )
    .values(state=func.coalesce(_newest_of_agent(_t.state), _t.state), reason=_newest_of_agent(_t.reason))
)


def _newest_run() -> Select[int, int, str]:
    newest, other = transition.alias("newest"), transition.alias("other")
    state_now = (
        select(newest.c.state)
        .where(newest.c.team_id == _d.team_id, newest.c.device_id == _d.id)
        .order_by(newest.c.at.desc(), newest.c.event_id.desc())
        .limit(1)
        .correlate(device)
        .scalar_subquery()
    )
    last_other = (
        select(other.c.at)
        .where(other.c.team_id == _d.team_id, other.c.device_id == _d.id, other.c.state != state_now)
        .order_by(other.c.at.desc())
        .limit(1)
        .correlate(device)
        .scalar_subquery()
    )
    own = (_t.team_id == _d.team_id) & (_t.device_id == _d.id) & (_t.at >= func.coalesce(last_other, 0))
    return (
        select(_t.device_id, _t.at, _t.state)
        .join_from(device, transition, own)
        .where(_d.team_id == param("team_id"), any_of(_d.id, "ids"))
        .order_by(_t.device_id, _t.at, _t.event_id)
    )


_runs = _newest_run()


def standings(tx: Tx, team_id: int, device_ids: Sequence[int], *, lock: bool = False) -> list[Standing]:
    """Return where the devices stand, in the order of their ids; locked, if they are not yet."""
    if lock:
        # By a statement of its own: one that waited for a device would still see the presence of before it waited.
        lock_devices(tx, team_id, device_ids)
    rows = tx.all(_of_devices, {"team_id": team_id, "ids": list(device_ids)})
    return [Standing(*row) for row in rows]


def add_transitions(tx: Tx, team_id: int, rows: Sequence[TransitionRow]) -> None:
    """Keep the transitions; one that is known already stays as it is."""
    tx.load(_add_transition, [(team_id, *row) for row in rows])


def write_standings(tx: Tx, team_id: int, known: Sequence[Standing]) -> None:
    """Write the rows of presence."""
    tx.load(_write, [one.row(team_id) for one in known])


def next_seq(tx: Tx, team_id: int) -> int:
    """Return the team's next number; who asks next waits for the commit."""
    row = tx.one(_next, {"team_id": team_id})
    if row is None:
        raise LookupError(team_id)
    seq: int = row[0]
    return seq


def correct_returns(tx: Tx, team_id: int, device_ids: Sequence[int], *, since: Millis) -> None:
    """Give returns the state that was the last one reported before them, after a report came late."""
    tx.run(_correct_returns, {"the_team": team_id, "ids": list(device_ids), "from": since})


def newest_runs(tx: Tx, team_id: int, device_ids: Sequence[int]) -> list[tuple[int, Millis, str]]:
    """Return (device, at, state) of the present run of each device, from the last row of another state on."""
    return tx.all(_runs, {"team_id": team_id, "ids": list(device_ids)})
