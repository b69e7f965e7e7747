"""`/api/v1/seats`: list, add, delete."""

from __future__ import annotations

import functools
from typing import Any

from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.errors import invalid
from callfloor.foundation.services import Services
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Request
from callfloor.portal_api.parameters import Problems, identity, one_of, page_of, text, whole_number
from callfloor.teams.billing import Charge
from callfloor.teams.queries import SeatFilter, seat_page
from callfloor.teams.seats import ADD_LIMIT, AddSeats, DeleteSeat, add_seats, delete_seat

_KEY_MAX_LENGTH = 255


async def list_seats(services: Services, request: Request) -> wire.SeatRows:
    """Answer a page of the team's seats."""
    query = request.query()
    problems = Problems()
    skip, take = page_of(query, problems)
    role = one_of(query, "role", wire.ROLE_FROM_THE_WIRE, problems)
    which = SeatFilter(
        status=one_of(query, "status", wire.STATUSES, problems),
        role=wire.ROLE_FROM_THE_WIRE[role] if role else None,
        hostname=text(query, "hostname", problems),
        nickname=text(query, "nickname", problems),
    )
    problems.raise_if_any()
    page = await seat_page(services.db, request.principal.team_id, which, skip=skip, take=take)
    return wire.SeatRows([_seat(row) for row in page.rows], page.total)


async def add(services: Services, request: Request) -> wire.SeatsAdded:
    """Add seats to the team."""
    fields = await request.fields()
    command = AddSeats(
        team_id=request.principal.team_id,
        count=whole_number(fields, "count", minimum=1, maximum=ADD_LIMIT),
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
        idempotency_key=_idempotency_key(request),
    )
    added = await services.db.write(functools.partial(add_seats, command=command))
    return wire.SeatsAdded(added.added, added.count, _charge(added.charge) if added.charge else None)


async def delete(services: Services, request: Request, raw_id: str) -> wire.SeatDeleted:
    """Delete a free seat."""
    command = DeleteSeat(
        team_id=request.principal.team_id,
        seat_id=identity(raw_id),
        actor=request.principal.actor(request_id=request.id, address=request.address),
        now=request.now,
    )
    await services.db.write(functools.partial(delete_seat, command=command))
    return wire.SeatDeleted(command.seat_id)


def _charge(charge: Charge) -> wire.Charge:
    return wire.Charge(
        amount=charge.amount,
        currency=charge.currency,
        period_start=iso(charge.period_start),
        period_end=iso(charge.period_end),
        seats=charge.seats,
    )


def _idempotency_key(request: Request) -> str | None:
    key = request.header(b"idempotency-key")
    if key is not None and not (1 <= len(key) <= _KEY_MAX_LENGTH and key.isprintable()):
        raise invalid("Idempotency-Key", f"must have 1 to {_KEY_MAX_LENGTH} printable characters")
    return key


def _seat(row: tuple[Any, ...]) -> wire.Seat:
    seat_id, kind, status, role, hostname, nickname, created, assigned, active, user_id, email, first, last = row
    return wire.Seat(
        id=seat_id,
        type=kind,
        status=status,
        role=wire.ROLE_ON_THE_WIRE[role],
        hostname=hostname,
        nickname=nickname,
        user=None if user_id is None else wire.SeatUser(user_id, email, first, last),
        created_at=iso(created),
        assigned_at=iso_or_none(assigned),
        last_active_at=iso_or_none(active),
    )
