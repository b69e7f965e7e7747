"""`/api/v2/session`: sign in, see who is signed in, sign out."""

from __future__ import annotations

import asyncio
import functools
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.accounts import email_key
from callfloor.access.guard import SESSION_COOKIE, Caller, count_try, person_of, session_token
from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import (
    SESSION_LIFE,
    Person,
    SignInRefused,
    begin_session,
    csrf_token,
    end_session,
    person_by_id,
    person_by_password,
)
from callfloor.access.tables import Role
from callfloor.foundation.ids import new_secret
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import Facts, RequestFacts, Shape

router = APIRouter(tags=["Session"])


class SignIn(Shape):
    """An e-mail address and its password; the team where the person is in several."""

    email: str = Field(max_length=254)
    password: str = Field(max_length=1024)
    team_id: int | None = None


class TeamRole(Shape):
    """A team the person belongs to."""

    id: int
    role: Role


class Session(Shape):
    """A person signed in; `csrf_token` goes into the header X-CSRF-Token of every change."""

    account_id: int
    email: str
    team_id: int
    role: Role
    teams: list[TeamRole]
    csrf_token: str


@router.post("/session", operation_id="sign_in")
async def sign_in(body: SignIn, facts: Facts, response: Response) -> Session:
    """Sign in by password; the session lives in a cookie for 24 hours."""
    key = email_key(body.email)
    await count_try(facts, Api.SIGN_IN, f"{facts.address} {key}")
    services = facts.services
    check = functools.partial(person_by_password, email_key=key, password=body.password)
    person = await asyncio.to_thread(services.db.read_now, check)
    team = _team_of(person, body.team_id)
    token, hash_key = new_secret(), services.settings.hash_key
    begin = functools.partial(
        begin_session,
        account_id=person.account_id,
        team_id=team.id,
        token_hash=keyed_hash(token, key=hash_key),
        now=facts.now,
    )
    await services.db.write(begin)
    response.set_cookie(
        SESSION_COOKIE, token, max_age=SESSION_LIFE // 1000, path="/", secure=True, httponly=True, samesite="lax"
    )
    return _session(person, team, token, facts)


@router.get("/session", operation_id="show_session")
async def show_session(
    request: Request, facts: Facts, caller: Annotated[Caller, Depends(person_of)], response: Response
) -> Session:
    """Show who is signed in."""
    read = functools.partial(person_by_id, account_id=caller.id)
    person = await facts.services.db.report(read)
    response.headers["Cache-Control"] = "no-store"
    return _session(person, _team_of(person, caller.team_id), session_token(request) or "", facts)


@router.delete("/session", operation_id="sign_out", status_code=204)
async def sign_out(
    request: Request, facts: Facts, _caller: Annotated[Caller, Depends(person_of)], response: Response
) -> None:
    """End the session, everywhere at once."""
    hashed = keyed_hash(session_token(request) or "", key=facts.services.settings.hash_key)
    await facts.services.db.write(functools.partial(end_session, token_hash=hashed))
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def _session(person: Person, team: TeamRole, token: str, facts: RequestFacts) -> Session:
    return Session(
        account_id=person.account_id,
        email=person.email,
        team_id=team.id,
        role=team.role,
        teams=[TeamRole(id=team_id, role=role) for team_id, role in person.teams],
        csrf_token=csrf_token(token, hash_key=facts.services.settings.hash_key),
    )


def _team_of(person: Person, wanted: int | None) -> TeamRole:
    for team_id, role in person.teams:
        if wanted in {None, team_id}:
            return TeamRole(id=team_id, role=role)
    raise SignInRefused("this person belongs to no such team")
