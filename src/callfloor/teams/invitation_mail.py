"""What the mail of an invitation says; its link is made when it is sent, and never written down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from callfloor.foundation.clock import Millis, as_datetime
from callfloor.foundation.database import Tx, param
from callfloor.foundation.mail import Action, Content, Mail, enqueue_mail
from callfloor.foundation.services import Services
from callfloor.teams.invitation_links import link_of
from callfloor.teams.tables import invitation, is_pending, team

INVITATION_MAIL = "invitation"

_c = invitation.c
_to_send = (
    select(_c.email, _c.nonce, _c.link_base, _c.invited_by, _c.expires_at, team.c.name)
    .join_from(invitation, team, team.c.id == _c.team_id)
    .where(
        _c.team_id == param("team_id"),
        _c.id == param("id"),
        is_pending,
        _c.sendings == param("sending"),
    )
)


def enqueue_invitation_mail(tx: Tx, team_id: int, invitation_id: int, email: str, *, sending: int, now: Millis) -> None:
    """Let the invitation be mailed; a mail that is not the newest sending any more is left out."""
    args = {"invitation_id": invitation_id, "sending": sending}
    enqueue_mail(tx, Mail(to=email, template=INVITATION_MAIL, args=args, team_id=team_id, now=now))


def invitation_mail(services: Services, team_id: int | None, args: Mapping[str, Any]) -> Content | None:
    """Return the mail, or None when the invitation has ended or was sent anew since."""
    params = {"team_id": team_id, "id": args["invitation_id"], "sending": args["sending"]}
    row = services.db.read_now(lambda tx: tx.one(_to_send, params))
    if row is None:
        return None
    address, nonce, link_base, invited_by, expires_at, team_name = row
    settings = services.settings
    link = link_of(settings.public_url or link_base, nonce, settings.hash_key)
    until = as_datetime(expires_at).strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    inviter = f"{invited_by} invites you" if "@" in invited_by else "You are invited"
    return Content(
        subject=f"Your invitation to {team_name}",
        heading=f"Join {team_name} on Callfloor",
        paragraphs=(
            f"{inviter} to join the team {team_name} on Callfloor. A seat is kept for you.",
            f"Choose a password to accept. The link works once, until {until}.",
        ),
        action=Action("Accept the invitation", link),
        closing=f"This mail was sent to {address}. If you do not expect it, ignore it: nothing happens without you.",
    )
