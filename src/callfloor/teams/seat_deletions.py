"""Many seats deleted at once: each by the verb of one, those that cannot be are named with the reason."""

from __future__ import annotations

import dataclasses

from callfloor.access import audit
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.teams.seats import DeleteSeat, SeatIsNotEmpty, SeatNotFound, delete_seat, seats_of_team
from callfloor.teams.teams import team_for_change

DELETE_LIMIT = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteSeats:
    """Seats to delete."""

    team_id: int
    seat_ids: tuple[int, ...]
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class RowDeleted:
    """What became of one seat; without a `code` it is deleted."""

    seat_id: int
    code: str | None = None
    detail: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SeatsDeleted:
    """What became of each, in the order asked, and the number of the team's seats before and after."""

    seats_before: int
    seats_after: int
    rows: tuple[RowDeleted, ...]


def delete_seats(tx: Tx, command: DeleteSeats) -> SeatsDeleted:
    """Delete the seats that are free.

    Raises:
        NotPermittedToDeleteSeat: the team pays by invoice; no seat is deleted.
    """
    team_for_change(tx, command.team_id)
    before = seats_of_team(tx, command.team_id)
    rows = tuple(_delete(tx, command, seat_id) for seat_id in command.seat_ids)
    return SeatsDeleted(before, seats_of_team(tx, command.team_id), rows)


def _delete(tx: Tx, command: DeleteSeats, seat_id: int) -> RowDeleted:
    try:
        delete_seat(tx, DeleteSeat(command.team_id, seat_id, command.actor, command.now))
    except (SeatNotFound, SeatIsNotEmpty) as refusal:
        # Both are raised before anything is written, so that the transaction goes on with the next seat.
        return RowDeleted(seat_id, refusal.code, refusal.message)
    return RowDeleted(seat_id)
