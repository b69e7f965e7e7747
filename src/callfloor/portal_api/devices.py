"""Devices of a device team: shut out by their seat, listed, let in again."""

from __future__ import annotations

import functools

from callfloor.devices.blocking import BlockSeat, UnblockEntry, block_seat, unblock_entry
from callfloor.devices.queries import block_page
from callfloor.foundation.clock import iso
from callfloor.foundation.services import Services
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Refused, Request
from callfloor.portal_api.parameters import Problems, identity, page_of, text
from callfloor.teams.tables import TeamType


async def block(services: Services, request: Request, raw_id: str) -> wire.SeatBlocked:
    """Shut out the device of a seat; the seat is free again."""
    command = BlockSeat(
        team_id=request.principal.team_id,
        seat_id=identity(raw_id),
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
    )
    await services.db.write(functools.partial(block_seat, command=command))
    return wire.SeatBlocked(command.seat_id)


async def list_blocked(services: Services, request: Request) -> wire.BlockRows:
    """Answer a page of the block list."""
    query = request.query()
    problems = Problems()
    skip, take = page_of(query, problems)
    name = text(query, wire.DEVICE_NAME, problems)
    problems.raise_if_any()
    if request.principal.team_type != TeamType.DEVICE:
        raise Refused(wire.NOT_PERMITTED_CHANGE_SEAT_STATUS)
    team_id = request.principal.team_id
    page = await services.db.report(functools.partial(block_page, team_id=team_id, name=name, skip=skip, take=take))
    rows = [
        wire.BlockRow(entry_id, hostname, nickname, username, iso(blocked_at), blocked_by)
        for entry_id, hostname, nickname, username, blocked_at, blocked_by in page.rows
    ]
    return wire.BlockRows(rows, page.total)


async def unblock(services: Services, request: Request, raw_id: str) -> wire.DeviceUnblocked:
    """Let the device of a block-list entry in again."""
    command = UnblockEntry(
        team_id=request.principal.team_id,
        entry_id=identity(raw_id),
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
    )
    await services.db.write(functools.partial(unblock_entry, command=command))
    return wire.DeviceUnblocked(command.entry_id)
