"""What devices did: the spans of their states in a range of time."""

from __future__ import annotations

import itertools
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, delete, func, select, tuple_

from callfloor.devices.tables import device, is_let_in
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.live.rows import standings
from callfloor.live.spans import Range, Span, Step, spans_of, time_by_state
from callfloor.live.standing import Moment, Standing
from callfloor.live.tables import transition

DEVICES_AT_ONCE = 5
"""Devices whose steps are in memory together: in a month one takes thousands."""

_d, _t = device.c, transition.c
_next_devices = (
    select(_d.id)
    .where(_d.team_id == param("team_id", BigInteger), is_let_in, _d.id > param("after", BigInteger))
    .order_by(_d.id)
    .limit(param("take", Integer))
)


def _steps_within() -> Select[*tuple[Any, ...]]:
    before = transition.alias("before")
    last_before = (
        select(before.c.at)
        .where(before.c.team_id == _d.team_id, before.c.device_id == _d.id, before.c.at <= param("begin", BigInteger))
        .order_by(before.c.at.desc())
        .limit(1)
        .correlate(device)
        .scalar_subquery()
    )
    since = func.coalesce(last_before, param("begin", BigInteger))
    own = (_t.team_id == _d.team_id) & (_t.device_id == _d.id) & (_t.at >= since) & (_t.at < param("end", BigInteger))
    return (
        select(_t.device_id, _t.at, _t.state, _t.reason, _t.source)
        .join_from(device, transition, own)
        .where(_d.team_id == param("team_id", BigInteger), any_of(_d.id, "ids"))
        .order_by(_t.device_id, _t.at, _t.event_id)
    )


_steps = _steps_within()


def _forgotten() -> Any:
    later = transition.alias("later")
    has_later = (
        select(later.c.at)
        .where(
            later.c.team_id == _t.team_id,
            later.c.device_id == _t.device_id,
            later.c.at > _t.at,
            later.c.at <= param("before", BigInteger),
        )
        .exists()
    )
    # The last one before the instant stays: it says in which state the device was then.
    return delete(transition).where(
        _t.team_id == param("team_id", BigInteger),
        _t.device_id == param("device_id", BigInteger),
        _t.at < param("before", BigInteger),
        has_later,
    )


_forget = _forgotten()
_any_devices = (
    select(_d.team_id, _d.id)
    .where(tuple_(_d.team_id, _d.id) > tuple_(param("team_id", BigInteger), param("after", BigInteger)))
    .order_by(_d.team_id, _d.id)
    .limit(param("take", Integer))
)


def next_devices(tx: Tx, team_id: int, *, after: int, take: int) -> list[int]:
    """Return the ids of the next devices of the team, blocked ones left out."""
    return [row[0] for row in tx.all(_next_devices, {"team_id": team_id, "after": after, "take": take})]


def spans_of_devices(
    tx: Tx, team_id: int, device_ids: list[int], within: Range, *, now: Millis
) -> list[tuple[int, list[Span]]]:
    """Return for each device that there is, by id, what it did within the range."""
    params = {"team_id": team_id, "ids": device_ids, "begin": within.begin, "end": within.end}
    steps = {
        device_id: [Step(*row[1:]) for row in rows]
        for device_id, rows in itertools.groupby(tx.all(_steps, params), key=itemgetter(0))
    }
    until = Range(within.begin, min(within.end, now))
    return [
        (one.device_id, _spans(one, steps.get(one.device_id, []), until, now))
        for one in standings(tx, team_id, device_ids)
    ]


def times_of_devices(
    tx: Tx, team_id: int, device_ids: list[int], within: Range, *, now: Millis
) -> list[tuple[int, dict[str, Millis]]]:
    """Return for each device that there is, by id, for how long it was in each state within the range."""
    times = []
    for first in range(0, len(device_ids), DEVICES_AT_ONCE):
        some = spans_of_devices(tx, team_id, device_ids[first : first + DEVICES_AT_ONCE], within, now=now)
        times += [(device_id, time_by_state(spans)) for device_id, spans in some]
    return times


def forget_transitions(tx: Tx, devices: list[tuple[int, int]], *, before: Millis) -> None:
    """Forget what the devices, (team id, id), did before the instant, but for the state they were in then."""
    rows = [{"team_id": team_id, "device_id": device_id, "before": before} for team_id, device_id in devices]
    tx.run(_forget, rows)


def devices_of_all_teams(tx: Tx, *, after: tuple[int, int], take: int) -> list[tuple[int, int]]:
    """Return (team id, id) of the next devices after this one."""
    return tx.all(_any_devices, {"team_id": after[0], "after": after[1], "take": take})


def _spans(one: Standing, steps: list[Step], within: Range, now: Millis) -> list[Span]:
    noted = one.catch_up(Moment(now))
    if noted is not None:  # nobody has swept yet
        steps = [*steps, Step(noted.at, noted.state, noted.reason, noted.source)]
    return spans_of(steps, enrolled_at=one.enrolled_at, within=within)
