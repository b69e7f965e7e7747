"""Seats of a device team as machines take and leave them; the seat keeps copies of its machine's names."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.teams.free_seats import IS_LOWEST_FREE
from callfloor.teams.seat_counts import count_seats, place_of
from callfloor.teams.seats import NoEmptySeat, SeatNotFound
from callfloor.teams.tables import SeatStatus, TeamType, seat, team
from callfloor.teams.teams import team_for_change

_FREE, _HELD = SeatStatus.UNASSIGNED.value, SeatStatus.ASSIGNED.value

# Locked by the very condition: a secret that is rotated meanwhile lets nobody in.
_by_device_secret = (
    select(team.c.id)
    .where(team.c.device_secret_hash == param("secret_hash"), team.c.type == TeamType.DEVICE.value)
    .with_for_update()
)
_names = {
    "hostname": param("hostname"),
    "hostname_key": param("hostname_key"),
    "nickname": param("nickname"),
    "nickname_key": param("nickname_key"),
}
_one_seat = (seat.c.team_id == param("team_id"), seat.c.id == param("seat_id"))
_take = (
    update(seat)
    .where(*IS_LOWEST_FREE)
    .values(**_names, status=_HELD, assigned_at=param("now"), last_active_at=param("now"))
    .returning(seat.c.id, seat.c.role)
)
_free = (
    update(seat)
    .where(*_one_seat, seat.c.status == _HELD)
    .values(
        status=_FREE,
        hostname=None,
        hostname_key=None,
        nickname=None,
        nickname_key=None,
        assigned_at=None,
        last_active_at=None,
    )
    .returning(seat.c.role)
)
_name = update(seat).where(*_one_seat).values(**_names)
_mark_active = update(seat).where(*_one_seat).values(last_active_at=param("now"))
_status = select(seat.c.status).where(*_one_seat)


class TeamSecretInvalid(DomainError):
    """No device team has this secret."""

    code = "team_secret_invalid"
    status = 401


class NotPermittedToChangeSeatStatus(DomainError):
    """The team's seats are of the other type."""

    code = "not_permitted_change_seat_status"
    status = 403


class SeatIsEmpty(DomainError):
    """Nobody holds the seat."""

    code = "seat_is_empty"


@dataclasses.dataclass(frozen=True, slots=True)
class SeatNames:
    """What a seat shows of its machine."""

    hostname: str
    nickname: str | None

    def params(self) -> dict[str, str | None]:
        """Return the names with their searched forms."""
        return {
            "hostname": self.hostname,
            "hostname_key": self.hostname.casefold(),
            "nickname": self.nickname,
            "nickname_key": None if self.nickname is None else self.nickname.casefold(),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class SeatDevice:
    """A machine that is to sit on a free seat."""

    team_id: int
    device_id: int
    names: SeatNames
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class FreeDeviceSeat:
    """A seat that its machine leaves."""

    team_id: int
    seat_id: int
    device_id: int
    actor: audit.Actor
    now: Millis


def team_by_device_secret(tx: Tx, secret_hash: bytes) -> int:
    """Return the device team with this secret, its row locked.

    Raises:
        TeamSecretInvalid: no team has it.
    """
    row = tx.one(_by_device_secret, {"secret_hash": secret_hash})
    if row is None:
        raise TeamSecretInvalid("no team has this secret; ask your administrator for the present one")
    return row[0]


def device_team_for_change(tx: Tx, team_id: int) -> None:
    """Lock the row of a device team.

    Raises:
        NotPermittedToChangeSeatStatus: its seats are people.
    """
    if team_for_change(tx, team_id).type is not TeamType.DEVICE:
        raise NotPermittedToChangeSeatStatus("only seats of a device team hold machines")


def seat_device(tx: Tx, command: SeatDevice) -> int:
    """Put the machine on the free seat with the lowest id and return it; the team's row is locked by the caller.

    Raises:
        NoEmptySeat: none is free.
    """
    taken = tx.one(_take, {"team_id": command.team_id, "now": command.now, **command.names.params()})
    if taken is None:
        raise NoEmptySeat("every seat of the team is taken; add seats, or free one")
    seat_id, role = taken
    _count(tx, command.team_id, seat_id, role, taken=1)
    after = {"device_id": command.device_id, "hostname": command.names.hostname}
    _record(tx, command, "seat.assigned", seat_id, after=after)
    return seat_id


def free_device_seat(tx: Tx, command: FreeDeviceSeat) -> None:
    """Free the seat; the team's row is locked by the caller.

    Raises:
        SeatIsEmpty: no machine holds it.
    """
    freed = tx.one(_free, {"team_id": command.team_id, "seat_id": command.seat_id})
    if freed is None:
        raise SeatIsEmpty(f"nobody holds seat {command.seat_id}")
    _count(tx, command.team_id, command.seat_id, freed[0], taken=-1)
    _record(tx, command, "seat.freed", command.seat_id, before={"device_id": command.device_id})


def name_device_seat(tx: Tx, team_id: int, seat_id: int, names: SeatNames) -> None:
    """Copy a machine's names to its seat."""
    tx.run(_name, {"team_id": team_id, "seat_id": seat_id, **names.params()})


def mark_seat_active(tx: Tx, team_id: int, seat_id: int, *, now: Millis) -> None:
    """Remember that the seat's machine was heard of now."""
    tx.run(_mark_active, {"team_id": team_id, "seat_id": seat_id, "now": now})


def check_seat_is_held(tx: Tx, team_id: int, seat_id: int) -> None:
    """Check that somebody holds the seat.

    Raises:
        SeatNotFound: the team has no such seat.
        SeatIsEmpty: nobody does.
    """
    row = tx.one(_status, {"team_id": team_id, "seat_id": seat_id})
    if row is None:
        raise SeatNotFound(f"there is no seat {seat_id} in this team")
    if row[0] != _HELD:
        raise SeatIsEmpty(f"nobody holds seat {seat_id}")


def _count(tx: Tx, team_id: int, seat_id: int, role: str, *, taken: int) -> None:
    free, held = place_of(seat_id, _FREE, role), place_of(seat_id, _HELD, role)
    count_seats(tx, team_id, [(free, -taken), (held, taken)])


def _record(
    tx: Tx,
    command: SeatDevice | FreeDeviceSeat,
    kind: str,
    seat_id: int,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    change = audit.Change(command.team_id, kind, "seat", str(seat_id), before=before, after=after)
    record_change(tx, command.actor, change, now=command.now)
