"""Invitations sent again: a new link and new days, and the links of the earlier mails stop working."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence

from sqlalchemy import update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.teams.invitation_endings import InvitationNotPending, expire_invitations, why_not_pending
from callfloor.teams.invitation_links import NewLink
from callfloor.teams.invitation_mail import enqueue_invitation_mail
from callfloor.teams.tables import invitation, is_pending
from callfloor.teams.teams import team_for_change

_c = invitation.c
_renew = (
    update(invitation)
    .where(_c.team_id == param("team_id"), _c.id == param("id"), is_pending)
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
        raise why_not_pending(tx, command.team_id, command.invitation_id)
    email, sendings = renewed
    enqueue_invitation_mail(tx, command.team_id, command.invitation_id, email, sending=sendings, now=command.now)
    change = audit.Change(
        command.team_id, "invitation.resent", "invitation", str(command.invitation_id), after={"email": email}
    )
    record_change(tx, command.actor, change, now=command.now)


def resend_invitations(tx: Tx, commands: Sequence[ResendInvitation]) -> int:
    """Mail new links for all of them, and return how many; one that has ended meanwhile is passed over."""
    sent = 0
    for command in commands:
        with contextlib.suppress(InvitationNotPending):
            resend_invitation(tx, command)
            sent += 1
    return sent
