"""Calls that are older than they are to be kept: taken back from every sum, and deleted."""

from __future__ import annotations

import datetime

from sqlalchemy import BigInteger, Integer, Text, delete, func, select, tuple_

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.database.row_list import row_list
from callfloor.usage.calendar import date_of, day_of, number_of_date
from callfloor.usage.records import CALL_COLUMNS, call_of, take_back
from callfloor.usage.tables import call_record

FORGOTTEN_AT_ONCE = 500

_c = call_record.c
_next_team = select(func.min(_c.team_id)).where(_c.team_id > param("after", BigInteger))
_oldest = (
    select(*CALL_COLUMNS)
    .where(_c.team_id == param("team_id"), _c.day < param("before", Integer))
    .order_by(_c.day)
    .limit(param("take", Integer))
)
_gone = row_list("gone", device_id=BigInteger, call_id=Text)
_delete = delete(call_record).where(
    _c.team_id == param("team_id"), tuple_(_c.device_id, _c.call_id).in_(select(*_gone.c))
)


def forget_calls(tx: Tx, team_id: int, *, before_day: int, take: int = FORGOTTEN_AT_ONCE) -> int:
    """Delete some of the team's calls from before that day; returns how many: fewer than `take` when none is left."""
    calls = [call_of(row) for row in tx.all(_oldest, {"team_id": team_id, "before": before_day, "take": take})]
    if calls:
        calls.sort(key=lambda call: call.key)
        tx.run(_delete, {"team_id": team_id, "gone": [call.key for call in calls]})
        take_back(tx, team_id, calls)
    return len(calls)


def teams_with_calls(tx: Tx) -> list[int]:
    """Return the teams that have calls."""
    teams: list[int] = []
    while True:
        found = tx.one(_next_team, {"after": teams[-1] if teams else -1})
        if found is None or found[0] is None:
            return teams
        teams.append(found[0])


def first_day_kept(now: Millis, months: int) -> int:
    """Return the first of the month that many months before."""
    date = date_of(day_of(now))
    year, month = divmod(date.year * 12 + date.month - 1 - months, 12)
    return number_of_date(datetime.date(year, month + 1, 1))
