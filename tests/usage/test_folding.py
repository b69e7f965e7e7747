"""Folding by several at once, and what stands between a report and a reader."""

from __future__ import annotations

import asyncio
import functools
import itertools
import subprocess
import sys
import threading

import msgspec
import pytest
from sqlalchemy import select

from callfloor.foundation.database import Database, Tx, open_database, param
from callfloor.usage.folding import FOLDED_AT_ONCE, fold, is_unfolded, teams_to_fold
from callfloor.usage.queries import usage_page
from callfloor.usage.records import record_calls
from callfloor.usage.rounds import fold_all
from callfloor.usage.tables import usage_day
from tests.factories.usage import NOW, finished_call, record
from tests.support.racing import wait_until_somebody_waits
from tests.usage.looking import asked, folded, page, rows_of
from tests.usage.plain import recounted
from tests.usage.reporter import FIRST, calls_of

DAY = 20_500
BATCHES = 12
_teams = itertools.count(30_000_000)
_d = usage_day.c
_lock_bob = (
    select(_d.day)
    .where(_d.team_id == param("team_id"), _d.group_kind == "username", _d.group_id == "bob")
    .with_for_update()
)


@pytest.fixture
def team_id() -> int:
    """A team of this test alone; sums need no row of it."""
    return next(_teams)


def test_processes_that_report_and_fold_at_once_lose_nothing(db: Database, database_url: str, team_id: int) -> None:
    line = [sys.executable, "-m", "tests.usage.reporter", database_url, str(team_id)]
    processes = [
        subprocess.Popen([*line, str(seed), str(BATCHES)], stderr=subprocess.PIPE, text=True) for seed in (1, 2, 3)
    ]
    while any(process.poll() is None for process in processes):
        found = page(db, asked(team_id, "device", FIRST, FIRST + 30, "monthly"))
        assert found.total == len(found.rows)

    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    folded(db, team_id)
    calls = [call for seed in (1, 2, 3) for batch in calls_of(seed, BATCHES) for call in batch]
    for kind, cadence in itertools.product(("user", "username", "device", "language"), ("daily", "weekly", "monthly")):
        found = page(db, asked(team_id, kind, FIRST, FIRST + 30, cadence))
        expected = recounted(calls, kind, FIRST, FIRST + 30, cadence)
        assert rows_of(found) == expected
        assert found.total == len(expected)


def test_a_group_that_comes_back_while_it_is_found_empty_stays_counted(fresh_database_url: str, team_id: int) -> None:
    """Otherwise the day has one group less than there are, for good, and its report ends before the last one."""
    db, other = open_database(fresh_database_url), open_database(fresh_database_url)
    call = finished_call(DAY, username="ada")
    record(db, team_id, [call, finished_call(DAY, username="bob")])
    folded(db, team_id)
    record(db, team_id, [msgspec.structs.replace(call, revision=2, username="bob")])
    folding = threading.Thread(target=lambda: folded(other, team_id))

    def verb(tx: Tx) -> None:
        tx.all(_lock_bob, {"team_id": team_id})
        folding.start()
        wait_until_somebody_waits(db)
        # Of another device and no language: of what the folding is about only ada's sums are met.
        record_calls(tx, team_id, [finished_call(DAY, username="ada", device_id=2, language=None)], now=NOW)

    db.write_now(verb)
    folding.join(60)
    folded(db, team_id)
    found = page(db, asked(team_id, "username", DAY, DAY))

    assert not folding.is_alive()
    assert sorted(row.group.id for row in found.rows) == ["ada", "bob"]
    assert found.total == 2
    db.close_now()
    other.close_now()


def test_a_reader_folds_what_waits(db: Database, runner: asyncio.Runner, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY, username=f"agent-{number}") for number in range(FOLDED_AT_ONCE + 3)])
    question = asked(team_id, "username", DAY, DAY)

    found = runner.run(usage_page(db, question, skip=0, take=10, now=NOW))

    assert (len(found.rows), found.total) == (10, FOLDED_AT_ONCE + 3)
    assert not db.read_now(functools.partial(is_unfolded, team_id=team_id, first=0, last=2 * DAY))


def test_a_reader_of_other_days_does_not(db: Database, runner: asyncio.Runner, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY)])
    question = asked(team_id, "username", DAY - 20, DAY - 1)

    assert runner.run(usage_page(db, question, skip=0, take=10, now=NOW)).total == 0

    assert db.read_now(functools.partial(is_unfolded, team_id=team_id, first=DAY, last=DAY))


@pytest.mark.parametrize(
    ("first", "last", "waits"), [(DAY, DAY, True), (DAY - 1, DAY - 1, False), (DAY + 1, DAY + 9, False)]
)
def test_what_waits_is_found_by_its_day(db: Database, team_id: int, first: int, last: int, *, waits: bool) -> None:
    record(db, team_id, [finished_call(DAY, at=0), finished_call(DAY, at=86_399_999)])

    assert db.read_now(functools.partial(is_unfolded, team_id=team_id, first=first, last=last)) is waits


def test_folding_ends_where_it_is_told_and_goes_on(db: Database, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY) for _ in range(5)])
    some = functools.partial(fold, team_id=team_id, now=NOW, take=2)

    assert [db.write_now(some) for _ in range(4)] == [2, 2, 1, 0]


def test_every_team_is_folded(db: Database, team_id: int) -> None:
    other = next(_teams)
    for team in (team_id, other):
        record(db, team, [finished_call(DAY)])
    assert {team_id, other} <= set(db.read_now(teams_to_fold))

    fold_all(db)

    assert not {team_id, other} & set(db.read_now(teams_to_fold))
    assert fold_all(db) >= 0
