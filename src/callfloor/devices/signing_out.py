"""Every agent of a device is signed out by an administrator; the device may come in again as it did before."""

from __future__ import annotations

from sqlalchemy import update

from callfloor.devices.blocking import ChangeDevice
from callfloor.devices.events import device_change, record
from callfloor.devices.queries import device_by_id
from callfloor.devices.tables import device
from callfloor.devices.tokens import end_tokens
from callfloor.foundation.database import Tx, param
from callfloor.teams.teams import team_for_change

_leave = (
    update(device)
    .where(device.c.team_id == param("team_id"), device.c.id == param("device_id"))
    .values(active_until=param("now"))
)


def sign_out_device(tx: Tx, command: ChangeDevice) -> None:
    """End every token of the device; a seat of its own stays its.

    Raises:
        DeviceNotFound: the team has no such device.
    """
    team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    end_tokens(tx, command.team_id, known.id)
    tx.run(_leave, {"team_id": command.team_id, "device_id": known.id, "now": command.now})
    after = {"hostname": known.hostname, "account_id": known.account_id}
    record(
        tx, command.actor, device_change(command.team_id, "device.signed_out", known.id, after=after), now=command.now
    )
