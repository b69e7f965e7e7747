"""Seats: added and deleted, and what that costs."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import delete, insert, select

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.idempotency import Repeatable
from callfloor.foundation.numbers import take_numbers
from callfloor.teams import ledger
from callfloor.teams.billing import Charge
from callfloor.teams.seat_counts import count_seats, place_of, total_statement
from callfloor.teams.tables import Payment, SeatStatus, seat
from callfloor.teams.teams import team_for_change

ADD_LIMIT = 10_000

_free = SeatStatus.UNASSIGNED.value
_new_seats = insert(seat)
_of_team = (seat.c.team_id == param("team_id"), seat.c.id == param("id"))
_delete_free = delete(seat).where(*_of_team, seat.c.status == _free).returning(seat.c.status, seat.c.role)
_exists = select(seat.c.id).where(*_of_team)


class NotPermittedToAddSeats(DomainError):
    """The team pays by invoice, and activity-based billing is off."""

    code = "not_permitted_add_seats"
    status = 403


class NotPermittedToDeleteSeat(DomainError):
    """The team pays by invoice."""

    code = "not_permitted_delete_seat"
    status = 403


class SeatNotFound(DomainError):
    """The team has no such seat."""

    code = "seat_not_found"
    status = 404


class SeatIsNotEmpty(DomainError):
    """Somebody holds the seat, or is invited to it."""

    code = "seat_is_not_empty"


class NoEmptySeat(DomainError):
    """Every seat of the team is taken."""

    code = "no_empty_seat"


@dataclasses.dataclass(frozen=True, slots=True)
class AddSeats:
    """Seats to add; a request with an Idempotency-Key is carried out once."""

    team_id: int
    count: int
    actor: audit.Actor
    now: Millis
    idempotency_key: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SeatsAdded:
    """What adding did: how many, how many the team has now, and what it cost."""

    added: int
    count: int
    charge: Charge | None


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteSeat:
    """A seat to delete."""

    team_id: int
    seat_id: int
    actor: audit.Actor
    now: Millis


def add_seats(tx: Tx, command: AddSeats) -> SeatsAdded:
    """Add free seats; a card team is charged for the rest of the period at once.

    Raises:
        InvalidInput: `count` is not 1 to 10,000.
        NotPermittedToAddSeats: the team pays by invoice without activity-based billing (the operator may).
        IdempotencyKeyReused: the key came with another request before.
    """
    if not 1 <= command.count <= ADD_LIMIT:
        raise invalid("count", f"must be a whole number from 1 to {ADD_LIMIT}")
    repeatable = _repeatable(command)
    first = repeatable.first_answer(tx) if repeatable else None
    if first is not None:
        return _as_added(first)
    team = team_for_change(tx, command.team_id)
    itself = command.actor.kind != audit.OPERATOR.kind
    if itself and team.payment is Payment.INVOICE and not team.activity_billing:
        raise NotPermittedToAddSeats("a team that pays by invoice cannot add seats itself")
    before = seats_of_team(tx, command.team_id)
    first_id = _insert_free_seats(tx, command, team.type.value)
    charge = ledger.enter_addition(tx, team, seats=command.count, before=before, now=command.now)
    answer = SeatsAdded(command.count, before + command.count, charge)
    after = {"added": command.count, "first_seat_id": first_id, "seats": answer.count}
    _record(tx, command, "seat.added", str(first_id), after=after)
    if repeatable:
        repeatable.remember(tx, dataclasses.asdict(answer))
    return answer


def delete_seat(tx: Tx, command: DeleteSeat) -> None:
    """Delete a free seat for good.

    Raises:
        NotPermittedToDeleteSeat: the team pays by invoice.
        SeatNotFound: the team has no such seat.
        SeatIsNotEmpty: it is assigned, or somebody is invited to it.
    """
    team = team_for_change(tx, command.team_id)
    if team.payment is Payment.INVOICE:
        raise NotPermittedToDeleteSeat("a team that pays by invoice cannot delete seats itself")
    key = {"team_id": command.team_id, "id": command.seat_id}
    deleted = tx.one(_delete_free, key)
    if deleted is None:
        if tx.one(_exists, key) is None:
            raise SeatNotFound(f"there is no seat {command.seat_id} in this team")
        raise SeatIsNotEmpty(f"seat {command.seat_id} is in use; unassign or block its holder first")
    status, role = deleted
    before = seats_of_team(tx, command.team_id)
    count_seats(tx, command.team_id, [(place_of(command.seat_id, status, role), -1)])
    ledger.enter_removal(tx, team, seats=1, before=before, now=command.now)
    _record(tx, command, "seat.deleted", str(command.seat_id), before={"status": status, "role": role})


def seats_of_team(tx: Tx, team_id: int) -> int:
    """Return how many seats the team has."""
    row = tx.one(total_statement(by_status=False, by_role=False), {"team_id": team_id})
    return int(row[0]) if row else 0


def _insert_free_seats(tx: Tx, command: AddSeats, seat_type: str) -> int:
    first_id = take_numbers(tx, "seat", command.count)
    ids = range(first_id, first_id + command.count)
    row: dict[str, Any] = {
        "team_id": command.team_id,
        "type": seat_type,
        "status": _free,
        "role": Role.USER.value,
        "created_at": command.now,
    }
    tx.run(_new_seats, [{**row, "id": seat_id} for seat_id in ids])
    count_seats(tx, command.team_id, ((place_of(seat_id, _free, Role.USER.value), 1) for seat_id in ids))
    return first_id


def _record(
    tx: Tx,
    command: AddSeats | DeleteSeat,
    kind: str,
    seat_id: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    change = audit.Change(command.team_id, kind, "seat", seat_id, before=before, after=after)
    record_change(tx, command.actor, change, now=command.now)


def _repeatable(command: AddSeats) -> Repeatable | None:
    if command.idempotency_key is None:
        return None
    return Repeatable(command.team_id, "add_seats", command.idempotency_key, f"count={command.count}", command.now)


def _as_added(answer: dict[str, Any]) -> SeatsAdded:
    charge = Charge(**answer["charge"]) if answer["charge"] else None
    return SeatsAdded(answer["added"], answer["count"], charge)
