"""Many people invited at once: addresses are told apart, and either everybody new gets a seat, or nobody."""

from __future__ import annotations

import dataclasses
from typing import Literal

from callfloor.access import audit
from callfloor.access.accounts import checked_email, email_key
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import InvalidInput, invalid
from callfloor.teams.free_seats import free_seats
from callfloor.teams.invitation_endings import expire_invitations
from callfloor.teams.invitation_links import NewLink
from callfloor.teams.invitations import InvitePerson, invite_person, is_known
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.teams import team_for_change

BATCH_LIMIT = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class InviteMany:
    """Addresses to be invited; `links` has one for each."""

    team_id: int
    addresses: tuple[str, ...]
    role: Role
    links: tuple[NewLink, ...]
    link_base: str
    expires_at: Millis
    actor: audit.Actor
    now: Millis
    acting_account_id: int | None = None


Result = Literal["invited", "already_member", "repeated", "invalid"]


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one address."""

    email: str
    result: Result
    message: str | None = None
    invitation_id: int | None = None
    seat_id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class InvitedMany:
    """What became of each address, in their order, and how many seats are free afterwards."""

    outcomes: tuple[Outcome, ...]
    free_seats: int


def invite_many(tx: Tx, command: InviteMany) -> InvitedMany:
    """Invite everybody who is new; who is in the team or invited already is passed over.

    Raises:
        InvalidInput: no address, or more than 1,000.
        NotPermittedToInvite, AdministratorNeeded: as `invite_person`.
        NoEmptySeat: there are more new people than free seats; nobody is invited.
    """
    if not 1 <= len(command.addresses) <= BATCH_LIMIT:
        raise invalid("emails", f"must have 1 to {BATCH_LIMIT} addresses")
    team_for_change(tx, command.team_id)
    expire_invitations(tx, command.team_id, now=command.now)
    passed_over = _passed_over(tx, command)
    wanted, free = len(command.addresses) - len(passed_over), free_seats(tx, command.team_id)
    if wanted > free:
        raise NoEmptySeat(
            f"{wanted} people to invite, {free} free seats: add {wanted - free} seats, or leave as many people out"
        )
    outcomes = [
        passed_over.get(place) or _invite(tx, command, address, command.links[place])
        for place, address in enumerate(command.addresses)
    ]
    return InvitedMany(tuple(outcomes), free_seats(tx, command.team_id))


def _passed_over(tx: Tx, command: InviteMany) -> dict[int, Outcome]:
    """Return by place the addresses that are not invited, and why."""
    found: dict[int, Outcome] = {}
    seen: set[str] = set()
    for place, address in enumerate(command.addresses):
        try:
            email = checked_email(address)
        except InvalidInput as error:
            found[place] = Outcome(address, "invalid", error.errors[0].message)
            continue
        if email_key(email) in seen:
            found[place] = Outcome(email, "repeated", "stands further up already")
        elif is_known(tx, command.team_id, email):
            found[place] = Outcome(email, "already_member", "is in this team or invited already")
        seen.add(email_key(email))
    return found


def _invite(tx: Tx, command: InviteMany, address: str, link: NewLink) -> Outcome:
    invited = invite_person(
        tx,
        InvitePerson(
            command.team_id,
            address,
            command.role,
            link,
            command.link_base,
            expires_at=command.expires_at,
            actor=command.actor,
            now=command.now,
            acting_account_id=command.acting_account_id,
        ),
    )
    return Outcome(invited.email, "invited", None, invited.id, invited.seat_id)
