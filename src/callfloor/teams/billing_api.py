"""`/api/v2/billing`: statements of periods, and the amounts they are made of."""

from __future__ import annotations

import datetime
import functools
from typing import Annotated

from fastapi import APIRouter, Path, Query

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.foundation.clock import Millis, from_datetime, iso, iso_or_none
from callfloor.foundation.web import Cursor, Facts, Limit, Shape, cursor_after, position_of
from callfloor.teams import charges
from callfloor.teams import statements as reading
from callfloor.teams.tables import Payment

router = APIRouter(prefix="/billing", tags=["Billing"])

_MONTH = r"^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])$"

Month = Annotated[str, Path(pattern=_MONTH, description="The period, as YYYY-MM.", examples=["2026-11"])]
OneMonth = Annotated[str | None, Query(pattern=_MONTH, description="Only of this period, as YYYY-MM.")]
Reader = Annotated[Caller, needs(Scope.BILLING_READ)]


class Statement(Shape):
    """A period's seats and price; amounts in minor units of `currency`.

    `closing_seats` = `opening_seats` + `added_seats` - `removed_seats`, and `total` = `base_amount` + `added_amount`.
    """

    period: str
    period_start: str
    period_end: str
    is_closed: bool
    currency: str
    opening_seats: int
    seat_price: int
    base_amount: int
    additions: int
    added_seats: int
    added_amount: int
    removals: int
    removed_seats: int
    closing_seats: int
    total: int


class StatementList(Shape):
    """Statements, newest first; with a `next_cursor` there are more."""

    data: list[Statement]
    next_cursor: str | None


class Settlement(Shape):
    """What became of an amount: `pending`, `recorded`, `paid`, `declined` by card, or `invoiced`."""

    state: str
    reason: str | None
    reference: str | None
    at: str | None


class ChargeShown(Shape):
    """An amount with all it was computed from: `renewal` of a period, or `charge` for seats added within it."""

    number: int
    id: str
    kind: str
    at: str
    amount: int
    currency: str
    payment: Payment
    period: str
    seats: int
    seats_before: int
    seats_after: int
    seat_price: int
    days_left: int
    days_in_period: int
    settlement: Settlement


class ChargeList(Shape):
    """Amounts, newest first; with a `next_cursor` there are more."""

    data: list[ChargeShown]
    next_cursor: str | None


@router.get("/statements", operation_id="list_statements")
async def list_statements(facts: Facts, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> StatementList:
    """List the statements of all periods since the team's first seats, newest first."""
    position = position_of(cursor, int)
    read = functools.partial(
        reading.statements_of,
        team_id=caller.team_id,
        now=facts.now,
        before=position[0] if position else None,
        limit=limit + 1,
    )
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].period.start) if len(found) > limit else None
    return StatementList(data=[_statement(one) for one in found[:limit]], next_cursor=more)


@router.get("/statements/{period}", operation_id="show_statement")
async def show_statement(period: Month, facts: Facts, caller: Reader) -> Statement:
    """Show the statement of one period."""
    read = functools.partial(reading.statement_of, team_id=caller.team_id, period_start=_begin(period), now=facts.now)
    return _statement(await facts.services.db.report(read))


@router.get("/charges", operation_id="list_charges")
async def list_charges(
    facts: Facts,
    caller: Reader,
    period: OneMonth = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ChargeList:
    """List the amounts the team owed, newest first; those of one period add up to its statement."""
    position = position_of(cursor, int)
    found = await charges.charges_before(
        facts.services.db,
        caller.team_id,
        period_start=_begin(period) if period else None,
        before=position[0] if position else None,
        take=limit + 1,
    )
    more = cursor_after(found[limit - 1].number) if len(found) > limit else None
    return ChargeList(data=[_charge(one) for one in found[:limit]], next_cursor=more)


def _begin(month: str) -> Millis:
    return from_datetime(datetime.datetime.strptime(month, "%Y-%m").replace(tzinfo=datetime.UTC))


def _statement(one: reading.Statement) -> Statement:
    return Statement(
        period=iso(one.period.start)[:7],
        period_start=iso(one.period.start),
        period_end=iso(one.period.end),
        is_closed=one.is_closed,
        currency=one.currency,
        opening_seats=one.opening_seats,
        seat_price=one.seat_price,
        base_amount=one.base_amount,
        additions=one.additions,
        added_seats=one.added_seats,
        added_amount=one.added_amount,
        removals=one.removals,
        removed_seats=one.removed_seats,
        closing_seats=one.closing_seats,
        total=one.total,
    )


def _charge(one: charges.EnteredCharge) -> ChargeShown:
    return ChargeShown(
        number=one.number,
        id=one.id,
        kind=one.kind,
        at=iso(one.at),
        amount=one.amount,
        currency=one.currency,
        payment=Payment(one.payment),
        period=iso(one.period_start)[:7],
        seats=one.seats,
        seats_before=one.seats_before,
        seats_after=one.seats_after,
        seat_price=one.seat_price,
        days_left=one.days_left,
        days_in_period=one.days_in_period,
        settlement=Settlement(
            state=one.state, reason=one.reason, reference=one.reference, at=iso_or_none(one.settled_at)
        ),
    )
