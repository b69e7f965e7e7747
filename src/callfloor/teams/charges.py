"""The amounts in a team's ledger, with what became of each."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, param
from callfloor.teams.tables import EntryKind, Payment, ledger_entry, settlement

_LAST = 2**63 - 1
_c, _s = ledger_entry.c, settlement.c


@dataclasses.dataclass(frozen=True, slots=True)
class EnteredCharge:
    """An entry with an amount, and what became of it."""

    number: int
    id: str
    kind: str
    at: Millis
    amount: int
    currency: str
    payment: str
    period_start: Millis
    seats: int
    seats_before: int
    seats_after: int
    seat_price: int
    days_left: int
    days_in_period: int
    settled_as: str | None
    reason: str | None
    reference: str | None
    settled_at: Millis | None

    @property
    def state(self) -> str:
        """Return what became of it; an amount of nothing needs nobody to pay it."""
        if self.settled_as is not None:
            return self.settled_as
        if self.payment == Payment.INVOICE.value:
            return "invoiced"
        return "pending" if self.amount else "recorded"


@functools.cache
def charges_statement(*, of_period: bool) -> Select[Any]:
    """Return charges, newest first; parameters team_id, before, take and, as asked, period_start."""
    entry = (_c.number, _c.id, _c.kind, _c.at, _c.amount, _c.currency, _c.payment, _c.period_start, _c.seats)
    formula = (_c.seats_before, _c.seats_after, _c.seat_price, _c.days_left, _c.days_in_period)
    is_settled = (_s.team_id == _c.team_id) & (_s.number == _c.number)
    columns: tuple[Any, ...] = (*entry, *formula, _s.state, _s.reason, _s.reference, _s.at)
    statement = (
        select(*columns)
        .join_from(ledger_entry, settlement, is_settled, isouter=True)
        .where(
            _c.team_id == param("team_id"),
            _c.number < param("before", BigInteger),
            (_c.kind == EntryKind.RENEWAL.value) | (_c.kind == EntryKind.CHARGE.value),
        )
        .order_by(_c.number.desc())
        .limit(param("take", Integer))
    )
    return statement.where(_c.period_start == param("period_start")) if of_period else statement


async def charges_before(
    db: Database, team_id: int, *, period_start: Millis | None, before: int | None, take: int
) -> list[EnteredCharge]:
    """Return up to `take` charges with lower numbers, newest first, of one period or of all.

    Runs off the loop: many removals may lie between two charges.
    """
    params: dict[str, Any] = {"team_id": team_id, "before": before or _LAST, "take": take}
    if period_start is not None:
        params["period_start"] = period_start
    statement = charges_statement(of_period=period_start is not None)
    return await db.report(lambda tx: [EnteredCharge(*row) for row in tx.all(statement, params)])
