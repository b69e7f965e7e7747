"""A device that lost its seat gets a free one back, before it logs in again."""

from __future__ import annotations

from sqlalchemy import update

from callfloor.devices.blocking import ChangeDevice
from callfloor.devices.events import device_change, record
from callfloor.devices.queries import Device, device_by_id
from callfloor.devices.tables import device
from callfloor.devices.tokens import DeviceBlocked
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.teams.device_seats import SeatDevice, SeatNames, device_team_for_change, seat_device

_sit = (
    update(device)
    .where(device.c.team_id == param("team_id"), device.c.id == param("device_id"))
    .values(seat_id=param("seat_id"))
)


class DeviceHasSeat(DomainError):
    """The device holds a seat already."""

    code = "device_has_seat"


def reseat_device(tx: Tx, command: ChangeDevice) -> Device:
    """Put the device on the free seat with the lowest id, where it is when it logs in.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        DeviceNotFound: the team has no such device.
        DeviceBlocked: it is shut out.
        DeviceHasSeat: it came back by itself.
        NoEmptySeat: none is free.
    """
    device_team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    if known.block is not None:
        raise DeviceBlocked(known.block.reason)
    if known.seat_id is not None:
        raise DeviceHasSeat(f"device {known.id} holds seat {known.seat_id} already")
    names = SeatNames(known.hostname, known.nickname)
    seat_id = seat_device(tx, SeatDevice(command.team_id, known.id, names, command.actor, command.now))
    tx.run(_sit, {"team_id": command.team_id, "device_id": known.id, "seat_id": seat_id})
    change = device_change(
        command.team_id, "device.reseated", known.id, before={"seat_id": None}, after={"seat_id": seat_id}
    )
    record(tx, command.actor, change, now=command.now)
    return device_by_id(tx, command.team_id, known.id)
