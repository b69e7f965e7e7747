"""What a team's devices do at this moment: one row for each that is enrolled and not blocked."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Text, case, func, select

from callfloor.access.tables import account
from callfloor.devices.tables import device, is_let_in
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param, pattern_of
from callfloor.live.presence import Content
from callfloor.live.tables import State, live_head, presence

_d, _p = device.c, presence.c
_content = msgspec.json.Decoder(Content)
_NOTHING = Content()


@dataclasses.dataclass(frozen=True, slots=True)
class LiveFilter:
    """Which devices: the state exactly, the names by case-insensitive substring."""

    state: State | None = None
    hostname: str | None = None
    username: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class LiveDevice:
    """A device and what it does; of one that is offline the rest is what was known last."""

    id: int
    hostname: str
    nickname: str | None
    os: str
    app_version: str
    username: str
    account_id: int | None
    email: str | None
    state: str
    reason: str | None
    since: Millis
    updated_at: Millis
    """When it was last known to change, by its own clock."""
    content: Content
    seq: int


@dataclasses.dataclass(frozen=True, slots=True)
class LivePage:
    """Devices by id, and how many match in all."""

    devices: list[LiveDevice]
    total: int


@dataclasses.dataclass(frozen=True, slots=True)
class LiveChanges:
    """What changed after a number, up to and with the number `seq`; None: too much to tell one by one."""

    seq: int
    devices: list[LiveDevice] | None
    removed: list[int]
    """Devices that are blocked by now."""


def _state_at(now: ColumnElement[int]) -> ColumnElement[str]:
    state: ColumnElement[str] = case(
        (_d.active_until <= now, State.OFFLINE.value), else_=func.coalesce(_p.state, State.UNAVAILABLE.value)
    )
    return state


_same = (_p.team_id == _d.team_id) & (_p.device_id == _d.id)
_columns: tuple[Any, ...] = (
    _d.id,
    _d.hostname,
    _d.nickname,
    _d.os,
    _d.app_version,
    _d.username,
    _d.account_id,
    account.c.email,
    _d.enrolled_at,
    _d.last_seen_at,
    _d.active_until,
    _p.state,
    _p.reason,
    _p.at,
    _p.content,
    _p.shown_state,
    _p.since,
    _p.lapsed_at,
    _p.seq,
)
_of_account = account.c.id == _d.account_id
_head = select(live_head.c.seq).where(live_head.c.team_id == param("team_id"))


@functools.cache
def page_statement(*, by_state: bool, by_hostname: bool) -> Select[*tuple[Any, ...]]:
    """Return a page of live rows by device id; parameters team_id, after, skip, take and, as asked, the filters.

    The page is cut before more is joined, so that a device stepped over costs no look-up.
    """
    cut = (
        _narrowed(_let_in(_d.id), by_state=by_state, by_hostname=by_hostname)
        .where(_d.id > param("after", BigInteger))
        .order_by(_d.id)
        .limit(param("take", Integer))
        .offset(param("skip", BigInteger))
    ).subquery("page")
    return _joined().where(_d.team_id == param("team_id", BigInteger)).join(cut, cut.c.id == _d.id).order_by(_d.id)


@functools.cache
def count_statement(*, by_state: bool, by_hostname: bool) -> Select[*tuple[Any, ...]]:
    """Return how many devices match."""
    return _narrowed(_let_in(func.count()), by_state=by_state, by_hostname=by_hostname)


@functools.cache
def names_statement(*, by_state: bool, by_hostname: bool) -> Select[*tuple[Any, ...]]:
    """Return id and OS user of every device that matches, by id."""
    return _narrowed(_let_in(_d.id, _d.username), by_state=by_state, by_hostname=by_hostname).order_by(_d.id)


def _let_in(*columns: Any) -> Select[*tuple[Any, ...]]:
    return select(*columns).select_from(device).where(_d.team_id == param("team_id", BigInteger), is_let_in)


def _joined() -> Select[*tuple[Any, ...]]:
    return select(*_columns).join_from(device, presence, _same, isouter=True).join(account, _of_account, isouter=True)


def _narrowed(statement: Select[*tuple[Any, ...]], *, by_state: bool, by_hostname: bool) -> Select[*tuple[Any, ...]]:
    if by_state:
        statement = statement.join(presence, _same, isouter=True)
        statement = statement.where(_state_at(param("now", BigInteger)) == param("state", Text))
    if by_hostname:
        statement = statement.where(_d.hostname_key.like(param("hostname", Text), escape="\\"))
    return statement


_by_ids = _joined().where(_d.team_id == param("team_id", BigInteger), any_of(_d.id, "ids")).order_by(_d.id)
_states = (
    select(_state_at(param("now", BigInteger)).label("state"))
    .select_from(device)
    .join(presence, _same, isouter=True)
    .where(_d.team_id == param("team_id", BigInteger), is_let_in)
    .subquery("states")
)
_counts = select(_states.c.state, func.count()).group_by(_states.c.state)
_changed = (
    select(*_columns, _d.blocked_at)
    .join_from(presence, device, (_d.team_id == _p.team_id) & (_d.id == _p.device_id))
    .join(account, _of_account, isouter=True)
    .where(_p.team_id == param("team_id", BigInteger), _p.seq > param("after", BigInteger))
    .order_by(_p.seq, _p.device_id)
    .limit(param("take", Integer))
)
_heads = select(live_head.c.team_id, live_head.c.seq).where(any_of(live_head.c.team_id, "teams"))


def live_page(tx: Tx, team_id: int, which: LiveFilter, *, skip: int, take: int, now: Millis) -> LivePage:
    """Return `take` devices after the first `skip`, and how many match in all."""
    narrowing = {"by_state": which.state is not None, "by_hostname": which.hostname is not None}
    params = _params(team_id, which, now)
    if which.username is not None:
        ids = _ids_by_username(tx.all(names_statement(**narrowing), params), which.username)
        return LivePage(_devices(tx, team_id, ids[skip : skip + take], now), len(ids))
    counted = tx.one(count_statement(**narrowing), params)
    total = int(counted[0]) if counted else 0
    if skip >= total:
        return LivePage([], total)
    rows = tx.all(page_statement(**narrowing), {**params, "after": 0, "skip": skip, "take": take})
    return LivePage([_as_device(row, now) for row in rows], total)


def live_devices_after(
    tx: Tx, team_id: int, which: LiveFilter, *, after: int, take: int, now: Millis
) -> list[LiveDevice]:
    """Return the next matching devices after the id `after`, by id."""
    narrowing = {"by_state": which.state is not None, "by_hostname": which.hostname is not None}
    params = _params(team_id, which, now)
    if which.username is not None:
        ids = _ids_by_username(tx.all(names_statement(**narrowing), params), which.username)
        return _devices(tx, team_id, [one for one in ids if one > after][:take], now)
    rows = tx.all(page_statement(**narrowing), {**params, "after": after, "skip": 0, "take": take})
    return [_as_device(row, now) for row in rows]


def counts_by_state(tx: Tx, team_id: int, *, now: Millis) -> dict[str, int]:
    """Return how many of the team's devices are in each state."""
    counts = Counter(dict.fromkeys((state.value for state in State), 0))
    counts.update(dict(tx.all(_counts, {"team_id": team_id, "now": now})))
    return dict(counts)


