"""`/api/v2/team`: the caller's team, and the e-mail domains of its own people."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.audit import Actor
from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.foundation.clock import Millis, iso
from callfloor.foundation.database import Tx
from callfloor.foundation.fields import name_field
from callfloor.foundation.web import Facts, IfMatch, Shape, check_match, entity_tag
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.team_settings import DomainNotFound, dated_domains_of_team, remove_domain, rename_team
from callfloor.teams.teams import (
    DOMAIN_PATTERN,
    NAME_MAX_LENGTH,
    Team,
    add_domain,
    set_inviting,
    team_by_id,
    team_for_change,
)

router = APIRouter(prefix="/team", tags=["Team"])

DomainName = Annotated[
    str, Path(max_length=253, examples=["company.example"], json_schema_extra={"pattern": DOMAIN_PATTERN})
]
Name = Annotated[str, name_field(NAME_MAX_LENGTH)]
Reader = Annotated[Caller, needs(Scope.TEAM_READ)]
Writer = Annotated[Caller, needs(Scope.TEAM_WRITE)]


class TeamShown(Shape):
    """A team; `seat_price` for a month, in minor units of `currency`."""

    id: int
    name: str
    type: TeamType
    payment: Payment
    activity_billing: bool
    inviting_enabled: bool
    client_id: str
    seat_price: int
    currency: str


class TeamChange(Shape):
    """What to change; what is left out stays."""

    name: Name | None = None
    inviting_enabled: bool | None = Field(default=None, description="Whether people may be invited by mail.")


class TeamDomain(Shape):
    """An e-mail domain whose people are the team's own."""

    domain: str
    created_at: str


class TeamDomains(Shape):
    """Every domain of the team, by name."""

    data: list[TeamDomain]


@router.get("", operation_id="show_team")
async def show_team(facts: Facts, caller: Reader, response: Response) -> TeamShown:
    """Show the team."""
    shown = _shown(await facts.services.db.report(functools.partial(team_by_id, team_id=caller.team_id)))
    response.headers["ETag"] = entity_tag(shown.model_dump(mode="json"))
    return shown


@router.patch("", operation_id="change_team")
async def change_team(
    body: TeamChange,
    facts: Facts,
    caller: Writer,
    response: Response,
    if_match: IfMatch = None,
) -> TeamShown:
    """Change the team's name, or whether it may invite people."""
    change = functools.partial(
        _change, team_id=caller.team_id, body=body, if_match=if_match, actor=caller.actor(facts), now=facts.now
    )
    shown = _shown(await facts.services.db.write(change))
    response.headers["ETag"] = entity_tag(shown.model_dump(mode="json"))
    return shown


@router.get("/domains", operation_id="list_team_domains")
async def list_team_domains(facts: Facts, caller: Reader) -> TeamDomains:
    """List the e-mail domains of the team's own people."""
    found = await facts.services.db.report(functools.partial(dated_domains_of_team, team_id=caller.team_id))
    return TeamDomains(data=[TeamDomain(domain=domain, created_at=iso(at)) for domain, at in found])


@router.put("/domains/{domain}", operation_id="add_team_domain")
async def add_team_domain(domain: DomainName, facts: Facts, caller: Writer) -> TeamDomain:
    """Make an e-mail domain the team's own; adding it again changes nothing."""
    add = functools.partial(
        _add_domain, team_id=caller.team_id, domain=domain, actor=caller.actor(facts), now=facts.now
    )
    name, created_at = await facts.services.db.write(add)
    return TeamDomain(domain=name, created_at=iso(created_at))


@router.delete("/domains/{domain}", operation_id="remove_team_domain", status_code=204)
async def remove_team_domain(domain: DomainName, facts: Facts, caller: Writer) -> None:
    """Take an e-mail domain from the team."""
    remove = functools.partial(
        remove_domain, team_id=caller.team_id, domain=domain, actor=caller.actor(facts), now=facts.now
    )
    await facts.services.db.write(remove)


def _shown(team: Team) -> TeamShown:
    return TeamShown(
        id=team.id,
        name=team.name,
        type=team.type,
        payment=team.payment,
        activity_billing=team.activity_billing,
        inviting_enabled=team.inviting_enabled,
        client_id=team.client_id,
        seat_price=team.seat_price,
        currency=team.currency,
    )


def _change(tx: Tx, team_id: int, body: TeamChange, if_match: str | None, actor: Actor, now: Millis) -> Team:
    team = team_for_change(tx, team_id)
    check_match(if_match, _shown(team).model_dump(mode="json"))
    if body.name is not None:
        team = rename_team(tx, team_id, body.name, actor=actor, now=now)
    if body.inviting_enabled is not None and body.inviting_enabled != team.inviting_enabled:
        team = set_inviting(tx, team_id, enabled=body.inviting_enabled, actor=actor, now=now)
    return team


def _add_domain(tx: Tx, team_id: int, domain: str, actor: Actor, now: Millis) -> tuple[str, Millis]:
    name = add_domain(tx, team_id, domain, actor=actor, now=now)
    for found, created_at in dated_domains_of_team(tx, team_id):
        if found == name:
            return name, created_at
    raise DomainNotFound(f"{name} was removed at this moment")
