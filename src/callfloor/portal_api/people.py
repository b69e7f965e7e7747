"""People of an email team: invited by mail, taken off their seats."""

from __future__ import annotations

import functools

from callfloor.access.tables import Role
from callfloor.foundation.clock import DAY, iso
from callfloor.foundation.services import Services
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Request
from callfloor.portal_api.parameters import identity, string
from callfloor.teams.invitation_links import new_link
from callfloor.teams.invitations import InvitePerson, invite_person
from callfloor.teams.people import UnassignSeat, unassign_seat


async def invite(services: Services, request: Request) -> wire.PersonInvited:
    """Invite a person by mail to the lowest free seat."""
    email = string(await request.fields(), "email")
    settings = services.settings
    command = InvitePerson(
        team_id=request.principal.team_id,
        email=email,
        role=Role.USER,
        link=new_link(settings.hash_key),
        link_base=request.base_url(settings),
        expires_at=request.now + settings.invitation_days * DAY,
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
    )
    invited = await services.db.write(functools.partial(invite_person, command=command))
    return wire.PersonInvited(invited.seat_id, invited.email, wire.INVITED, iso(invited.expires_at))


async def unassign(services: Services, request: Request, raw_id: str) -> wire.SeatUnassigned:
    """Free a seat: its person leaves the team, or its invitation is revoked."""
    command = UnassignSeat(
        team_id=request.principal.team_id,
        seat_id=identity(raw_id),
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
    )
    await services.db.write(functools.partial(unassign_seat, command=command))
    return wire.SeatUnassigned(command.seat_id)
