"""What is known of devices: one by its id, its machine id or its seat; pages of devices and of the block list."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Text, case, func, or_, select

from callfloor.devices.tables import device, device_block, is_of_person, is_of_team
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, pattern_of
from callfloor.foundation.errors import DomainError
from callfloor.teams.tables import seat

State = Literal["seated", "unseated", "blocked", "conflict"]
"""On a seat, its own or its person's; known, without one; shut out; another host came with the same machine id.

The last two may overlap.
"""

_d, _b = device.c, device_block.c
_seat_id: ColumnElement[int | None] = case((_d.seat_id.is_not(None), _d.seat_id), else_=seat.c.id)
_columns: tuple[Any, ...] = (
    _d.id,
    _d.machine_id,
    _d.hostname,
    _d.nickname,
    _d.username,
    _d.os,
    _d.os_version,
    _d.app_version,
    _d.account_id,
    _seat_id,
    _d.enrolled_at,
    _d.last_seen_at,
    _d.active_until,
    _d.conflict_hostname,
    _d.conflict_at,
    _b.id,
    _b.reason,
    _b.blocked_at,
    _b.blocked_by,
)


def _devices() -> Select[Any]:
    same = (_b.team_id == _d.team_id) & (_b.device_id == _d.id)
    of_person = (seat.c.team_id == _d.team_id) & (seat.c.account_id == _d.account_id)
    joined = select(*_columns).join_from(device, device_block, same, isouter=True)
    return joined.join(seat, of_person, isouter=True)


_by_id = _devices().where(_d.team_id == param("team_id"), _d.id == param("device_id"))
_by_machine = _devices().where(_d.team_id == param("team_id"), is_of_team, _d.machine_id == param("machine_id"))
_by_person_and_machine = _devices().where(
    _d.team_id == param("team_id"),
    is_of_person,
    _d.account_id == param("account_id"),
    _d.machine_id == param("machine_id"),
)
_by_seat = _devices().where(_d.team_id == param("team_id"), _d.seat_id == param("seat_id"))


class DeviceNotFound(DomainError):
    """The team has no such device."""

    code = "device_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """An entry of the block list: why, since when and by whom a device is shut out."""

    id: int
    reason: str | None
    blocked_at: Millis
    blocked_by: str


@dataclasses.dataclass(frozen=True, slots=True)
class Device:
    """A machine of a team."""

    id: int
    machine_id: str
    hostname: str
    nickname: str | None
    username: str
    os: str
    os_version: str
    app_version: str
    account_id: int | None
    """Whose it is, in an email team."""
    seat_id: int | None
    """Its seat; in an email team that of its person."""
    enrolled_at: Millis
    last_seen_at: Millis
    active_until: Millis
    conflict_hostname: str | None
    conflict_at: Millis | None
    block: Block | None

    @property
    def state(self) -> Literal["seated", "unseated", "blocked"]:
        """Return where it stands."""
        if self.block is not None:
            return "blocked"
        return "unseated" if self.seat_id is None else "seated"


@dataclasses.dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices: the names by case-insensitive substring, the state exactly."""

    hostname: str | None = None
    nickname: str | None = None
    state: State | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class BlockPage:
    """Rows of id, hostname, nickname, username, blocked_at, blocked_by; and how many match in all."""

    rows: list[tuple[int, str, str | None, str, Millis, str]]
    total: int


@functools.cache
def page_statement(*, by_hostname: bool, by_nickname: bool, state: Literal[State, "any"]) -> Select[Any]:
    """Return the devices after the id `after`; parameters team_id, after, take and, as asked, the names."""
    statement: Select[Any] = (
        _devices()
        .where(_d.team_id == param("team_id"), _d.id > param("after", BigInteger))
        .order_by(_d.id)
        .limit(param("take", Integer))
    )
    if by_hostname:
        statement = statement.where(_d.hostname_key.like(param("hostname", Text), escape="\\"))
    if by_nickname:
        statement = statement.where(_d.nickname_key.like(param("nickname", Text), escape="\\"))
    if state == "blocked":
        return statement.where(_d.blocked_at.is_not(None))
    if state == "conflict":
        return statement.where(_d.conflict_at.is_not(None))
    if state == "seated":
        return statement.where(_seat_id.is_not(None))
    if state == "unseated":
        return statement.where(_seat_id.is_(None), _d.blocked_at.is_(None))
    return statement


