"""How invitations end: revoked, expired or accepted, each once; but for the last their seat is free again."""

from __future__ import annotations

from sqlalchemy import Integer, select, update

from callfloor.access import audit
from callfloor.access.accounts import email_key
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.teams.seat_holding import free_seat
from callfloor.teams.tables import InvitationState, invitation, is_pending
from callfloor.teams.teams import team_for_change

_c = invitation.c
_one = (_c.team_id == param("team_id"), _c.id == param("id"))
_state = select(_c.state).where(*_one)
_pending_of_email = select(_c.id).where(_c.team_id == param("team_id"), _c.email_key == param("email_key"), is_pending)
_pending_of_seat = select(_c.id).where(_c.team_id == param("team_id"), _c.seat_id == param("seat_id"), is_pending)
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


class InvitationNotFound(DomainError):
    """The team has no such invitation."""

    code = "invitation_not_found"
    status = 404


class InvitationNotPending(DomainError):
    """It was accepted, revoked, or has expired."""

    code = "invitation_not_pending"


def revoke_invitation(tx: Tx, team_id: int, invitation_id: int, *, actor: audit.Actor, now: Millis) -> None:
    """End a pending invitation, and free its seat.

    Raises:
        InvitationNotFound: the team has none with this id.
        InvitationNotPending: it has ended.
    """
    team_for_change(tx, team_id)
    expire_invitations(tx, team_id, now=now)
    if not _end_and_free(tx, team_id, invitation_id, InvitationState.REVOKED, actor=actor, now=now):
        raise why_not_pending(tx, team_id, invitation_id)


def revoke_invitation_of_email(tx: Tx, team_id: int, email: str, *, actor: audit.Actor, now: Millis) -> None:
    """End the pending invitation of the address, if there is one; the team's row is locked."""
    invitation_id = pending_invitation_of_email(tx, team_id, email)
    if invitation_id is not None:
        _end_and_free(tx, team_id, invitation_id, InvitationState.REVOKED, actor=actor, now=now)


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


def pending_invitation_of_email(tx: Tx, team_id: int, email: str) -> int | None:
    """Return the id of the pending invitation of the address, or None."""
    row = tx.one(_pending_of_email, {"team_id": team_id, "email_key": email_key(email)})
    return None if row is None else row[0]


def why_not_pending(tx: Tx, team_id: int, invitation_id: int) -> DomainError:
    """Return the error that says why this invitation cannot be changed."""
    row = tx.one(_state, {"team_id": team_id, "id": invitation_id})
    if row is None:
        return InvitationNotFound(f"there is no invitation {invitation_id} in this team")
    return InvitationNotPending(f"invitation {invitation_id} is {row[0]}; invite the person again")


def _end_and_free(
    tx: Tx, team_id: int, invitation_id: int, state: InvitationState, *, actor: audit.Actor, now: Millis
) -> bool:
    ended = end_invitation(tx, team_id, invitation_id, state, account_id=None, now=now)
    if ended is None:
        return False
    email, seat_id = ended
    free_seat(tx, team_id, seat_id)
    after = {"email": email, "seat_id": seat_id}
    change = audit.Change(team_id, f"invitation.{state.value}", "invitation", str(invitation_id), after=after)
    record_change(tx, actor, change, now=now)
    return True
