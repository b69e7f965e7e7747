"""Devices shut out and let in again, and taken off their seats.

A change locks the team's row first: log-ins and changes of one team come one after the other.
"""

from __future__ import annotations

import dataclasses

from sqlalchemy import delete, insert, select, update

from callfloor.access import audit
from callfloor.devices.events import device_change, record
from callfloor.devices.names import check_name
from callfloor.devices.queries import Device, device_by_id, find_device_by_seat
from callfloor.devices.tables import device, device_block
from callfloor.devices.tokens import end_tokens
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.teams.device_seats import (
    FreeDeviceSeat,
    SeatIsEmpty,
    SeatNames,
    check_seat_is_held,
    device_team_for_change,
    free_device_seat,
)

_this = (device.c.team_id == param("team_id"), device.c.id == param("device_id"))
_shut_out = update(device).where(*_this).values(blocked_at=param("now"), seat_id=None, active_until=param("now"))
_let_in = update(device).where(*_this).values(blocked_at=None)
_stand_up = update(device).where(*_this).values(seat_id=None, active_until=param("now"))
_add_block = insert(device_block)
_by_device = (device_block.c.team_id == param("team_id"), device_block.c.device_id == param("device_id"))
_blocked_device = select(device_block.c.device_id).where(
    device_block.c.team_id == param("team_id"), device_block.c.id == param("entry_id")
)
_delete_block = delete(device_block).where(*_by_device)


class BlockEntryNotFound(DomainError):
    """The block list has no such entry."""

    code = "block_entry_not_found"
    status = 404


class DeviceIsNotBlocked(DomainError):
    """The device is not on the block list."""

    code = "device_is_not_blocked"


class DeviceHasNoSeat(DomainError):
    """The device holds no seat."""

    code = "device_has_no_seat"


@dataclasses.dataclass(frozen=True, slots=True)
class BlockSeat:
    """A seat whose device is to be shut out."""

    team_id: int
    seat_id: int
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class UnblockEntry:
    """An entry of the block list to be taken off."""

    team_id: int
    entry_id: int
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeDevice:
    """A device that is to change; `reason` is told to a machine that is blocked."""

    team_id: int
    device_id: int
    actor: audit.Actor
    now: Millis
    reason: str | None = None


def block_seat(tx: Tx, command: BlockSeat) -> None:
    """Shut out the device on the seat and free the seat.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        SeatNotFound: the team has no such seat.
        SeatIsEmpty: nobody holds it.
    """
    device_team_for_change(tx, command.team_id)
    check_seat_is_held(tx, command.team_id, command.seat_id)
    known = find_device_by_seat(tx, command.team_id, command.seat_id)
    if known is None:
        raise SeatIsEmpty(f"no device holds seat {command.seat_id}")
    _shut(tx, known, ChangeDevice(command.team_id, known.id, command.actor, command.now))


def block_device(tx: Tx, command: ChangeDevice) -> Device:
    """Shut the device out and free its seat; one that is shut out already stays as it is.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        DeviceNotFound: the team has no such device.
        InvalidInput: the reason is longer than 255 characters, or not printable.
    """
    if command.reason is not None:
        check_name("reason", command.reason)
    device_team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    if known.block is None:
        _shut(tx, known, command)
    return device_by_id(tx, command.team_id, command.device_id)


def unblock_entry(tx: Tx, command: UnblockEntry) -> None:
    """Let the device of a block-list entry in again; it takes a seat at its next log-in.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        BlockEntryNotFound: the team's list has no such entry.
    """
    device_team_for_change(tx, command.team_id)
    row = tx.one(_blocked_device, {"team_id": command.team_id, "entry_id": command.entry_id})
    if row is None:
        raise BlockEntryNotFound(f"the block list has no entry {command.entry_id}")
    known = device_by_id(tx, command.team_id, row[0])
    _let(tx, known, ChangeDevice(command.team_id, known.id, command.actor, command.now))


def unblock_device(tx: Tx, command: ChangeDevice) -> Device:
    """Let the device in again; it takes a seat at its next log-in.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        DeviceNotFound: the team has no such device.
        DeviceIsNotBlocked: it is not shut out.
    """
    device_team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    if known.block is None:
        raise DeviceIsNotBlocked(f"device {command.device_id} is not blocked")
    _let(tx, known, command)
    return device_by_id(tx, command.team_id, command.device_id)


def unassign_device(tx: Tx, command: ChangeDevice) -> Device:
    """Take the device off its seat, which is free again; the device may log in, and takes a seat as a new one does.

    Raises:
        NotPermittedToChangeSeatStatus: the team's seats are people.
        DeviceNotFound: the team has no such device.
        DeviceHasNoSeat: it holds none.
    """
    device_team_for_change(tx, command.team_id)
    known = device_by_id(tx, command.team_id, command.device_id)
    if known.seat_id is None:
        raise DeviceHasNoSeat(f"device {command.device_id} holds no seat")
    _free_seat(tx, known, command)
    tx.run(_stand_up, {"team_id": command.team_id, "device_id": known.id, "now": command.now})
    end_tokens(tx, command.team_id, known.id)
    change = device_change(
        command.team_id, "device.unassigned", known.id, before={"seat_id": known.seat_id}, after={"seat_id": None}
    )
    record(tx, command.actor, change, now=command.now)
    return device_by_id(tx, command.team_id, command.device_id)


def _shut(tx: Tx, known: Device, command: ChangeDevice) -> None:
    names = SeatNames(known.hostname, known.nickname)
    entry_id = take_numbers(tx, "device_block")
    tx.run(
        _add_block,
        {
            "team_id": command.team_id,
            "id": entry_id,
            "device_id": known.id,
            **names.params(),
            "username": known.username,
            "reason": command.reason,
            "blocked_at": command.now,
            "blocked_by": command.actor.name,
        },
    )
    tx.run(_shut_out, {"team_id": command.team_id, "device_id": known.id, "now": command.now})
    end_tokens(tx, command.team_id, known.id)
    if known.seat_id is not None:
        _free_seat(tx, known, command)
    change = device_change(
        command.team_id,
        "device.blocked",
        known.id,
        before={"seat_id": known.seat_id},
        after={"entry_id": entry_id, "hostname": known.hostname, "reason": command.reason},
    )
    record(tx, command.actor, change, now=command.now)


def _let(tx: Tx, known: Device, command: ChangeDevice) -> None:
    key = {"team_id": command.team_id, "device_id": known.id}
    tx.run(_delete_block, key)
    tx.run(_let_in, key)
    entry = None if known.block is None else known.block.id
    change = device_change(
        command.team_id,
        "device.unblocked",
        known.id,
        before={"entry_id": entry},
        after={"hostname": known.hostname},
    )
    record(tx, command.actor, change, now=command.now)


def _free_seat(tx: Tx, known: Device, command: ChangeDevice) -> None:
    if known.seat_id is not None:
        free_device_seat(tx, FreeDeviceSeat(command.team_id, known.seat_id, known.id, command.actor, command.now))
