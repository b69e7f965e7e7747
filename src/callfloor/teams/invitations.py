"""Invitations: a person is asked to join by mail, and a seat is kept for them until they accept or it ends."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, insert, select, update

from callfloor.access import audit
from callfloor.access.accounts import AlreadyMember, checked_email, email_key, member_by_email
from callfloor.access.memberships import check_is_administrator
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.mail import Mail, enqueue_mail
from callfloor.foundation.numbers import take_numbers
from callfloor.foundation.outbox import Event, publish
from callfloor.teams.invitation_links import NewLink
from callfloor.teams.seat_holding import free_seat, reserve_seat
from callfloor.teams.tables import InvitationState, TeamType, invitation, is_pending
from callfloor.teams.teams import team_for_change

INVITATION_MAIL = "invitation"
_PENDING = InvitationState.PENDING.value

_c = invitation.c
_one = (_c.team_id == param("team_id"), _c.id == param("id"))
_add = insert(invitation)
_by_id = select(_c.email, _c.role, _c.state, _c.sendings).where(*_one)
_pending_of_email = select(_c.id).where(_c.team_id == param("team_id"), _c.email_key == param("email_key"), is_pending)
_pending_of_seat = select(_c.id).where(_c.team_id == param("team_id"), _c.seat_id == param("seat_id"), is_pending)
_renew = (
    update(invitation)
    .where(*_one, is_pending)
    .values(
        nonce=param("nonce"),
        token_hash=param("token_hash"),
        link_base=param("link_base"),
        sendings=_c.sendings + 1,
        sent_at=param("now"),
        expires_at=param("new_expires_at"),
    )
    .returning(_c.email, _c.sendings)
)
_end = (
    update(invitation)
    .where(*_one, is_pending)
    .values(state=param("new_state"), ended_at=param("now"), account_id=param("account_id"))
    .returning(_c.email, _c.seat_id)
)
_due_of_team = (
    select(_c.id).where(_c.team_id == param("team_id"), is_pending, _c.expires_at <= param("now")).order_by(_c.id)
)
_due_teams = select(_c.team_id).where(is_pending, _c.expires_at <= param("now")).limit(param("count", Integer))


class NotPermittedToInvite(DomainError):
    """Its seats are machines, or inviting is switched off."""

    code = "not_permitted_invite"
    status = 403


class InvitationNotFound(DomainError):
    """The team has no such invitation."""

    code = "invitation_not_found"
    status = 404


class InvitationNotPending(DomainError):
    """It was accepted, revoked, or has expired."""

    code = "invitation_not_pending"


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
class ResendInvitation:
    """A pending invitation to be mailed once more; its earlier links stop working."""

    team_id: int
    invitation_id: int
    link: NewLink
    link_base: str
    expires_at: Millis
    actor: audit.Actor
    now: Millis


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
        AlreadyMember: the person is in the team, or invited already.
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
    _mail(tx, team.id, invitation_id, email, sending=1, now=command.now)
    after = {"email": email, "role": command.role.value, "seat_id": seat_id}
    record(tx, command.actor, "invitation.created", team.id, invitation_id, after=after, now=command.now)
    return Invited(invitation_id, seat_id, email, command.role, command.expires_at)


def is_known(tx: Tx, team_id: int, email: str) -> bool:
    """Return whether the address belongs to a member, or to somebody who is invited."""
    pending = tx.one(_pending_of_email, {"team_id": team_id, "email_key": email_key(email)})
    return pending is not None or member_by_email(tx, team_id, email) is not None


def resend_invitation(tx: Tx, command: ResendInvitation) -> None:
    """Mail a new link, valid from now on.

    Raises:
        InvitationNotFound: the team has none with this id.
        InvitationNotPending: it has ended.
    """
    team_for_change(tx, command.team_id)
    expire_invitations(tx, command.team_id, now=command.now)
    renewed = tx.one(
        _renew,
        {
            "team_id": command.team_id,
            "id": command.invitation_id,
            "nonce": command.link.nonce,
            "token_hash": command.link.token_hash,
            "link_base": command.link_base,
            "new_expires_at": command.expires_at,
            "now": command.now,
        },
    )
    if renewed is None:
        raise _not_pending(tx, command.team_id, command.invitation_id)
    email, sendings = renewed
    _mail(tx, command.team_id, command.invitation_id, email, sending=sendings, now=command.now)
    record(
        tx, command.actor, "invitation.resent", command.team_id, command.invitation_id, after={"email": email},
        now=command.now,
    )  # fmt: skip


def resend_invitations(tx: Tx, commands: Sequence[ResendInvitation]) -> None:
    """Mail new links for all of them; one that has ended meanwhile is passed over."""
    for command in commands:
        with contextlib.suppress(InvitationNotPending):
            resend_invitation(tx, command)


def revoke_invitation(tx: Tx, team_id: int, invitation_id: int, *, actor: audit.Actor, now: Millis) -> None:
    """End a pending invitation, and free its seat.

    Raises:
        InvitationNotFound: the team has none with this id.
        InvitationNotPending: it has ended.
    """
    team_for_change(tx, team_id)
    expire_invitations(tx, team_id, now=now)
    if not _end_and_free(tx, team_id, invitation_id, InvitationState.REVOKED, actor=actor, now=now):
        raise _not_pending(tx, team_id, invitation_id)


def revoke_invitation_of_email(tx: Tx, team_id: int, email: str, *, actor: audit.Actor, now: Millis) -> None:
    """End the pending invitation of the address, if there is one; the team's row is locked."""
    row = tx.one(_pending_of_email, {"team_id": team_id, "email_key": email_key(email)})
    if row is not None:
        _end_and_free(tx, team_id, row[0], InvitationState.REVOKED, actor=actor, now=now)


