"""`/api/v2/invitations`: invite one or many, look, send again, revoke."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.requests import Request
from pydantic import ConfigDict, Field

from callfloor.access.accounts import EMAIL_MAX_LENGTH, EMAIL_PATTERN
from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.tables import Role
from callfloor.foundation.asked_host import base_url
from callfloor.foundation.clock import DAY, Millis, iso, iso_or_none
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.web import Cursor, Facts, Limit, RequestFacts, Shape, cursor_after, position_of
from callfloor.teams.addresses import addresses_in
from callfloor.teams.invitation_endings import revoke_invitation
from callfloor.teams.invitation_links import new_link
from callfloor.teams.invitation_queries import InvitationRow, invitation_by_id, pending_invitations
from callfloor.teams.invitation_sendings import ResendInvitation, resend_invitation, resend_invitations
from callfloor.teams.invitations import InvitePerson, invite_person
from callfloor.teams.inviting import BATCH_LIMIT, InviteMany, Result, invite_many
from callfloor.teams.people_queries import Page, invitations_page
from callfloor.teams.tables import InvitationState

router = APIRouter(tags=["Invitations"])

Reader = Annotated[Caller, needs(Scope.PEOPLE_READ)]
Writer = Annotated[Caller, needs(Scope.PEOPLE_WRITE)]
Id = Annotated[int, Path(ge=1, le=ID_LIMIT)]
Search = Annotated[str | None, Query(min_length=1, max_length=254, pattern=r"^[^\x00]*$")]
RoleName = Literal["admin", "configurator", "analytics", "user"]
Status = Literal["pending", "accepted", "revoked", "expired"]


class NewInvitation(Shape):
    """Whom to invite, as what."""

    email: str = Field(max_length=EMAIL_MAX_LENGTH, json_schema_extra={"pattern": EMAIL_PATTERN})
    role: RoleName = "user"


class Invitation(Shape):
    """An invitation; `seat_id` is kept for the person while it is pending."""

    id: int
    email: str
    role: Role
    status: InvitationState
    seat_id: int
    invited_by: str
    account_id: int | None
    created_at: str
    sent_at: str
    expires_at: str
    ended_at: str | None


class Invitations(Shape):
    """A page of invitations, by id."""

    data: list[Invitation]
    next_cursor: str | None


class NewInvitationBatch(Shape):
    """Addresses as a list, or as a text that separates them by commas, spaces or line breaks."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["emails"], "properties": {"emails": {"minItems": 1}}},
                {"required": ["text"], "properties": {"text": {"pattern": r'[^\s,;"]'}}},
            ]
        }
    )

    emails: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=BATCH_LIMIT)
    text: str = Field(default="", max_length=300_000)
    role: RoleName = "user"
    dry_run: bool = False


class InvitationBatchRow(Shape):
    """What became of one address."""

    email: str
    result: Result
    message: str | None
    seat_id: int | None


class InvitationBatch(Shape):
    """What became of every address; after a dry run, what would have."""

    dry_run: bool
    invited: int
    free_seats: int
    data: list[InvitationBatchRow]


class SentInvitations(Shape):
    """How many invitations were sent again."""

    sent: int


