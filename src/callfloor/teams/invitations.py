"""Inviting: a person is asked to join by mail, and a seat is kept for them until they accept or the invitation ends."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import insert

from callfloor.access import audit
from callfloor.access.accounts import AlreadyMember, checked_email, email_key, member_by_email
from callfloor.access.changes import record_change
from callfloor.access.memberships import check_is_administrator
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.teams.invitation_endings import expire_invitations, pending_invitation_of_email
from callfloor.teams.invitation_links import NewLink
from callfloor.teams.invitation_mail import enqueue_invitation_mail
from callfloor.teams.seat_holding import reserve_seat, seat_of_account
from callfloor.teams.tables import InvitationState, TeamType, invitation
from callfloor.teams.teams import team_for_change

_add = insert(invitation)


class NotPermittedToInvite(DomainError):
    """Its seats are machines, or inviting is switched off."""

    code = "not_permitted_invite"
    status = 403


@dataclasses.dataclass(frozen=True, slots=True)
class InvitePerson:
    """A person to be invited; `link` and what is mailed with it are made before the transaction."""

    team_id: int
    email: str
    role: Role
    link: NewLink
    link_base: str
    expires_at: Millis
    actor: audit.Actor
    now: Millis
    acting_account_id: int | None = None
    """The person behind the actor; None for the operator and the Portal API."""


@dataclasses.dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that is out."""

    id: int
    seat_id: int
    email: str
    role: Role
    expires_at: Millis


def invite_person(tx: Tx, command: InvitePerson) -> Invited:
    """Keep the lowest free seat for the person, and mail them a link.

    Raises:
        InvalidInput: the address is not one.
        NotPermittedToInvite: a device team, or inviting is switched off.
        AdministratorNeeded: only an administrator invites an administrator.
        AlreadyMember: the person sits in the team, or is invited already.
        NoEmptySeat: every seat is taken.
    """
    email = checked_email(command.email)
    team = team_for_change(tx, command.team_id)
    if team.type is not TeamType.EMAIL or not team.inviting_enabled:
        raise NotPermittedToInvite("people are invited to email teams only, while inviting is switched on")
    if command.role is Role.ADMIN:
        check_is_administrator(tx, team.id, command.acting_account_id)
    expire_invitations(tx, team.id, now=command.now)
    if is_known(tx, team.id, email):
        raise AlreadyMember(f"{email} is in this team or invited already")
    seat_id = reserve_seat(tx, team.id, command.role)
    invitation_id = take_numbers(tx, "invitation")
    tx.run(_add, _row(command, invitation_id, seat_id, email))
    enqueue_invitation_mail(tx, team.id, invitation_id, email, sending=1, now=command.now)
    after = {"email": email, "role": command.role.value, "seat_id": seat_id}
    change = audit.Change(team.id, "invitation.created", "invitation", str(invitation_id), after=after)
    record_change(tx, command.actor, change, now=command.now)
    return Invited(invitation_id, seat_id, email, command.role, command.expires_at)


def is_known(tx: Tx, team_id: int, email: str) -> bool:
    """Return whether the address belongs to a member on a seat, or to somebody who is invited."""
    if pending_invitation_of_email(tx, team_id, email) is not None:
        return True
    member = member_by_email(tx, team_id, email)
    return member is not None and seat_of_account(tx, team_id, member) is not None


def _row(command: InvitePerson, invitation_id: int, seat_id: int, email: str) -> dict[str, Any]:
    return {
        "team_id": command.team_id,
        "id": invitation_id,
        "email": email,
        "email_key": email_key(email),
        "role": command.role.value,
        "state": InvitationState.PENDING.value,
        "seat_id": seat_id,
        "nonce": command.link.nonce,
        "token_hash": command.link.token_hash,
        "link_base": command.link_base,
        "sendings": 1,
        "invited_by": command.actor.name,
        "created_at": command.now,
        "sent_at": command.now,
        "expires_at": command.expires_at,
    }
