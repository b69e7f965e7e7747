"""Reads of single invitations."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select

from callfloor.access.accounts import email_key
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.teams.invitation_endings import InvitationNotFound
from callfloor.teams.tables import invitation, is_pending

_i = invitation.c
INVITATION_COLUMNS = (
    *(_i.id, _i.email, _i.role, _i.state, _i.seat_id, _i.invited_by, _i.account_id),
    *(_i.created_at, _i.sent_at, _i.expires_at, _i.ended_at),
)
_invitation_by_id = select(*INVITATION_COLUMNS).where(_i.team_id == param("team_id"), _i.id == param("id"))
_pending_ids = (
    select(_i.id).where(_i.team_id == param("team_id"), is_pending, _i.expires_at > param("now")).order_by(_i.id)
)
_link_of_email = select(_i.nonce, _i.link_base, _i.expires_at).where(
    _i.team_id == param("team_id"),
    _i.email_key == param("email_key"),
    is_pending,
    _i.expires_at > param("now"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class InvitationRow:
    """An invitation in a list."""

    id: int
    email: str
    role: str
    state: str
    seat_id: int
    invited_by: str
    account_id: int | None
    created_at: Millis
    sent_at: Millis
    expires_at: Millis
    ended_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class LinkRow:
    """What the link of a pending invitation is made of."""

    nonce: str
    link_base: str
    expires_at: Millis


def invitation_by_id(tx: Tx, team_id: int, invitation_id: int) -> InvitationRow:
    """Return the invitation.

    Raises:
        InvitationNotFound: the team has none with this id.
    """
    row = tx.one(_invitation_by_id, {"team_id": team_id, "id": invitation_id})
    if row is None:
        raise InvitationNotFound(f"there is no invitation {invitation_id} in this team")
    return InvitationRow(*row)


def link_of_email(tx: Tx, team_id: int, email: str, *, now: Millis) -> LinkRow:
    """Return what the link of the address's pending invitation is made of.

    Raises:
        InvitationNotFound: nobody with this address is invited to the team now.
    """
    row = tx.one(_link_of_email, {"team_id": team_id, "email_key": email_key(email), "now": now})
    if row is None:
        raise InvitationNotFound(f"no invitation of {email} to team {team_id} is pending")
    return LinkRow(*row)


def pending_invitations(tx: Tx, team_id: int, *, now: Millis) -> list[int]:
    """Return the ids of the invitations that can be accepted now."""
    return [number for (number,) in tx.all(_pending_ids, {"team_id": team_id, "now": now})]
