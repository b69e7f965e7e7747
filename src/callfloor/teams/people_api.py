"""`/api/v2/people`: the members of a team, their roles, their leaving."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.tables import Role
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.fields import Identity
from callfloor.foundation.web import (
    Cursor,
    Facts,
    IfMatch,
    Limit,
    Shape,
    check_match,
    cursor_after,
    entity_tag,
    position_of,
)
from callfloor.teams.invitations_api import Id, Reader, RoleName, Search, Writer
from callfloor.teams.people import (
    ChangeRole,
    RemovePerson,
    TeamPerson,
    change_role,
    person_by_id,
    remove_people,
    remove_person,
)
from callfloor.teams.people_queries import Page, people_page

router = APIRouter(tags=["People"])

REMOVAL_LIMIT = 1000


class Person(Shape):
    """A member; `seat_id` is their seat in an email team."""

    id: int
    email: str
    first_name: str
    last_name: str
    role: Role
    status: Literal["assigned", "unassigned"]
    seat_id: int | None
    joined_at: str
    last_signed_in_at: str | None


class ListedPerson(Person):
    """A member in a list."""

    last_active_at: str | None


class People(Shape):
    """A page of members, by id."""

    data: list[ListedPerson]
    next_cursor: str | None


class NewRole(Shape):
    """The role a person is to have."""

    role: RoleName


class NewPeopleRemovals(Shape):
    """People who are to leave the team."""

    ids: list[Identity] = Field(min_length=1, max_length=REMOVAL_LIMIT)
    dry_run: bool = False


class PersonRemoval(Shape):
    """What became of one person: removed, or the code of the refusal."""

    id: int
    result: str
    message: str | None


class PeopleRemovals(Shape):
    """What became of everybody; after a dry run, what would have."""

    dry_run: bool
    removed: int
    data: list[PersonRemoval]


@router.get("/people", operation_id="list_people")
async def list_people(
    *,
    facts: Facts,
    caller: Reader,
    q: Search = None,
    status: Annotated[Literal["assigned", "unassigned"] | None, Query()] = None,
    role: Annotated[RoleName | None, Query()] = None,
    never_signed_in: Annotated[bool, Query(description="Only who has never signed in.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> People:
    """List members by id; `q` is part of the e-mail address, `status` says whether they hold a seat."""
    after = position_of(cursor, int) or (0,)
    page = Page(caller.team_id, after[0], limit, q)
    is_seated = None if status is None else status == "assigned"
    rows = await people_page(facts.services.db, page, role=role, is_seated=is_seated, is_unseen=never_signed_in)
    people = [
        ListedPerson(
            id=row.id,
            email=row.email,
            first_name=row.first_name,
            last_name=row.last_name,
            role=Role(row.role),
            status="unassigned" if row.seat_id is None else "assigned",
            seat_id=row.seat_id,
            joined_at=iso(row.joined_at),
            last_active_at=iso_or_none(row.last_active_at),
            last_signed_in_at=iso_or_none(row.last_signed_in_at),
        )
        for row in rows
    ]
    return People(data=people, next_cursor=cursor_after(rows[-1].id) if len(rows) == limit else None)


@router.get("/people/{person_id}", operation_id="read_person")
async def read(person_id: Id, facts: Facts, caller: Reader, response: Response) -> Person:
    """Return one member."""
    verb = functools.partial(person_by_id, team_id=caller.team_id, account_id=person_id)
    return _tagged(response, _shown(await facts.services.db.report(verb)))


@router.put("/people/{person_id}/role", operation_id="change_role")
async def put_role(
    person_id: Id, body: NewRole, facts: Facts, caller: Writer, response: Response, if_match: IfMatch = None
) -> Person:
    """Give the person another role; only an administrator makes or changes an administrator."""
    command = ChangeRole(
        caller.team_id,
        person_id,
        Role(body.role),
        caller.actor(facts),
        facts.now,
        acting_account_id=caller.account_id,
        precondition=_unchanged(if_match),
    )
    return _tagged(response, _shown(await facts.services.db.write(functools.partial(change_role, command=command))))


@router.delete("/people/{person_id}", operation_id="remove_person", status_code=204)
async def remove(person_id: Id, facts: Facts, caller: Writer, if_match: IfMatch = None) -> None:
    """Take the person out of the team; their seat is free again."""
    command = RemovePerson(
        caller.team_id,
        person_id,
        caller.actor(facts),
        facts.now,
        acting_account_id=caller.account_id,
        precondition=_unchanged(if_match),
    )
    await facts.services.db.write(functools.partial(remove_person, command=command))


@router.post("/people/removals", operation_id="remove_people")
async def remove_batch(body: NewPeopleRemovals, facts: Facts, caller: Writer) -> PeopleRemovals:
    """Take many people out of the team; each row says what became of one."""
    actor = caller.actor(facts)
    commands = [
        RemovePerson(caller.team_id, number, actor, facts.now, acting_account_id=caller.account_id)
        for number in body.ids
    ]
    verb = functools.partial(remove_people, commands=commands)
    refusals = await write_or_try(facts.services.db, verb, dry_run=body.dry_run)
    rows = [
        PersonRemoval(
            id=number, result=refusal.code if refusal else "removed", message=refusal.message if refusal else None
        )
        for number, refusal in zip(body.ids, refusals, strict=True)
    ]
    return PeopleRemovals(dry_run=body.dry_run, removed=refusals.count(None), data=rows)


def _unchanged(if_match: str | None) -> Callable[[TeamPerson], None]:
    return lambda person: check_match(if_match, _tagged_part(_shown(person)))


def _tagged(response: Response, person: Person) -> Person:
    response.headers["ETag"] = entity_tag(_tagged_part(person))
    return person


def _tagged_part(person: Person) -> dict[str, object]:
    # A sign-in is no change of the person: whoever read them before still sees them as they are.
    return person.model_dump(mode="json", exclude={"last_signed_in_at"})


def _shown(person: TeamPerson) -> Person:
    member = person.member
    return Person(
        id=member.account_id,
        email=member.email,
        first_name=member.first_name,
        last_name=member.last_name,
        role=member.role,
        status="unassigned" if person.seat_id is None else "assigned",
        seat_id=person.seat_id,
        joined_at=iso(member.joined_at),
        last_signed_in_at=iso_or_none(member.last_signed_in_at),
    )
