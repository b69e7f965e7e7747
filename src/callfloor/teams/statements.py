"""What a team pays for a period, added up from its ledger: every statement begins where the one before it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, cast, func, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.teams.billing import Period, period_of
from callfloor.teams.tables import EntryKind, ledger_entry
from callfloor.teams.teams import team_by_id

_c = ledger_entry.c


def _sum(column: Any) -> Any:
    return cast(func.sum(column), BigInteger)


_sums = (
    select(_c.period_start, _c.kind, func.count(), _sum(_c.seats), _sum(_c.amount))
    .where(_c.team_id == param("team_id"), _c.period_start >= param("since"), _c.period_start < param("until"))
    .group_by(_c.period_start, _c.kind)
    .order_by(_c.period_start)
)
_first = select(_c.period_start).where(_c.team_id == param("team_id")).order_by(_c.number).limit(1)
_newest_before = (
    select(_c.seats_after, _c.seat_price)
    .where(_c.team_id == param("team_id"), _c.period_start < param("period_start"))
    .order_by(_c.period_start.desc(), _c.number.desc())
    .limit(1)
)


class NoSuchStatement(DomainError):
    """The period is before the team's first entry, or has not begun."""

    code = "statement_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """One period of one team; amounts in minor units of `currency`.

    ``closing_seats = opening_seats + added_seats − removed_seats`` and ``total = base_amount + added_amount``.
    """

    period: Period
    currency: str
    opening_seats: int
    seat_price: int
    """Of the seats held at the start of the period."""
    base_amount: int
    additions: int
    added_seats: int
    added_amount: int
    removals: int
    removed_seats: int
    closing_seats: int
    total: int
    is_closed: bool
    """Whether the period is over, so that nothing can be added to it."""


def statement_of(tx: Tx, team_id: int, period_start: Millis, *, now: Millis) -> Statement:
    """Return the statement of the period that begins at this instant.

    Raises:
        NoSuchStatement: the team has none for it.
    """
    period = period_of(period_start)
    first = tx.one(_first, {"team_id": team_id})
    if first is None or period.start != period_start or not first[0] <= period_start <= now:
        raise NoSuchStatement("there is no statement of this period: it is before the team's first seats, or to come")
    return next(_statements(tx, team_id, period, last=period, now=now))


def statements_of(tx: Tx, team_id: int, *, now: Millis, before: Millis | None, limit: int) -> list[Statement]:
    """Return up to `limit` statements, newest first: of all periods, or of those that begin before an instant."""
    first = tx.one(_first, {"team_id": team_id})
    last = period_of(now if before is None else min(before - 1, now))
    if first is None or last.start < first[0]:
        return []
    begin = last
    for _ in range(limit - 1):
        if begin.start <= first[0]:
            break
        begin = period_of(begin.start - 1)
    return list(_statements(tx, team_id, begin, last=last, now=now))[::-1]


def _statements(tx: Tx, team_id: int, begin: Period, *, last: Period, now: Millis) -> Iterator[Statement]:
    params = {"team_id": team_id, "since": begin.start, "until": last.end}
    by_period: dict[Millis, dict[str, tuple[int, int, int]]] = {}
    for start, kind, entries, seats, amount in tx.all(_sums, params):
        by_period.setdefault(start, {})[kind] = (entries, seats, amount)
    currency = team_by_id(tx, team_id).currency
    period = begin
    while period.start <= last.start:
        opening = tx.one(_newest_before, {"team_id": team_id, "period_start": period.start}) or (0, 0)
        yield _statement(period, currency, opening, by_period.get(period.start, {}), now)
        period = period_of(period.end)


def _statement(
    period: Period, currency: str, opening: tuple[int, int], sums: dict[str, tuple[int, int, int]], now: Millis
) -> Statement:
    nothing = (0, 0, 0)
    seats, price = opening
    charges, activity = sums.get(EntryKind.CHARGE.value, nothing), sums.get(EntryKind.ACTIVITY.value, nothing)
    removals = sums.get(EntryKind.REMOVAL.value, nothing)
    # A renewal that is not entered yet (the first minutes of a period) will be exactly this.
    base = seats * price
    added = charges[1] + activity[1]
    return Statement(
        period=period,
        currency=currency,
        opening_seats=seats,
        seat_price=price,
        base_amount=base,
        additions=charges[0] + activity[0],
        added_seats=added,
        added_amount=charges[2],
        removals=removals[0],
        removed_seats=removals[1],
        closing_seats=seats + added - removals[1],
        total=base + charges[2],
        is_closed=period.end <= now,
    )