def revoke_invitation_of_seat(tx: Tx, team_id: int, seat_id: int, *, actor: audit.Actor, now: Millis) -> None:
    """End the pending invitation that holds the seat; the team's row is locked."""
    row = tx.one(_pending_of_seat, {"team_id": team_id, "seat_id": seat_id})
    if row is not None:
        _end_and_free(tx, team_id, row[0], InvitationState.REVOKED, actor=actor, now=now)


def expire_invitations(tx: Tx, team_id: int, *, now: Millis) -> int:
    """End the team's invitations whose time is over, free their seats, and return how many; locks the team's row."""
    due = tx.all(_due_of_team, {"team_id": team_id, "now": now})
    if not due:
        return 0
    team_for_change(tx, team_id)
    ended = [
        _end_and_free(tx, team_id, invitation_id, InvitationState.EXPIRED, actor=audit.SYSTEM, now=now)
        for (invitation_id,) in due
    ]
    return sum(ended)


def teams_with_expired_invitations(tx: Tx, *, now: Millis, count: int) -> list[int]:
    """Return teams that have invitations to end, from at most `count` of these invitations."""
    return sorted({team_id for (team_id,) in tx.all(_due_teams, {"now": now, "count": count})})


def end_invitation(
    tx: Tx, team_id: int, invitation_id: int, state: InvitationState, *, account_id: int | None, now: Millis
) -> tuple[str, int] | None:
    """Write how a pending invitation ended; returns its address and seat, or None when it had ended before."""
    params = {"team_id": team_id, "id": invitation_id, "new_state": state.value, "account_id": account_id, "now": now}
    row = tx.one(_end, params)
    return None if row is None else (row[0], row[1])


def record(
    tx: Tx,
    actor: audit.Actor,
    kind: str,
    team_id: int,
    invitation_id: int,
    *,
    after: dict[str, Any],
    now: Millis,
) -> None:
    """Note a change of an invitation in the audit trail, and publish it."""
    change = audit.Change(team_id, kind, "invitation", str(invitation_id), after=after)
    audit.note(tx, actor, change, now=now)
    publish(tx, Event(kind=kind, team_id=team_id, subject=str(invitation_id), payload=after, at=now))


def _end_and_free(
    tx: Tx, team_id: int, invitation_id: int, state: InvitationState, *, actor: audit.Actor, now: Millis
) -> bool:
    ended = end_invitation(tx, team_id, invitation_id, state, account_id=None, now=now)
    if ended is None:
        return False
    email, seat_id = ended
    free_seat(tx, team_id, seat_id)
    after = {"email": email, "seat_id": seat_id}
    record(tx, actor, f"invitation.{state.value}", team_id, invitation_id, after=after, now=now)
    return True


def _row(command: InvitePerson, invitation_id: int, seat_id: int, email: str) -> dict[str, Any]:
    return {
        "team_id": command.team_id,
        "id": invitation_id,
        "email": email,
        "email_key": email_key(email),
        "role": command.role.value,
        "state": _PENDING,
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


def _mail(tx: Tx, team_id: int, invitation_id: int, email: str, *, sending: int, now: Millis) -> None:
    args = {"invitation_id": invitation_id, "sending": sending}
    enqueue_mail(tx, Mail(to=email, template=INVITATION_MAIL, args=args, team_id=team_id, now=now))


def _not_pending(tx: Tx, team_id: int, invitation_id: int) -> DomainError:
    row = tx.one(_by_id, {"team_id": team_id, "id": invitation_id})
    if row is None:
        return InvitationNotFound(f"there is no invitation {invitation_id} in this team")
    return InvitationNotPending(f"invitation {invitation_id} is {row[2]}; invite the person again")
