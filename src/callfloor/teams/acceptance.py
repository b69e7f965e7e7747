"""Accepting an invitation: once, in time, by whoever holds its link; the person then sits on the seat kept for them."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select

from callfloor.access import audit
from callfloor.access.accounts import NewMember, email_key, join_team, member_by_email
from callfloor.access.changes import record_change
from callfloor.access.memberships import complete_account, known_account, member_by_id
from callfloor.access.tables import Role, account
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError, invalid
from callfloor.teams.invitation_endings import end_invitation
from callfloor.teams.seat_holding import change_seat_role, hold_reserved_seat
from callfloor.teams.tables import InvitationState, invitation, team
from callfloor.teams.teams import team_for_change

NAME_MAX_LENGTH = 100

_c = invitation.c
_by_token = (
    select(
        _c.team_id,
        _c.id,
        _c.email,
        _c.role,
        _c.state,
        _c.expires_at,
        team.c.name,
        account.c.id,
        account.c.password_hash,
    )
    .join_from(invitation, team, team.c.id == _c.team_id)
    .join(account, account.c.email_key == _c.email_key, isouter=True)
    .where(_c.token_hash == param("token_hash"))
)


class InvitationEnded(DomainError):
    """The link does not open an invitation any more.

    InvitationEnded
    ├── InvitationUnknown    no link of ours, or a newer mail replaced it
    ├── InvitationUsed       somebody accepted it
    ├── InvitationExpired    its days are over
    └── InvitationRevoked    the team took it back
    """

    status = 410


class InvitationUnknown(InvitationEnded):
    """See `InvitationEnded`."""

    code = "invitation_unknown"


class InvitationUsed(InvitationEnded):
    """See `InvitationEnded`."""

    code = "invitation_used"


class InvitationExpired(InvitationEnded):
    """See `InvitationEnded`."""

    code = "invitation_expired"


class InvitationRevoked(InvitationEnded):
    """See `InvitationEnded`."""

    code = "invitation_revoked"


class PasswordRefused(DomainError):
    """The address has an account already, and this is not its password."""

    code = "password_refused"
    status = 403


class AccountChanged(DomainError):
    """The account got its password between the check and the change."""

    code = "account_changed"


_ENDED = {
    InvitationState.ACCEPTED: (InvitationUsed, "this invitation was accepted already; sign in instead"),
    InvitationState.REVOKED: (InvitationRevoked, "this invitation was taken back; ask the team for a new one"),
    InvitationState.EXPIRED: (InvitationExpired, "this invitation has expired; ask the team for a new one"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that can be accepted now."""

    team_id: int
    id: int
    email: str
    role: Role
    team_name: str
    expires_at: Millis
    account_id: int | None
    password_hash: str | None = dataclasses.field(repr=False)
    """Of the account that the address has already."""


@dataclasses.dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """An acceptance whose password was checked, or hashed, before the transaction."""

    token_hash: bytes
    first_name: str
    last_name: str
    new_password_hash: str | None = dataclasses.field(repr=False)
    """For an address without an account, or with one that has no password."""
    checked_password_hash: str | None = dataclasses.field(repr=False)
    """Of the account whose password was given."""
    request_id: str
    address: str
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class Accepted:
    """The person, in the team."""

    account_id: int
    email: str
    first_name: str
    last_name: str
    team_id: int
    role: Role
    seat_id: int


def open_invitation(tx: Tx, token_hash: bytes, *, now: Millis) -> OpenInvitation:
    """Return the invitation of the link.

    Raises:
        InvitationEnded: it cannot be accepted.
    """
    row = tx.one(_by_token, {"token_hash": token_hash})
    if row is None:
        raise InvitationUnknown("this link is not valid; a newer mail may hold another one")
    team_id, number, email, role, state, expires_at, team_name, account_id, password_hash = row
    if state == InvitationState.PENDING.value and expires_at <= now:
        state = InvitationState.EXPIRED.value
    if state != InvitationState.PENDING.value:
        error, message = _ENDED[InvitationState(state)]
        raise error(message)
    return OpenInvitation(team_id, number, email, Role(role), team_name, expires_at, account_id, password_hash)


def accept_invitation(tx: Tx, command: AcceptInvitation) -> Accepted:
    """Make the person a member on the seat that was kept for them; a member without a seat keeps the role they have.

    Raises:
        InvitationEnded: it cannot be accepted, or somebody was first.
        InvalidInput: a new account has no first name.
        AccountChanged: the address got a password meanwhile; check it, and come again.
    """
    team_for_change(tx, open_invitation(tx, command.token_hash, now=command.now).team_id)
    # Again, now that no other change of this team can come between.
    found = open_invitation(tx, command.token_hash, now=command.now)
    is_member = member_by_email(tx, found.team_id, found.email) is not None
    account_id = _account_in_team(tx, command, found, is_member=is_member)
    ended = end_invitation(
        tx, found.team_id, found.id, InvitationState.ACCEPTED, account_id=account_id, now=command.now
    )
    if ended is None:
        raise InvitationUsed("this invitation was accepted already; sign in instead")
    _, seat_id = ended
    hold_reserved_seat(tx, found.team_id, seat_id, account_id, now=command.now)
    person = member_by_id(tx, found.team_id, account_id)
    change_seat_role(tx, found.team_id, seat_id, person.role)
    accepted = Accepted(
        account_id, person.email, person.first_name, person.last_name, found.team_id, person.role, seat_id
    )
    _record(tx, command, found, accepted, is_new=not is_member)
    return accepted


def _account_in_team(tx: Tx, command: AcceptInvitation, found: OpenInvitation, *, is_member: bool) -> int:
    known = known_account(tx, email_key(found.email))
    known_hash = None if known is None else known[1]
    if known_hash != command.checked_password_hash:
        raise AccountChanged("this address got an account at the same moment; try again with its password")
    if known_hash is None and not command.first_name:
        raise invalid("first_name", f"must have 1 to {NAME_MAX_LENGTH} characters")
    if known is not None and is_member:
        account_id = known[0]
    else:
        names = (command.first_name, command.last_name)
        new = NewMember(found.team_id, found.email, found.role, command.now, *names, command.new_password_hash)
        account_id = join_team(tx, new)
    if known is not None and command.new_password_hash is not None:
        complete_account(
            tx,
            account_id,
            first_name=command.first_name,
            last_name=command.last_name,
            password_hash=command.new_password_hash,
        )
    return account_id


def _record(tx: Tx, command: AcceptInvitation, found: OpenInvitation, accepted: Accepted, *, is_new: bool) -> None:
    account_id, seat_id = accepted.account_id, accepted.seat_id
    actor = audit.Actor("account", str(account_id), found.email, command.request_id, command.address)
    after = {"email": found.email, "role": accepted.role.value, "seat_id": seat_id, "account_id": account_id}
    changes = [audit.Change(found.team_id, "invitation.accepted", "invitation", str(found.id), after=after)]
    if is_new:
        changes.append(audit.Change(found.team_id, "membership.created", "account", str(account_id), after=after))
    sits = {"account_id": account_id}
    changes.append(audit.Change(found.team_id, "seat.assigned", "seat", str(seat_id), after=sits))
    for change in changes:
        record_change(tx, actor, change, now=command.now)