def head_of(tx: Tx, team_id: int) -> int:
    """Return the team's newest number; 0 before the first change."""
    row = tx.one(_head, {"team_id": team_id})
    return row[0] if row is not None else 0


def heads_of(tx: Tx, team_ids: Iterable[int]) -> dict[int, int]:
    """Return the newest number of each of the teams that has one."""
    return dict(tx.all(_heads, {"teams": sorted(team_ids)}))


def changes_after(tx: Tx, team_id: int, seq: int, *, limit: int, now: Millis) -> LiveChanges:
    """Return the devices that changed after the number `seq`.

    Args:
        tx: one snapshot: what it sees up to the newest number is all there is.
        team_id: whose devices.
        seq: one above the newest number is of no server of this database.
        limit: of how many devices may be told one by one.
        now: when.
    """
    head = head_of(tx, team_id)
    if seq > head:
        return LiveChanges(head, None, [])
    rows = tx.all(_changed, {"team_id": team_id, "after": seq, "take": limit + 1}) if seq < head else []
    if len(rows) > limit:
        return LiveChanges(head, None, [])
    devices = [_as_device(row[:-1], now) for row in rows if row[-1] is None]
    return LiveChanges(head, devices, [row[0] for row in rows if row[-1] is not None])


def _params(team_id: int, which: LiveFilter, now: Millis) -> dict[str, Any]:
    params: dict[str, Any] = {"team_id": team_id}
    if which.state is not None:
        params |= {"now": now, "state": which.state.value}
    if which.hostname is not None:
        params["hostname"] = pattern_of(which.hostname)
    return params


def _devices(tx: Tx, team_id: int, ids: Sequence[int], now: Millis) -> list[LiveDevice]:
    rows = tx.all(_by_ids, {"team_id": team_id, "ids": list(ids)}) if ids else []
    return [_as_device(row, now) for row in rows]


def _ids_by_username(rows: Iterable[tuple[Any, ...]], username: str) -> list[int]:
    # Not in SQL: SQLite folds only the case of ASCII.
    needle = username.casefold()
    return [device_id for device_id, name in rows if needle in name.casefold()]


def _as_device(row: tuple[Any, ...], now: Millis) -> LiveDevice:
    *facts, enrolled_at, seen_at, active_until, state, reason, at, content, shown, since, lapsed_at, seq = row
    shown, since = shown or State.UNAVAILABLE.value, since or enrolled_at
    if active_until <= now:
        if shown != State.OFFLINE and lapsed_at != active_until:
            since = max(active_until, since)
        updated_at, state = since, State.OFFLINE.value
    else:
        state = state or State.UNAVAILABLE.value
        if shown != state:  # back by a log-in that is not noted yet
            since = seen_at
        updated_at = max(since, at or 0)
    known = _content.decode(content) if content is not None else _NOTHING
    return LiveDevice(*(*facts, state, reason, since, updated_at, known, seq or 0))
