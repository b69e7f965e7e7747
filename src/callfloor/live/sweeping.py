"""What time itself changes: leases that ran out, and states that have settled, of which an event is told."""

from __future__ import annotations

import itertools
from operator import itemgetter

from sqlalchemy import BigInteger, Integer, select, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.outbox import Event, NumberedEvent, publish_all
from callfloor.live.presence import keep
from callfloor.live.rows import add_transitions, standings
from callfloor.live.standing import SETTLE, Moment, Standing
from callfloor.live.tables import live_sweep, presence

STATE_CHANGED = "device.state_changed"
SEEN_KINDS = (
    "device.enrolled",
    "device.logged_in",
    "device.logged_out",
    "device.renamed",
    "device.nicknamed",
    "device.settled",
    "device.unassigned",
    "device.blocked",
    "device.unblocked",
)
"""Events after which watchers must look at the device anew."""
BATCH = 500
_SWEEPER = "sweeper"

_p = presence.c
_new_turn = upsert(live_sweep).values(name=param("name"), swept_at=0)
_begin = _new_turn.on_conflict_do_nothing(index_elements=[live_sweep.c.name])
_hold = select(live_sweep.c.name).where(live_sweep.c.name == param("sweeper")).with_for_update(skip_locked=True)
_swept = update(live_sweep).where(live_sweep.c.name == param("sweeper")).values(swept_at=param("now"))
_is_due = _p.due_at <= param("now", BigInteger)
_next_due = select(_p.device_id).where(_is_due).order_by(_p.due_at).limit(1)
_due = select(_p.team_id, _p.device_id).where(_is_due).order_by(_p.due_at).limit(param("count", Integer))


def prepare_sweep(tx: Tx) -> None:
    """Make the row by which sweepers take turns, if this is the first start."""
    tx.run(_begin, {"name": _SWEEPER})


def is_sweep_due(tx: Tx, *, now: Millis) -> bool:
    """Return whether there is anything to do; one look into an index."""
    return tx.one(_next_due, {"now": now}) is not None


def sweep(tx: Tx, *, now: Millis, settle: Millis = SETTLE, count: int = BATCH) -> int:
    """Note the leases that ran out, and tell of the states that have held.

    Returns:
        how many devices were looked at; 0 too while another process sweeps.
    """
    if tx.one(_hold, {"sweeper": _SWEEPER}) is None:
        return 0
    due = sorted(tx.all(_due, {"now": now, "count": count}))
    for team_id, rows in itertools.groupby(due, key=itemgetter(0)):
        _sweep_team(tx, team_id, [device_id for _, device_id in rows], Moment(now, settle))
    if due:
        tx.run(_swept, {"sweeper": _SWEEPER, "now": now})
    return len(due)


def see_device(tx: Tx, numbered: NumberedEvent, *, settle: Millis = SETTLE) -> None:
    """Let watchers see what an event of `SEEN_KINDS` tells of."""
    event = numbered.event
    if event.team_id is None:
        return
    for one in standings(tx, event.team_id, [int(event.subject)], lock=True):
        # An event may be told late: what is known of the device by now counts.
        moment = Moment(max(event.at, one.last_seen_at), settle)
        _catch_up(tx, event.team_id, [one], moment)
        one.touch(moment)
        keep(tx, event.team_id, [one])


def _sweep_team(tx: Tx, team_id: int, device_ids: list[int], moment: Moment) -> None:
    known = standings(tx, team_id, device_ids, lock=True)
    _catch_up(tx, team_id, known, moment)
    events = [_told(team_id, one, moment) for one in known if one.has_settled(moment)]
    for one in known:
        one.rearm(moment)
    keep(tx, team_id, known)
    publish_all(tx, events)


def _catch_up(tx: Tx, team_id: int, known: list[Standing], moment: Moment) -> None:
    changes = [row for one in known if (row := one.catch_up(moment)) is not None]
    add_transitions(tx, team_id, changes)


def _told(team_id: int, one: Standing, moment: Moment) -> Event:
    before = one.settle()
    content = {"from": before, "to": one.shown_state, "since": one.since, "reason": one.shown_reason}
    return Event(kind=STATE_CHANGED, team_id=team_id, subject=str(one.device_id), payload=content, at=moment.now)