@router.get("/invitations", operation_id="list_invitations")
async def list_invitations(
    *,
    facts: Facts,
    caller: Reader,
    status: Annotated[Status | None, Query()] = None,
    q: Search = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Invitations:
    """List invitations by id, also those that have ended."""
    after = position_of(cursor, int) or (0,)
    page = Page(caller.team_id, after[0], limit, q)
    rows = await invitations_page(facts.services.db, page, state=status)
    following = cursor_after(rows[-1].id) if len(rows) == limit else None
    return Invitations(data=[_shown(row, facts.now) for row in rows], next_cursor=following)


@router.post("/invitations", operation_id="invite_person", status_code=201)
async def invite(body: NewInvitation, request: Request, facts: Facts, caller: Writer) -> Invitation:
    """Keep the lowest free seat for the person, and mail them a link."""
    command = InvitePerson(
        caller.team_id,
        body.email,
        Role(body.role),
        new_link(facts.services.settings.hash_key),
        base_url(facts.services.settings, request.scope),
        expires_at=expiry(facts),
        actor=caller.actor(facts),
        now=facts.now,
        acting_account_id=caller.account_id,
    )
    invited = await facts.services.db.write(functools.partial(invite_person, command=command))
    return await _read(facts, caller, invited.id)


@router.post("/invitations/batches", operation_id="invite_people")
async def invite_batch(body: NewInvitationBatch, request: Request, facts: Facts, caller: Writer) -> InvitationBatch:
    """Invite many at once: everybody new, or nobody when there are more of them than free seats."""
    addresses = (*body.emails, *addresses_in(body.text))
    hash_key = facts.services.settings.hash_key
    command = InviteMany(
        caller.team_id,
        addresses,
        Role(body.role),
        tuple(new_link(hash_key) for _ in addresses[:BATCH_LIMIT]),
        base_url(facts.services.settings, request.scope),
        expires_at=expiry(facts),
        actor=caller.actor(facts),
        now=facts.now,
        acting_account_id=caller.account_id,
    )
    verb = functools.partial(invite_many, command=command)
    done = await write_or_try(facts.services.db, verb, dry_run=body.dry_run)
    rows = [
        InvitationBatchRow(email=o.email, result=o.result, message=o.message, seat_id=o.seat_id) for o in done.outcomes
    ]
    invited = sum(one.result == "invited" for one in done.outcomes)
    return InvitationBatch(dry_run=body.dry_run, invited=invited, free_seats=done.free_seats, data=rows)


@router.post("/invitations/sendings", operation_id="resend_invitations")
async def resend_all(request: Request, facts: Facts, caller: Writer) -> SentInvitations:
    """Send every pending invitation again; the links of the earlier mails stop working."""
    read = functools.partial(pending_invitations, team_id=caller.team_id, now=facts.now)
    pending = await facts.services.db.report(read)
    commands = [_resending(number, request, facts, caller) for number in pending]
    sent = await facts.services.db.write(functools.partial(resend_invitations, commands=commands))
    return SentInvitations(sent=sent)


@router.get("/invitations/{invitation_id}", operation_id="read_invitation")
async def read(invitation_id: Id, facts: Facts, caller: Reader) -> Invitation:
    """Return one invitation."""
    return await _read(facts, caller, invitation_id)


@router.post("/invitations/{invitation_id}/sendings", operation_id="resend_invitation")
async def resend(invitation_id: Id, request: Request, facts: Facts, caller: Writer) -> Invitation:
    """Send a pending invitation again; the links of the earlier mails stop working."""
    command = _resending(invitation_id, request, facts, caller)
    await facts.services.db.write(functools.partial(resend_invitation, command=command))
    return await _read(facts, caller, invitation_id)


@router.delete("/invitations/{invitation_id}", operation_id="revoke_invitation", status_code=204)
async def revoke(invitation_id: Id, facts: Facts, caller: Writer) -> None:
    """End a pending invitation: its link stops working, and its seat is free."""
    verb = functools.partial(
        revoke_invitation,
        team_id=caller.team_id,
        invitation_id=invitation_id,
        actor=caller.actor(facts),
        now=facts.now,
    )
    await facts.services.db.write(verb)


def expiry(facts: RequestFacts) -> Millis:
    """Return when an invitation made now expires."""
    return facts.now + facts.services.settings.invitation_days * DAY


def _resending(invitation_id: int, request: Request, facts: RequestFacts, caller: Caller) -> ResendInvitation:
    return ResendInvitation(
        caller.team_id,
        invitation_id,
        new_link(facts.services.settings.hash_key),
        base_url(facts.services.settings, request.scope),
        expires_at=expiry(facts),
        actor=caller.actor(facts),
        now=facts.now,
    )


async def _read(facts: RequestFacts, caller: Caller, invitation_id: int) -> Invitation:
    verb = functools.partial(invitation_by_id, team_id=caller.team_id, invitation_id=invitation_id)
    return _shown(await facts.services.db.report(verb), facts.now)


def _shown(row: InvitationRow, now: Millis) -> Invitation:
    is_over = row.state == InvitationState.PENDING.value and row.expires_at <= now
    return Invitation(
        id=row.id,
        email=row.email,
        role=Role(row.role),
        status=InvitationState.EXPIRED if is_over else InvitationState(row.state),
        seat_id=row.seat_id,
        invited_by=row.invited_by,
        account_id=row.account_id,
        created_at=iso(row.created_at),
        sent_at=iso(row.sent_at),
        expires_at=iso(row.expires_at),
        ended_at=iso_or_none(row.ended_at),
    )
