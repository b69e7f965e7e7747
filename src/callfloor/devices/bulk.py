"""Many devices changed at once, each by the verb that changes one; what cannot be is told, and stops no other."""

from __future__ import annotations

import dataclasses
import enum
from typing import Literal

from callfloor.access.audit import Actor
from callfloor.devices.blocking import ChangeDevice, block_device, unassign_device, unblock_device
from callfloor.devices.names import check_name
from callfloor.devices.queries import Device, device_by_id
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import DomainError
from callfloor.teams.device_seats import device_team_for_change

BULK_LIMIT = 500


class Action(enum.StrEnum):
    """What becomes of each device."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    UNASSIGN = "unassign"


_VERBS = {Action.BLOCK: block_device, Action.UNBLOCK: unblock_device, Action.UNASSIGN: unassign_device}


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeDevices:
    """Devices that all change in one way; `reason` is told to those that are blocked."""

    team_id: int
    device_ids: tuple[int, ...]
    action: Action
    actor: Actor
    now: Millis
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one device; `code` and `message` say why one was refused."""

    device_id: int
    result: Literal["changed", "unchanged", "refused"]
    before: Device | None = None
    after: Device | None = None
    code: str | None = None
    message: str | None = None


def change_devices(tx: Tx, command: ChangeDevices) -> list[Outcome]:
    """Change each device, in the order given; one that is refused stays whole as it is.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        InvalidInput: the reason is empty, longer than 255 characters, or not printable.
    """
    if command.reason is not None:
        check_name("reason", command.reason)
    device_team_for_change(tx, command.team_id)
    return [_changed(tx, command, device_id) for device_id in command.device_ids]


def _changed(tx: Tx, command: ChangeDevices, device_id: int) -> Outcome:
    # The verbs refuse before they change anything, so that a refusal needs no rollback of its own.
    change = ChangeDevice(command.team_id, device_id, command.actor, command.now, command.reason)
    try:
        before = device_by_id(tx, command.team_id, device_id)
        after = _VERBS[command.action](tx, change)
    except DomainError as error:
        return Outcome(device_id, "refused", code=error.code, message=error.message)
    return Outcome(device_id, "unchanged" if before == after else "changed", before, after)
