"""Sums against the calls they were counted from: differences are named and mended, beside calls that arrive."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, Delete, Table, Update, delete, update

from callfloor.foundation.database import Database, open_database, param
from callfloor.usage.rebuilding import rebuild_usage, usage_differences
from callfloor.usage.recount import Difference
from callfloor.usage.tables import usage_count, usage_day, usage_month, usage_quarter, usage_unfolded, usage_week
from tests.factories.teams import make_team
from tests.factories.usage import NOW, finished_call, record
from tests.usage.looking import asked, folded, page, rows_of
from tests.usage.plain import recounted

DAY = 20_500
CALLS = [
    finished_call(
        DAY + number * 3,
        username=f"agent-{number % 5}",
        device_id=number % 7 + 1,
        account_id=(number % 3) or None,
        language=("en", "de", None)[number % 3],
        mic_seconds=number,
    )
    for number in range(40)
]
SUMS = [usage_day, usage_week, usage_month, usage_quarter]


def told(_done: int, _steps: int) -> None:
    """Take the progress."""


def differences(db: Database, team_id: int) -> list[Difference]:
    """Return what is wrong."""
    return list(usage_differences(db, team_id, told))


def change(db: Database, team_id: int, statement: Update | Delete) -> None:
    """Spoil the team's rows."""
    db.write_now(lambda tx: tx.run(statement, {"team": team_id}))


def of_team(table: Table) -> ColumnElement[bool]:
    """Return the condition of the team's rows."""
    return table.c.team_id == param("team")


def assert_sound(db: Database, team_id: int) -> None:
    """Hold the reports against a recount, and the sums against the calls."""
    assert differences(db, team_id) == []
    folded(db, team_id)
    assert differences(db, team_id) == []
    for kind in ("user", "username", "device", "language"):
        for cadence in ("daily", "weekly", "monthly"):
            found = page(db, asked(team_id, kind, DAY, DAY + 120, cadence))
            expected = recounted(CALLS, kind, DAY, DAY + 120, cadence)
            assert rows_of(found) == expected
            assert found.total == len(expected)


@pytest.mark.parametrize("folds", [False, True])
def test_what_was_recorded_is_sound(db: Database, *, folds: bool) -> None:
    team = make_team(db)
    record(db, team.id, CALLS)
    if folds:
        folded(db, team.id)

    assert differences(db, team.id) == []


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize("table", SUMS)
def test_lost_rows_are_named_and_made_again(db: Database, table: Table, *, folds: bool) -> None:
    team = make_team(db)
    record(db, team.id, CALLS[:20])
    folded(db, team.id)
    record(db, team.id, CALLS[20:])
    if folds:
        folded(db, team.id)
    change(db, team.id, delete(table).where(of_team(table)))

    named = {one.table for one in differences(db, team.id)}
    mended = rebuild_usage(db, team.id, told, now=NOW)

    assert table.name in named
    assert mended > 0
    assert_sound(db, team.id)


@pytest.mark.parametrize("table", SUMS)
def test_wrong_rows_are_named_and_mended(db: Database, table: Table) -> None:
    team = make_team(db)
    record(db, team.id, CALLS)
    folded(db, team.id)
    change(db, team.id, update(table).where(of_team(table)).values(mic_seconds=table.c.mic_seconds + 7))

    named = differences(db, team.id)
    rebuild_usage(db, team.id, told, now=NOW)

    assert all(one.right[-9] - one.kept[-9] == -7 for one in named if one.table == table.name)
    assert_sound(db, team.id)


def test_wrong_counts_and_ranks_are_mended(db: Database) -> None:
    team = make_team(db)
    record(db, team.id, CALLS)
    folded(db, team.id)
    change(db, team.id, update(usage_count).where(of_team(usage_count)).values(groups=99))
    change(db, team.id, update(usage_day).where(of_team(usage_day)).values(ranked_seconds=1))

    named = {one.table for one in differences(db, team.id)}
    rebuild_usage(db, team.id, told, now=NOW)

    assert named == {"usage_count", "usage_day.ranked_seconds"}
    assert_sound(db, team.id)


def test_everything_is_made_again_from_the_calls(db: Database) -> None:
    team = make_team(db)
    record(db, team.id, CALLS)
    for table in (*SUMS, usage_count, usage_unfolded):
        change(db, team.id, delete(table).where(of_team(table)))

    rebuild_usage(db, team.id, told, now=NOW)

    assert_sound(db, team.id)


def test_calls_that_arrive_meanwhile_are_counted(db: Database, database_url: str) -> None:
    team = make_team(db)
    record(db, team.id, CALLS[:10])
    for table in SUMS:
        change(db, team.id, delete(table).where(of_team(table)))
    other = open_database(database_url)

    def report() -> None:
        for call in CALLS[10:]:
            record(other, team.id, [call])
            folded(other, team.id)

    reporting = threading.Thread(target=report)
    reporting.start()
    while reporting.is_alive():
        rebuild_usage(db, team.id, told, now=NOW)
    reporting.join()
    other.close_now()
    rebuild_usage(db, team.id, told, now=NOW)

    assert_sound(db, team.id)


def command(name: str, url: str, data: Path, team_id: int) -> subprocess.CompletedProcess[str]:
    """Run `callfloor usage …`."""
    line = [sys.executable, "-m", "callfloor.server.cli", "usage", name, "--team", str(team_id)]
    return subprocess.run(
        [*line, "--data", str(data), "--database", url, "--json"], capture_output=True, text=True, check=False
    )


def test_the_command_line(fresh_database_url: str, tmp_path: Path) -> None:
    db = open_database(fresh_database_url)
    team = make_team(db)
    record(db, team.id, CALLS)
    change(db, team.id, delete(usage_day).where(of_team(usage_day)))
    db.close_now()

    wrong = command("verify", fresh_database_url, tmp_path, team.id)
    mended = command("rebuild", fresh_database_url, tmp_path, team.id)
    right = command("verify", fresh_database_url, tmp_path, team.id)
    unknown = command("verify", fresh_database_url, tmp_path, team.id + 1)

    found = json.loads(wrong.stdout)
    assert (wrong.returncode, found["equal"]) == (1, False)
    assert found["differences"] >= json.loads(mended.stdout)["mended"] > 0
    assert found["first"][0]["table"] == "usage_day"
    assert (mended.returncode, right.returncode) == (0, 0)
    assert json.loads(right.stdout) == {"equal": True, "differences": 0, "first": []}
    assert (unknown.returncode, unknown.stdout) == (1, "")
