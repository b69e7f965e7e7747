"""`/api/v2/invitations/{token}/acceptance`: what a link opens, and accepting it; nobody has to be signed in."""

from __future__ import annotations

import asyncio
import functools
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from callfloor.access.guard import count_try
from callfloor.access.secrets import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH, hash_password, is_password
from callfloor.access.tables import Role
from callfloor.foundation.clock import iso
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import is_line, line_field
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import Facts, RequestFacts, Shape
from callfloor.teams.acceptance import (
    NAME_MAX_LENGTH,
    AcceptInvitation,
    OpenInvitation,
    PasswordRefused,
    accept_invitation,
    open_invitation,
)
from callfloor.teams.invitation_links import hash_of_token

router = APIRouter(tags=["Invitations"])

Token = Annotated[str, Path(max_length=200)]
Name = Annotated[str, line_field(NAME_MAX_LENGTH)]


class InvitationShown(Shape):
    """What the link opens; with `has_account` the person gives the password they have."""

    team_name: str
    email: str
    role: Role
    expires_at: str
    has_account: bool


class Acceptance(Shape):
    """The person's name, and a password; an account that exists keeps its name and must give its own password."""

    first_name: Name = ""
    last_name: Name = ""
    password: str = Field(min_length=PASSWORD_MIN_LENGTH, max_length=PASSWORD_MAX_LENGTH)


class AcceptedAccount(Shape):
    """The account, now in the team."""

    id: int
    email: str
    first_name: str
    last_name: str
    team_id: int
    role: Role
    seat_id: int


@router.get("/invitations/{token}/acceptance", operation_id="read_acceptance")
async def read(token: Token, facts: Facts) -> InvitationShown:
    """Return what can be accepted by this link; 410 when it cannot any more."""
    found = await _opened(token, facts)
    return InvitationShown(
        team_name=found.team_name,
        email=found.email,
        role=found.role,
        expires_at=iso(found.expires_at),
        has_account=found.password_hash is not None,
    )


@router.post("/invitations/{token}/acceptance", operation_id="accept_invitation")
async def accept(token: Token, body: Acceptance, facts: Facts) -> AcceptedAccount:
    """Join the team by this link, once; 410 when it was used, has expired or was revoked."""
    first_name, last_name = _name(body.first_name, "first_name"), _name(body.last_name, "last_name")
    found = await _opened(token, facts)
    if found.password_hash is None and not first_name:
        raise invalid("first_name", f"must have 1 to {NAME_MAX_LENGTH} characters")
    new_hash = await _new_hash(found, body.password, facts)
    command = AcceptInvitation(
        hash_of_token(token, facts.services.settings.hash_key),
        first_name,
        last_name,
        new_password_hash=new_hash,
        checked_password_hash=found.password_hash,
        request_id=facts.request_id,
        address=facts.address,
        now=facts.now,
    )
    accepted = await facts.services.db.write(functools.partial(accept_invitation, command=command))
    return AcceptedAccount(
        id=accepted.account_id,
        email=accepted.email,
        first_name=accepted.first_name,
        last_name=accepted.last_name,
        team_id=accepted.team_id,
        role=accepted.role,
        seat_id=accepted.seat_id,
    )


async def _opened(token: str, facts: RequestFacts) -> OpenInvitation:
    hashed = hash_of_token(token, facts.services.settings.hash_key)
    return await facts.services.db.report(functools.partial(open_invitation, token_hash=hashed, now=facts.now))


async def _new_hash(found: OpenInvitation, password: str, facts: RequestFacts) -> str | None:
    """Return the hash of a new password, or None when the account's own was given."""
    if found.password_hash is None:
        return await asyncio.to_thread(hash_password, password)
    await count_try(facts, Api.INVITATION, f"{facts.address} team {found.team_id} invitation {found.id}")
    if not await asyncio.to_thread(is_password, password, found.password_hash):
        raise PasswordRefused("this address has an account already: give the password of that account")
    return None


def _name(raw: str, field: str) -> str:
    if not is_line(raw):
        raise invalid(field, "must have no control characters")
    return raw.strip()
