"""Old calls are forgotten, with all they added to."""

from __future__ import annotations

import dataclasses
import datetime

import pytest
from sqlalchemy import select

from callfloor.foundation.clock import DAY, from_datetime
from callfloor.foundation.database import Database, param
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Usage
from callfloor.usage.jobs import FORGET_USAGE
from callfloor.usage.rebuilding import usage_differences
from callfloor.usage.retention import FORGOTTEN_AT_ONCE
from callfloor.usage.tables import call_record
from tests.factories.teams import make_team
from tests.factories.usage import finished_call, record
from tests.usage.looking import asked, folded, page, rows_of
from tests.usage.plain import recounted

NOW = from_datetime(datetime.datetime(2026, 11, 22, 12, tzinfo=datetime.UTC))
FIRST_KEPT = from_datetime(datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)) // DAY
_kept = select(call_record.c.day).where(call_record.c.team_id == param("team"))


def forget(db: Database, services: Services, team_id: int, months: int | None) -> None:
    """Run the job of the night."""
    settings = services.settings.model_copy(update={"usage": Usage(kept_months=months)})
    db.write_now(lambda tx: enqueue(tx, Enqueue(kind=FORGET_USAGE.name, args={}, team_id=team_id, now=NOW)))
    assert drain(dataclasses.replace(services, settings=settings), [FORGET_USAGE], now=NOW, team_id=team_id)


@pytest.mark.parametrize("folds", [False, True])
def test_calls_from_before_the_oldest_month_are_forgotten(db: Database, services: Services, *, folds: bool) -> None:
    team = make_team(db)
    count = FORGOTTEN_AT_ONCE + 5
    calls = [finished_call(FIRST_KEPT - 40 + number % 80, username=f"agent-{number % 9}") for number in range(count)]
    record(db, team.id, calls)
    if folds:
        folded(db, team.id)

    forget(db, services, team.id, 5)

    left = [call for call in calls if call.day >= FIRST_KEPT]
    assert sorted(day for (day,) in db.read_now(lambda tx: tx.all(_kept, {"team": team.id}))) == sorted(
        call.day for call in left
    )
    folded(db, team.id)
    for cadence in ("daily", "weekly", "monthly"):
        found = page(db, asked(team.id, "username", FIRST_KEPT - 60, FIRST_KEPT + 60, cadence))
        assert rows_of(found) == recounted(left, "username", FIRST_KEPT - 60, FIRST_KEPT + 60, cadence)
    assert not list(usage_differences(db, team.id, lambda done, steps: None))


def test_everything_is_kept_unless_a_setting_says_otherwise(db: Database, services: Services) -> None:
    team = make_team(db)
    record(db, team.id, [finished_call(FIRST_KEPT - 2000)])

    forget(db, services, team.id, None)

    assert db.read_now(lambda tx: tx.all(_kept, {"team": team.id})) == [(FIRST_KEPT - 2000,)]
