"""The ledger of a team: every change of what it pays for, as an entry in the transaction of the change."""

from __future__ import annotations

import dataclasses

from sqlalchemy import func, insert, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.teams.billing import Charge, Period, period_of, prorated_amount
from callfloor.teams.tables import EntryKind, Payment, ledger_entry
from callfloor.teams.tables import team as team_table
from callfloor.teams.teams import Team

SETTLE_CHARGE = "settle_charge"
"""The kind of job that hands an entry paid by card to the payment provider."""

_c = ledger_entry.c
_enter = insert(ledger_entry)
_newest = (
    select(_c.number, _c.at, _c.period_end, _c.seats_after, _c.seat_price)
    .where(_c.team_id == param("team_id"))
    .order_by(_c.number.desc())
    .limit(1)
)
_newest_period = select(func.max(_c.period_start)).where(_c.team_id == team_table.c.id).scalar_subquery()
_not_renewed = (
    select(team_table.c.id)
    .where(_newest_period < param("period_start"), team_table.c.id > param("after"))
    .order_by(team_table.c.id)
    .limit(100)
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Fact:
    kind: EntryKind
    at: Millis
    seats: int
    seats_before: int
    seats_after: int
    seat_price: int
    amount: int = 0


def enter_addition(tx: Tx, team: Team, *, seats: int, before: int, now: Millis) -> Charge | None:
    """Enter seats added; by card the rest of the period is charged at once, by invoice they are only noted."""
    number, now = _continued(tx, team, now)
    period = period_of(now)
    if team.payment is Payment.INVOICE:
        _add(tx, team, number, _Fact(EntryKind.ACTIVITY, now, seats, before, before + seats, team.seat_price))
        return None
    amount = prorated_amount(
        seat_price=team.seat_price, seats=seats, days_left=period.days_left(now), days_in_period=period.days
    )
    _add(tx, team, number, _Fact(EntryKind.CHARGE, now, seats, before, before + seats, team.seat_price, amount))
    return Charge(amount, team.currency, period.start, period.end, seats)


def enter_removal(tx: Tx, team: Team, *, seats: int, before: int, now: Millis) -> None:
    """Enter seats deleted: the next renewal is for fewer."""
    number, now = _continued(tx, team, now)
    _add(tx, team, number, _Fact(EntryKind.REMOVAL, now, seats, before, before - seats, team.seat_price))


def enter_price(tx: Tx, team: Team, *, new_price: int, seats: int, now: Millis) -> None:
    """Enter the price of a seat from here on; what was charged stays as it was."""
    number, now = _continued(tx, team, now)
    _add(tx, team, number, _Fact(EntryKind.PRICE, now, 0, seats, seats, new_price))


def renew(tx: Tx, team: Team, now: Millis) -> None:
    """Enter the renewal of every period that began since the newest entry; nothing when that is done already."""
    _continued(tx, team, now)


def teams_to_renew(tx: Tx, *, now: Millis, after: int) -> list[int]:
    """Return up to 100 teams, by id and after this id, whose newest entry is of an earlier period."""
    params = {"period_start": period_of(now).start, "after": after}
    return [team_id for (team_id,) in tx.all(_not_renewed, params)]


def _continued(tx: Tx, team: Team, now: Millis) -> tuple[int, Millis]:
    """Bring the ledger to the period of `now`; return the next entry's number and its time.

    The caller holds the team's lock. A request that waited for it may be older than the newest entry: time stands
    still rather than go back, so that a period that has been passed is never written to again.
    """
    newest = tx.one(_newest, {"team_id": team.id})
    if newest is None:
        return 1, now
    number, at, begins, seats, seat_price = newest
    while begins <= now:
        number, at = number + 1, begins
        _add(tx, team, number, _Fact(EntryKind.RENEWAL, at, seats, seats, seats, seat_price, seats * seat_price))
        begins = period_of(begins).end
    return number + 1, max(at, now)


def _add(tx: Tx, team: Team, number: int, fact: _Fact) -> None:
    period = period_of(fact.at)
    tx.run(_enter, _row(team, number, fact, period))
    if team.payment is Payment.CARD and fact.amount:
        enqueue(tx, Enqueue(kind=SETTLE_CHARGE, args={"number": number}, team_id=team.id, now=fact.at))


def _row(team: Team, number: int, fact: _Fact, period: Period) -> dict[str, object]:
    return {
        "team_id": team.id,
        "number": number,
        "id": new_id(),
        "kind": fact.kind.value,
        "at": fact.at,
        "amount": fact.amount,
        "currency": team.currency,
        "payment": team.payment.value,
        "period_start": period.start,
        "period_end": period.end,
        "seats": fact.seats,
        "seats_before": fact.seats_before,
        "seats_after": fact.seats_after,
        "seat_price": fact.seat_price,
        "days_left": period.days_left(fact.at),
        "days_in_period": period.days,
    }
