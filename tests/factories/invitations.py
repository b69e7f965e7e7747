"""Invitations for tests, made by the product's own verbs."""

from __future__ import annotations

import functools

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.teams.acceptance import AcceptInvitation
from callfloor.teams.invitation_links import NewLink, new_link
from callfloor.teams.invitations import Invited, InvitePerson, invite_person
from callfloor.teams.teams import Team

NOW = 1_800_000_000_000
HASH_KEY = b"a key of the tests, thirty-two characters and more"
BASE = "https://callfloor.example"


def invitation_of(  # a command as the API makes it
    team: Team,
    email: str | None = None,
    *,
    role: Role = Role.USER,
    link: NewLink | None = None,
    now: int = NOW,
    days: int = 7,
    acting_account_id: int | None = None,
) -> InvitePerson:
    """Return the command that invites somebody."""
    return InvitePerson(
        team.id,
        email or f"{new_id()}@people.example",
        role,
        link or new_link(HASH_KEY),
        BASE,
        expires_at=now + days * DAY,
        actor=OPERATOR,
        now=now,
        acting_account_id=acting_account_id,
    )


def invite(db: Database, command: InvitePerson) -> Invited:
    """Invite."""
    return db.write_now(functools.partial(invite_person, command=command))


def acceptance_of(link: NewLink, *, now: int = NOW, checked_password_hash: str | None = None) -> AcceptInvitation:
    """Return the command that accepts; with the hash of the account's own password, if it has one."""
    return AcceptInvitation(
        link.token_hash,
        "Ada",
        "Byron",
        new_password_hash=None if checked_password_hash else "a hash of the tests",
        checked_password_hash=checked_password_hash,
        request_id="",
        address="",
        now=now,
    )
