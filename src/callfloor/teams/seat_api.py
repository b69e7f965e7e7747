"""`/api/v2/seats`: list, show, add, delete one or many."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.tables import Role
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.database import Tx
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.fields import ID_LIMIT, Identity
from callfloor.foundation.web import (
    Cursor,
    Facts,
    IfMatch,
    Limit,
    RepeatKey,
    Shape,
    check_match,
    cursor_after,
    entity_tag,
    position_of,
)
from callfloor.teams.billing import Charge
from callfloor.teams.queries import SeatFilter, SeatRow, seats_after
from callfloor.teams.seat_deletions import DELETE_LIMIT, DeleteSeats, delete_seats
from callfloor.teams.seats import ADD_LIMIT, AddSeats, DeleteSeat, SeatsAdded, add_seats, delete_seat
from callfloor.teams.single_seats import seat_by_id
from callfloor.teams.tables import SeatStatus, TeamType
from callfloor.teams.teams import team_for_change

router = APIRouter(prefix="/seats", tags=["Seats"])

SeatId = Annotated[int, Path(ge=1, le=ID_LIMIT)]
Part = Annotated[
    str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$", description="Part of it, in any case.")
]
Reader = Annotated[Caller, needs(Scope.SEATS_READ)]
Writer = Annotated[Caller, needs(Scope.SEATS_WRITE)]


class SeatUser(Shape):
    """The person on a seat."""

    id: int
    email: str
    first_name: str
    last_name: str


class Seat(Shape):
    """A seat: a person's in an email team, a machine's in a device team."""

    id: int
    type: TeamType
    status: SeatStatus
    role: Role
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: str
    assigned_at: str | None
    last_active_at: str | None


class SeatList(Shape):
    """Some seats, by id; with a `next_cursor` there are more."""

    data: list[Seat]
    next_cursor: str | None


class SeatAddition(Shape):
    """Seats to add."""

    count: int = Field(ge=1, le=ADD_LIMIT)


class SeatCharge(Shape):
    """What added seats cost at once; `amount` in minor units of `currency`."""

    amount: int
    currency: str
    period_start: str
    period_end: str
    seats: int


class AddedSeats(Shape):
    """How many seats were added, how many the team has now, and the charge of a team that pays by card."""

    added: int
    count: int
    charge: SeatCharge | None


class SeatDeletion(Shape):
    """Free seats to delete; a dry run says what would happen, and changes nothing."""

    ids: list[Identity] = Field(min_length=1, max_length=DELETE_LIMIT)
    dry_run: bool = False


class DeletedSeat(Shape):
    """What became of one seat; `code` and `detail` say why one is not deleted."""

    id: int
    deleted: bool
    code: str | None
    detail: str | None


class DeletedSeats(Shape):
    """What became of each seat, in the order asked; `seats_before` and `seats_after` are the team's."""

    dry_run: bool
    seats_before: int
    seats_after: int
    data: list[DeletedSeat]


@router.get("", operation_id="list_seats")
async def list_seats(  # noqa: PLR0917  # one argument a parameter of the wire
    facts: Facts,
    caller: Reader,
    status: Annotated[SeatStatus | None, Query()] = None,
    role: Annotated[Role | None, Query()] = None,
    hostname: Part = None,
    nickname: Part = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> SeatList:
    """List seats, by id."""
    which = SeatFilter(status, role, hostname, nickname)
    position = position_of(cursor, int)
    after = position[0] if position else 0
    rows = await seats_after(facts.services.db, caller.team_id, which, after=after, take=limit + 1)
    more = cursor_after(rows[limit - 1][0]) if len(rows) > limit else None
    return SeatList(data=[_shown(row) for row in rows[:limit]], next_cursor=more)


@router.get("/{seat_id}", operation_id="show_seat")
async def show_seat(seat_id: SeatId, facts: Facts, caller: Reader, response: Response) -> Seat:
    """Show one seat."""
    read = functools.partial(seat_by_id, team_id=caller.team_id, seat_id=seat_id)
    shown = _shown(await facts.services.db.report(read))
    response.headers["ETag"] = entity_tag(shown.model_dump(mode="json"))
    return shown


@router.post("", operation_id="add_seats", status_code=201)
async def add(body: SeatAddition, facts: Facts, caller: Writer, idempotency_key: RepeatKey = None) -> AddedSeats:
    """Add free seats; a team that pays by card is charged for the rest of the period at once."""
    command = AddSeats(caller.team_id, body.count, caller.actor(facts), facts.now, idempotency_key)
    return _added(await facts.services.db.write(functools.partial(add_seats, command=command)))


@router.delete("/{seat_id}", operation_id="delete_seat", status_code=204)
async def delete(seat_id: SeatId, facts: Facts, caller: Writer, if_match: IfMatch = None) -> None:
    """Delete a free seat for good."""
    command = DeleteSeat(caller.team_id, seat_id, caller.actor(facts), facts.now)
    await facts.services.db.write(functools.partial(_delete, command=command, if_match=if_match))


@router.post("/deletions", operation_id="delete_seats")
async def delete_many(body: SeatDeletion, facts: Facts, caller: Writer) -> DeletedSeats:
    """Delete many free seats; those that cannot be deleted are named with the reason, the others are."""
    command = DeleteSeats(caller.team_id, tuple(body.ids), caller.actor(facts), facts.now)
    done = await write_or_try(facts.services.db, functools.partial(delete_seats, command=command), dry_run=body.dry_run)
    rows = [
        DeletedSeat(id=row.seat_id, deleted=row.code is None, code=row.code, detail=row.detail) for row in done.rows
    ]
    return DeletedSeats(dry_run=body.dry_run, seats_before=done.seats_before, seats_after=done.seats_after, data=rows)


def _delete(tx: Tx, command: DeleteSeat, if_match: str | None) -> None:
    team_for_change(tx, command.team_id)
    if if_match is not None:
        check_match(if_match, _shown(seat_by_id(tx, command.team_id, command.seat_id)).model_dump(mode="json"))
    delete_seat(tx, command)


def _shown(row: SeatRow) -> Seat:
    seat_id, kind, status, role, hostname, nickname, created, assigned, active, *person = row
    return Seat(
        id=seat_id,
        type=TeamType(kind),
        status=SeatStatus(status),
        role=Role(role),
        hostname=hostname,
        nickname=nickname,
        user=_user(person),
        created_at=iso(created),
        assigned_at=iso_or_none(assigned),
        last_active_at=iso_or_none(active),
    )


def _user(person: list[Any]) -> SeatUser | None:
    user_id, email, first_name, last_name = person
    return None if user_id is None else SeatUser(id=user_id, email=email, first_name=first_name, last_name=last_name)


def _added(done: SeatsAdded) -> AddedSeats:
    return AddedSeats(added=done.added, count=done.count, charge=_charge(done.charge) if done.charge else None)


def _charge(charge: Charge) -> SeatCharge:
    return SeatCharge(
        amount=charge.amount,
        currency=charge.currency,
        period_start=iso(charge.period_start),
        period_end=iso(charge.period_end),
        seats=charge.seats,
    )
