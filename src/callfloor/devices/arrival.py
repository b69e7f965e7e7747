"""A machine that comes in, by its team's secret or for a person: known again or new, and never at two hosts at once."""

from __future__ import annotations

import dataclasses

from sqlalchemy import insert, update

from callfloor.access import audit
from callfloor.devices.events import device_change, record, tell
from callfloor.devices.queries import Device
from callfloor.devices.tables import device
from callfloor.devices.tokens import ACTIVE_FOR, end_tokens, give_token
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers

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
class Origin:
    """When and from where a machine comes, and the hash of the token it is to get."""

    token_hash: bytes
    request_id: str
    address: str
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class Arrival:
    """A machine whose right to come in is settled."""

    team_id: int
    device_id: int
    machine: Machine
    origin: Origin
    account_id: int | None = None
    """Whose it is, in an email team."""
    seated_at: Millis | None = None
    """Since when that person holds their seat: the token ends with the holding."""

    @property
    def actor(self) -> audit.Actor:
        """Return the machine as the actor of audit entries."""
        origin = self.origin
        return audit.Actor("device", str(self.device_id), self.machine.hostname, origin.request_id, origin.address)


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedIn:
    """The device and its seat, which in an email team is that of its person."""

    team_id: int
    device_id: int
    seat_id: int


def device_number(tx: Tx, known: Device | None) -> int:
    """Return the id of a device that is known, else a new one."""
    return take_numbers(tx, "device") if known is None else known.id


def is_elsewhere(known: Device, machine: Machine, now: Millis) -> bool:
    """Return whether another host is active with the machine id."""
    return known.hostname.casefold() != machine.hostname.casefold() and now < known.active_until


def keep_conflict(tx: Tx, known: Device, arrival: Arrival) -> DeviceConflict:
    """Keep the conflict with the device, for the administrators to see, and return the refusal."""
    hostname, now = arrival.machine.hostname, arrival.origin.now
    key = {"team_id": arrival.team_id, "device_id": known.id}
    tx.run(_mark_conflict, {**key, "hostname": hostname, "now": now})
    if known.conflict_hostname != hostname:  # an agent that tries again and again is told of once
        after = {"hostname": known.hostname, "conflict_hostname": hostname}
        record(tx, arrival.actor, device_change(arrival.team_id, "device.conflicted", known.id, after=after), now=now)
    return DeviceConflict(
        f"{known.hostname} is active with the same machine id; it must log out, or be silent for three heartbeats"
    )


def let_in(tx: Tx, known: Device | None, arrival: Arrival, *, own_seat_id: int | None) -> None:
    """Enroll the machine, or welcome it back, and give its OS user the token; the team's row is locked.

    Args:
        known: the device it was before, if any.
        arrival: who comes.
        own_seat_id: the seat that a machine of a device team holds; None for a person's.
    """
    if known is None:
        _enroll(tx, arrival, own_seat_id)
    else:
        _welcome_back(tx, known, arrival, own_seat_id)
    give_token(
        tx,
        arrival.team_id,
        arrival.device_id,
        arrival.machine.username,
        token_hash=arrival.origin.token_hash,
        seated_at=arrival.seated_at,
        now=arrival.origin.now,
    )


def _enroll(tx: Tx, arrival: Arrival, own_seat_id: int | None) -> None:
    machine, now = arrival.machine, arrival.origin.now
    tx.run(
        _new_device,
        {
            "team_id": arrival.team_id,
            "id": arrival.device_id,
            "account_id": arrival.account_id,
            **dataclasses.asdict(machine),
            "hostname_key": machine.hostname.casefold(),
            "seat_id": own_seat_id,
            "enrolled_at": now,
            "last_seen_at": now,
            "active_until": now + ACTIVE_FOR,
        },
    )
    holder = {"seat_id": own_seat_id} if arrival.account_id is None else {"account_id": arrival.account_id}
    after = {"hostname": machine.hostname, "username": machine.username, "os": machine.os, **holder}
    change = device_change(arrival.team_id, "device.enrolled", arrival.device_id, after=after)
    record(tx, arrival.actor, change, now=now)


def _welcome_back(tx: Tx, known: Device, arrival: Arrival, own_seat_id: int | None) -> None:
    machine, now = arrival.machine, arrival.origin.now
    facts = dataclasses.asdict(machine)
    del facts["machine_id"]
    key = {"team_id": arrival.team_id, "device_id": known.id}
    times = {"now": now, "active_until": now + ACTIVE_FOR}
    tx.run(_return, {**key, **facts, **times, "hostname_key": machine.hostname.casefold(), "seat_id": own_seat_id})
    tell(tx, arrival.team_id, "device.logged_in", known.id, {"username": machine.username}, now=now)
    if known.hostname.casefold() == machine.hostname.casefold():
        return
    end_tokens(tx, arrival.team_id, known.id)  # the host it was before is to log in again
    tx.run(_settle_conflict, key)
    before, after = {"hostname": known.hostname}, {"hostname": machine.hostname}
    change = device_change(arrival.team_id, "device.renamed", known.id, before=before, after=after)
    record(tx, arrival.actor, change, now=now)
