"""Log-in of a device: a machine of the team is known again, or joins and takes a free seat.

no team has the secret        → TeamSecretInvalid
blocked                       → DeviceBlocked
active under another hostname → DeviceConflict, kept with the device for the administrators to see
on its seat                   → the same seat
without one                   → the free seat with the lowest id, or NoEmptySeat
"""

from __future__ import annotations

import dataclasses

from sqlalchemy import insert, update

from callfloor.access import audit
from callfloor.devices.events import device_change, record
from callfloor.devices.queries import Device, device_by_id, find_device_by_machine
from callfloor.devices.tables import device
from callfloor.devices.tokens import ACTIVE_FOR, DeviceBlocked, end_tokens, give_token
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.teams.device_seats import (
    SeatDevice,
    SeatNames,
    mark_seat_active,
    name_device_seat,
    seat_device,
    team_by_device_secret,
)

_new_device = insert(device)
_this = (device.c.team_id == param("team_id"), device.c.id == param("device_id"))
_return = (
    update(device)
    .where(*_this)
    .values(
        hostname=param("hostname"),
        hostname_key=param("hostname_key"),
        username=param("username"),
        os=param("os"),
        os_version=param("os_version"),
        app_version=param("app_version"),
        seat_id=param("seat_id"),
        last_seen_at=param("now"),
        active_until=param("active_until"),
    )
)
_settle_conflict = update(device).where(*_this).values(conflict_hostname=None, conflict_at=None)
_mark_conflict = update(device).where(*_this).values(conflict_hostname=param("hostname"), conflict_at=param("now"))


class DeviceConflict(DomainError):
    """Another host is active with the same machine id."""

    code = "device_conflict"


@dataclasses.dataclass(frozen=True, slots=True)
class Machine:
    """A machine as it describes itself."""

    machine_id: str
    hostname: str
    username: str
    os: str
    os_version: str
    app_version: str


@dataclasses.dataclass(frozen=True, slots=True)
class LogIn:
    """A machine that comes with the team's secret; its token is made before."""

    secret_hash: bytes
    machine: Machine
    token_hash: bytes
    request_id: str
    address: str
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedIn:
    """The device and its seat."""

    team_id: int
    device_id: int
    seat_id: int


def log_in_device(tx: Tx, command: LogIn) -> LoggedIn | DeviceConflict:
    """Seat the machine and give it the token; a conflict is returned, not raised, since what is kept of it must stay.

    Raises:
        TeamSecretInvalid: no device team has the secret.
        DeviceBlocked: an administrator shut the machine out.
        NoEmptySeat: it has no seat, and none is free.
    """
    team_id = team_by_device_secret(tx, command.secret_hash)
    known = find_device_by_machine(tx, team_id, command.machine.machine_id)
    if known is not None and known.block is not None:
        raise DeviceBlocked(known.block.reason)
    if known is not None and _is_elsewhere(known, command):
        return _keep_conflict(tx, team_id, known, command)
    device_id = take_numbers(tx, "device") if known is None else known.id
    actor = audit.Actor("device", str(device_id), command.machine.hostname, command.request_id, command.address)
    seat_id = _seat(tx, team_id, device_id, known, command, actor)
    if known is None:
        _enroll(tx, team_id, device_id, seat_id, command, actor)
    else:
        _welcome_back(tx, team_id, known, seat_id, command, actor)
    give_token(tx, team_id, device_id, command.machine.username, token_hash=command.token_hash, now=command.now)
    return LoggedIn(team_id, device_id, seat_id)


def settle_conflict(tx: Tx, team_id: int, device_id: int, *, actor: audit.Actor, now: Millis) -> None:
    """Forget the conflict: an administrator has seen to it.

    Raises:
        DeviceNotFound: the team has no such device.
    """
    known = device_by_id(tx, team_id, device_id)
    if known.conflict_at is None:
        return
    tx.run(_settle_conflict, {"team_id": team_id, "device_id": device_id})
    before = {"conflict_hostname": known.conflict_hostname}
    after = {"conflict_hostname": None}
    record(tx, actor, device_change(team_id, "device.settled", device_id, before=before, after=after), now=now)


def _is_elsewhere(known: Device, command: LogIn) -> bool:
    return known.hostname.casefold() != command.machine.hostname.casefold() and command.now < known.active_until


def _keep_conflict(tx: Tx, team_id: int, known: Device, command: LogIn) -> DeviceConflict:
    hostname = command.machine.hostname
    tx.run(_mark_conflict, {"team_id": team_id, "device_id": known.id, "hostname": hostname, "now": command.now})
    if known.conflict_hostname != hostname:  # an agent that tries again and again is told of once
        after = {"hostname": known.hostname, "conflict_hostname": hostname}
        actor = audit.Actor("device", str(known.id), hostname, command.request_id, command.address)
        record(tx, actor, device_change(team_id, "device.conflicted", known.id, after=after), now=command.now)
    return DeviceConflict(
        f"{known.hostname} is active with the same machine id; it must log out, or be silent for three heartbeats"
    )


def _seat(tx: Tx, team_id: int, device_id: int, known: Device | None, command: LogIn, actor: audit.Actor) -> int:
    names = SeatNames(command.machine.hostname, known.nickname if known else None)
    if known is None or known.seat_id is None:
        return seat_device(tx, SeatDevice(team_id, device_id, names, actor, command.now))
    if known.hostname != names.hostname:
        name_device_seat(tx, team_id, known.seat_id, names)
    mark_seat_active(tx, team_id, known.seat_id, now=command.now)
    return known.seat_id


def _enroll(tx: Tx, team_id: int, device_id: int, seat_id: int, command: LogIn, actor: audit.Actor) -> None:
    machine = command.machine
    tx.run(
        _new_device,
        {
            "team_id": team_id,
            "id": device_id,
            **dataclasses.asdict(machine),
            "hostname_key": machine.hostname.casefold(),
            "seat_id": seat_id,
            "enrolled_at": command.now,
            "last_seen_at": command.now,
            "active_until": command.now + ACTIVE_FOR,
        },
    )
    after = {"hostname": machine.hostname, "username": machine.username, "os": machine.os, "seat_id": seat_id}
    record(tx, actor, device_change(team_id, "device.enrolled", device_id, after=after), now=command.now)


def _welcome_back(tx: Tx, team_id: int, known: Device, seat_id: int, command: LogIn, actor: audit.Actor) -> None:
    machine = command.machine
    facts = dataclasses.asdict(machine)
    del facts["machine_id"]
    key = {"team_id": team_id, "device_id": known.id}
    times = {"now": command.now, "active_until": command.now + ACTIVE_FOR}
    tx.run(_return, {**key, **facts, **times, "hostname_key": machine.hostname.casefold(), "seat_id": seat_id})
    if known.hostname.casefold() == machine.hostname.casefold():
        return
    end_tokens(tx, team_id, known.id)  # the host it was before is to log in again
    tx.run(_settle_conflict, key)
    before, after = {"hostname": known.hostname}, {"hostname": machine.hostname}
    change = device_change(team_id, "device.renamed", known.id, before=before, after=after)
    record(tx, actor, change, now=command.now)
