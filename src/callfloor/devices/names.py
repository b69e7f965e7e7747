"""Nicknames: what administrators call a device, on its seat and in the block list too."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sqlalchemy import update

from callfloor.access import audit
from callfloor.devices.events import device_change, record
from callfloor.devices.queries import Device, device_by_id
from callfloor.devices.tables import device, device_block
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.fields import checked_name
from callfloor.teams.device_seats import SeatNames, device_team_for_change, name_device_seat

NAME_MAX_LENGTH = 255
"""Of hostnames, nicknames and reasons."""

_call = (
    update(device)
    .where(device.c.team_id == param("team_id"), device.c.id == param("device_id"))
    .values(nickname=param("nickname"), nickname_key=param("nickname_key"))
)
_call_blocked = (
    update(device_block)
    .where(device_block.c.team_id == param("team_id"), device_block.c.device_id == param("device_id"))
    .values(nickname=param("nickname"), nickname_key=param("nickname_key"))
)


@dataclasses.dataclass(frozen=True, slots=True)
class NicknameDevice:
    """A device that gets another nickname, or none; `check` may refuse by what the device is in the transaction."""

    team_id: int
    device_id: int
    nickname: str | None
    actor: audit.Actor
    now: Millis
    check: Callable[[Device], None]


def nickname_device(tx: Tx, command: NicknameDevice) -> Device:
    """Give the device a nickname, on its seat and in the block list too; None takes it away.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        DeviceNotFound: the team has no such device.
        InvalidInput: the nickname is blank, longer than 255 characters, or has control characters.
    """
    nickname = command.nickname
    if nickname is not None:
        check_name("nickname", nickname)
    device_team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    command.check(known)
    if known.nickname == nickname:
        return known
    names = SeatNames(known.hostname, nickname)
    key = {"team_id": command.team_id, "device_id": known.id}
    new_name = {"nickname": nickname, "nickname_key": names.params()["nickname_key"]}
    tx.run(_call, {**key, **new_name})
    if known.block is not None:
        tx.run(_call_blocked, {**key, **new_name})
    if known.seat_id is not None:
        name_device_seat(tx, command.team_id, known.seat_id, names)
    change = device_change(
        command.team_id,
        "device.nicknamed",
        known.id,
        before={"nickname": known.nickname},
        after={"nickname": nickname},
    )
    record(tx, command.actor, change, now=command.now)
    return device_by_id(tx, command.team_id, command.device_id)


def check_name(field: str, text: str) -> None:
    """Check a text that people give.

    Raises:
        InvalidInput: it is blank, longer than 255 characters, or has control characters.
    """
    checked_name(field, text, limit=NAME_MAX_LENGTH)
