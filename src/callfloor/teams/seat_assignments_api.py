"""`/api/v2/seats/assignments` and `/releases`: members put on free seats, or taken off them, many at once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.tables import Role
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import Identity
from callfloor.foundation.web import Facts, RepeatKey, Shape
from callfloor.teams.addresses import addresses_in
from callfloor.teams.invitations_api import RoleName
from callfloor.teams.seat_assignments import (
    PEOPLE_LIMIT,
    AssignSeats,
    Outcome,
    PersonMeant,
    ReleaseSeats,
    Result,
    SeatsChanged,
    Standing,
    assign_seats,
    release_seats,
)

router = APIRouter(prefix="/seats", tags=["Seats"])

Writer = Annotated[Caller, needs(Scope.PEOPLE_WRITE)]
Email = Annotated[str, Field(max_length=254)]
Text = Annotated[
    str,
    Field(max_length=200_000, description="Addresses with commas, spaces or line breaks between: a file's column."),
]


_ONE_OF_BOTH = ConfigDict(
    json_schema_extra={
        "oneOf": [
            {"required": ["email"], "properties": {"email": {"type": "string"}, "account_id": {"type": "null"}}},
            {"required": ["account_id"], "properties": {"account_id": {"type": "integer"}, "email": {"type": "null"}}},
        ]
    }
)
_SOMEBODY = ConfigDict(
    json_schema_extra={
        "anyOf": [
            {"required": ["people"], "properties": {"people": {"minItems": 1}}},
            {"required": ["text"], "properties": {"text": {"pattern": r'[^\s,;"]'}}},
        ]
    }
)


class PersonToSeat(Shape):
    """A member, by `email` or by `account_id`; with a `role` they get that role too."""

    model_config = _ONE_OF_BOTH

    email: Email | None = None
    account_id: Identity | None = None
    role: RoleName | None = None


class NewSeatAssignments(Shape):
    """Members to be seated; `role` is for those who are given none of their own."""

    model_config = _SOMEBODY

    people: list[PersonToSeat] = Field(default=[], max_length=PEOPLE_LIMIT)
    text: Text = ""
    role: RoleName | None = None
    partial: bool = Field(
        default=False, description="Seat as many as there are free seats; else, when they do not suffice, nobody."
    )
    dry_run: bool = False


class PersonToRelease(Shape):
    """A member, by `email` or by `account_id`."""

    model_config = _ONE_OF_BOTH

    email: Email | None = None
    account_id: Identity | None = None


class NewSeatReleases(Shape):
    """Members to be taken off their seats."""

    model_config = _SOMEBODY

    people: list[PersonToRelease] = Field(default=[], max_length=PEOPLE_LIMIT)
    text: Text = ""
    dry_run: bool = False


class PersonStanding(Shape):
    """Role and seat of a member."""

    role: Role
    seat_id: int | None


class SeatChangeRow(Shape):
    """What became of one person; `code` and `message` say why they were skipped or refused."""

    email: str | None
    account_id: int | None
    result: Result
    before: PersonStanding | None
    after: PersonStanding | None
    code: str | None
    message: str | None


class SeatChanges(Shape):
    """What became of everybody, in the order asked; after a dry run, what would have."""

    dry_run: bool
    changed: int
    free_seats: int
    data: list[SeatChangeRow]


@router.post("/assignments", operation_id="assign_seats")
async def assign(
    body: NewSeatAssignments, facts: Facts, caller: Writer, idempotency_key: RepeatKey = None
) -> SeatChanges:
    """Put members who have no seat on the lowest free ones."""
    command = AssignSeats(
        caller.team_id,
        _people(body),
        caller.actor(facts),
        facts.now,
        is_partial=body.partial,
        acting_account_id=caller.account_id,
        idempotency_key=idempotency_key,
    )
    verb = functools.partial(assign_seats, command=command)
    return _shown(await write_or_try(facts.services.db, verb, dry_run=body.dry_run), dry_run=body.dry_run)


@router.post("/releases", operation_id="release_seats")
async def release(body: NewSeatReleases, facts: Facts, caller: Writer) -> SeatChanges:
    """Take members off their seats; they stay in the team, with their role."""
    command = ReleaseSeats(
        caller.team_id, _people(body), caller.actor(facts), facts.now, acting_account_id=caller.account_id
    )
    verb = functools.partial(release_seats, command=command)
    return _shown(await write_or_try(facts.services.db, verb, dry_run=body.dry_run), dry_run=body.dry_run)


def _people(body: NewSeatAssignments | NewSeatReleases) -> tuple[PersonMeant, ...]:
    people: Sequence[PersonToSeat | PersonToRelease] = body.people
    named = [_meant(place, one) for place, one in enumerate(people)]
    pasted = [PersonMeant(email=email) for email in addresses_in(body.text)]
    common = body.role if isinstance(body, NewSeatAssignments) else None
    return tuple(dataclasses.replace(one, role=one.role or _role(common)) for one in (*named, *pasted))


def _meant(place: int, person: PersonToSeat | PersonToRelease) -> PersonMeant:
    if (person.email is None) == (person.account_id is None):
        raise invalid(f"people.{place}", "must have either email or account_id")
    role = person.role if isinstance(person, PersonToSeat) else None
    return PersonMeant(person.email, person.account_id, _role(role))


def _role(name: RoleName | None) -> Role | None:
    return None if name is None else Role(name)


def _shown(done: SeatsChanged, *, dry_run: bool) -> SeatChanges:
    changed = sum(one.after is not None for one in done.outcomes)
    rows = [_row(one) for one in done.outcomes]
    return SeatChanges(dry_run=dry_run, changed=changed, free_seats=done.free_seats, data=rows)


def _row(outcome: Outcome) -> SeatChangeRow:
    return SeatChangeRow(
        email=outcome.email,
        account_id=outcome.account_id,
        result=outcome.result,
        before=_standing(outcome.before),
        after=_standing(outcome.after),
        code=outcome.code,
        message=outcome.message,
    )


def _standing(standing: Standing | None) -> PersonStanding | None:
    return None if standing is None else PersonStanding(role=standing.role, seat_id=standing.seat_id)