@functools.cache
def block_count_statement(*, by_name: bool) -> Select[Any]:
    """Return how many entries the block list has; parameters team_id and, as asked, name."""
    return _of_name(
        select(func.count()).select_from(device_block).where(_b.team_id == param("team_id")), by_name=by_name
    )


@functools.cache
def block_page_statement(*, by_name: bool) -> Select[Any]:
    """Return entries of the block list by id; parameters team_id, skip, take and, as asked, name."""
    columns = (_b.id, _b.hostname, _b.nickname, _b.username, _b.blocked_at, _b.blocked_by)
    page = select(*columns).where(_b.team_id == param("team_id")).order_by(_b.id)
    return _of_name(page, by_name=by_name).limit(param("take", Integer)).offset(param("skip", BigInteger))


def find_device_by_machine(tx: Tx, team_id: int, machine_id: str) -> Device | None:
    """Return the device of a device team with this machine id, if there is one."""
    return _found(tx.one(_by_machine, {"team_id": team_id, "machine_id": machine_id}))


def find_device_of_person(tx: Tx, team_id: int, account_id: int, machine_id: str) -> Device | None:
    """Return the person's device with this machine id, if there is one."""
    params = {"team_id": team_id, "account_id": account_id, "machine_id": machine_id}
    return _found(tx.one(_by_person_and_machine, params))


def find_device_by_seat(tx: Tx, team_id: int, seat_id: int) -> Device | None:
    """Return the device on this seat, if there is one."""
    return _found(tx.one(_by_seat, {"team_id": team_id, "seat_id": seat_id}))


def device_by_id(tx: Tx, team_id: int, device_id: int) -> Device:
    """Return the device.

    Raises:
        DeviceNotFound: the team has none with this id.
    """
    found = _found(tx.one(_by_id, {"team_id": team_id, "device_id": device_id}))
    if found is None:
        raise DeviceNotFound(f"there is no device {device_id} in this team")
    return found


def devices_after(tx: Tx, team_id: int, which: DeviceFilter, *, after: int, take: int) -> list[Device]:
    """Return the next matching devices after the id `after`, by id."""
    statement = page_statement(
        by_hostname=which.hostname is not None, by_nickname=which.nickname is not None, state=which.state or "any"
    )
    params: dict[str, Any] = {"team_id": team_id, "after": after, "take": take}
    if which.hostname is not None:
        params["hostname"] = pattern_of(which.hostname)
    if which.nickname is not None:
        params["nickname"] = pattern_of(which.nickname)
    return [_as_device(row) for row in tx.all(statement, params)]


def block_page(tx: Tx, team_id: int, name: str | None, *, skip: int, take: int) -> BlockPage:
    """Return `take` entries after the first `skip`, of devices with `name` in their hostname or nickname."""
    params: dict[str, Any] = {"team_id": team_id}
    if name is not None:
        params["name"] = pattern_of(name)
    counted = tx.one(block_count_statement(by_name=name is not None), params)
    total = int(counted[0]) if counted else 0
    if skip >= total:
        return BlockPage([], total)
    rows = tx.all(block_page_statement(by_name=name is not None), {**params, "skip": skip, "take": take})
    return BlockPage(rows, total)


def _of_name(statement: Select[*tuple[Any, ...]], *, by_name: bool) -> Select[Any]:
    if not by_name:
        return statement
    name = param("name", Text)
    return statement.where(or_(_b.hostname_key.like(name, escape="\\"), _b.nickname_key.like(name, escape="\\")))


def _found(row: tuple[Any, ...] | None) -> Device | None:
    return None if row is None else _as_device(row)


def _as_device(row: tuple[Any, ...]) -> Device:
    *facts, block_id, reason, blocked_at, blocked_by = row
    block = None if block_id is None else Block(block_id, reason, blocked_at, blocked_by)
    return Device(*(*facts, block))
