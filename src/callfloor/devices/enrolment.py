"""Log-in of a device: a machine of the team is known again, or joins and takes a free seat.

no team has the secret        → TeamSecretInvalid
blocked                       → DeviceBlocked
active under another hostname → DeviceConflict, kept with the device for the administrators to see
on its seat                   → the same seat
without one                   → the free seat with the lowest id, or NoEmptySeat
"""

from __future__ import annotations

import dataclasses

from sqlalchemy import update

from callfloor.access import audit
from callfloor.devices.arrival import (
    Arrival,
    DeviceConflict,
    LoggedIn,
    Machine,
    Origin,
    device_number,
    is_elsewhere,
    keep_conflict,
    let_in,
)
from callfloor.devices.events import device_change, record
from callfloor.devices.queries import Device, device_by_id, find_device_by_machine
from callfloor.devices.tables import device
from callfloor.devices.tokens import DeviceBlocked
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.teams.device_seats import (
    SeatDevice,
    SeatNames,
    mark_seat_active,
    name_device_seat,
    seat_device,
    team_by_device_secret,
)

_settle_conflict = (
    update(device)
    .where(device.c.team_id == param("team_id"), device.c.id == param("device_id"))
    .values(conflict_hostname=None, conflict_at=None)
)


@dataclasses.dataclass(frozen=True, slots=True)
class LogIn:
    """A machine that comes with the team's secret; its token is made before."""

    secret_hash: bytes
    machine: Machine
    token_hash: bytes
    request_id: str
    address: str
    now: Millis


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
    origin = Origin(command.token_hash, command.request_id, command.address, command.now)
    arrival = Arrival(team_id, device_number(tx, known), command.machine, origin)
    if known is not None and is_elsewhere(known, command.machine, command.now):
        return keep_conflict(tx, known, arrival)
    seat_id = _seat(tx, known, arrival)
    let_in(tx, known, arrival, own_seat_id=seat_id)
    return LoggedIn(team_id, arrival.device_id, seat_id)


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


def _seat(tx: Tx, known: Device | None, arrival: Arrival) -> int:
    names = SeatNames(arrival.machine.hostname, known.nickname if known else None)
    team_id, now = arrival.team_id, arrival.origin.now
    if known is None or known.seat_id is None:
        return seat_device(tx, SeatDevice(team_id, arrival.device_id, names, arrival.actor, now))
    if known.hostname != names.hostname:
        name_device_seat(tx, team_id, known.seat_id, names)
    mark_seat_active(tx, team_id, known.seat_id, now=now)
    return known.seat_id
