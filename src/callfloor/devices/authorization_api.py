"""`/api/v2/agent-authorizations`, and codes for agents: how a person, or an administrator, lets an agent in."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from callfloor.access.guard import Caller, count_try, needs, person_of
from callfloor.access.scopes import Scope
from callfloor.devices.agent_codes import MakeAgentCode, make_agent_code, withdraw_agent_code
from callfloor.devices.authorization import (
    Authorization,
    DecideAuthorization,
    approve_authorization,
    authorization_by_user_code,
    deny_authorization,
)
from callfloor.devices.codes import (
    TYPED_MAX_LENGTH,
    USER_CODE_LENGTH,
    code_pattern,
    hash_of_agent_code,
    hash_of_user_code,
    new_agent_code,
)
from callfloor.foundation.clock import HOUR, iso
from callfloor.foundation.database import Tx
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import Facts, RequestFacts, Shape
from callfloor.teams.seat_activity import SeatedTeam, seated_teams

router = APIRouter(tags=["Agents of people"])

Id = Annotated[int, Path(ge=1, le=ID_LIMIT)]
UserCode = Annotated[
    str, Path(max_length=TYPED_MAX_LENGTH, json_schema_extra={"pattern": code_pattern(USER_CODE_LENGTH)})
]


SignedInPerson = Annotated[Caller, Depends(person_of)]
PeopleWriter = Annotated[Caller, needs(Scope.PEOPLE_WRITE)]


class WaitingMachine(Shape):
    """The machine that an agent described, and from which address it asks."""

    machine_id: str
    hostname: str
    username: str
    os: str
    os_version: str
    app_version: str
    address: str


class AgentTeam(Shape):
    """An email team in which the person holds a seat."""

    id: int
    name: str
    seat_id: int


class ShownAuthorization(Shape):
    """A machine that waits to be confirmed, or was; `teams` are those for which the person can confirm it."""

    state: Literal["pending", "approved", "denied", "redeemed"]
    machine: WaitingMachine
    created_at: str
    expires_at: str
    team_id: int | None
    teams: list[AgentTeam]


class AuthorizationApproval(Shape):
    """For which team; left out, the one the person is signed in to."""

    team_id: Annotated[int, Field(ge=1, le=ID_LIMIT)] | None = None


class AgentCode(Shape):
    """A code for an agent's sign-in, shown only here; it works once."""

    code: str
    expires_at: str


@router.get("/agent-authorizations/{user_code}", operation_id="show_agent_authorization")
async def show(user_code: UserCode, caller: SignedInPerson, facts: Facts) -> ShownAuthorization:
    """Show the machine that waits with this code."""
    command = await _command(user_code, caller, facts)

    def look(tx: Tx) -> ShownAuthorization:
        found = authorization_by_user_code(tx, command.user_code_hash, account_id=command.account_id, now=command.now)
        return _shown(found, seated_teams(tx, command.account_id))

    return await facts.services.db.report(look)


@router.post("/agent-authorizations/{user_code}/approval", operation_id="approve_agent")
async def approve(
    user_code: UserCode, caller: SignedInPerson, facts: Facts, body: AuthorizationApproval | None = None
) -> ShownAuthorization:
    """Confirm the machine: its agent gets a token, and reports for the person."""
    command = await _command(user_code, caller, facts, None if body is None else body.team_id)

    def decide(tx: Tx) -> ShownAuthorization:
        return _shown(approve_authorization(tx, command), seated_teams(tx, command.account_id))

    return await facts.services.db.write(decide)


@router.post("/agent-authorizations/{user_code}/denial", operation_id="deny_agent")
async def deny(user_code: UserCode, caller: SignedInPerson, facts: Facts) -> ShownAuthorization:
    """Refuse the machine: its agent gets no token."""
    command = await _command(user_code, caller, facts)

    def decide(tx: Tx) -> ShownAuthorization:
        return _shown(deny_authorization(tx, command), seated_teams(tx, command.account_id))

    return await facts.services.db.write(decide)


@router.post("/people/{person_id}/agent-codes", operation_id="make_agent_code", status_code=201)
async def make_code(person_id: Id, caller: PeopleWriter, facts: Facts) -> AgentCode:
    """Make a code by which an agent of the person signs in once; the one before ends."""
    settings, code = facts.services.settings, new_agent_code()
    command = MakeAgentCode(
        caller.team_id,
        person_id,
        hash_of_agent_code(code, settings.hash_key),
        facts.now + settings.agent.code_hours * HOUR,
        caller.actor(facts),
        facts.now,
    )
    await facts.services.db.write(functools.partial(make_agent_code, command=command))
    return AgentCode(code=code, expires_at=iso(command.expires_at))


@router.delete("/people/{person_id}/agent-codes", operation_id="withdraw_agent_code", status_code=204)
async def withdraw_code(person_id: Id, caller: PeopleWriter, facts: Facts) -> None:
    """End the code that was made for the person's agent, if it is not used yet."""
    withdraw = functools.partial(
        withdraw_agent_code,
        team_id=caller.team_id,
        account_id=person_id,
        actor=caller.actor(facts),
        now=facts.now,
    )
    await facts.services.db.write(withdraw)


async def _command(
    user_code: str, caller: Caller, facts: RequestFacts, team_id: int | None = None
) -> DecideAuthorization:
    await count_try(facts, Api.CONFIRMATION, f"account {caller.id}")
    hashed = hash_of_user_code(user_code, facts.services.settings.hash_key)
    return DecideAuthorization(hashed, team_id or caller.team_id, caller.id, caller.actor(facts), facts.now)


def _shown(found: Authorization, teams: list[SeatedTeam]) -> ShownAuthorization:
    machine = found.machine
    return ShownAuthorization(
        state=found.state.value,
        machine=WaitingMachine(
            machine_id=machine.machine_id,
            hostname=machine.hostname,
            username=machine.username,
            os=machine.os,
            os_version=machine.os_version,
            app_version=machine.app_version,
            address=found.address,
        ),
        created_at=iso(found.created_at),
        expires_at=iso(found.expires_at),
        team_id=found.team_id,
        teams=[AgentTeam(id=one.team_id, name=one.name, seat_id=one.seat_id) for one in teams],
    )
