"""Calls as they are recorded: each counts once, its newest revision, where it belongs."""

from __future__ import annotations

import functools
import itertools

import pytest

from callfloor.foundation.database import Database, Tx
from callfloor.usage.folding import fold
from callfloor.usage.records import FinishedCall, record_calls
from tests.factories.usage import NOW, finished_call, record
from tests.usage.looking import asked, folded, page, rows_of
from tests.usage.plain import recounted

DAY = 20_500
_teams = itertools.count(20_000_000)


@pytest.fixture
def team_id() -> int:
    """A team of this test alone; sums need no row of it."""
    return next(_teams)


def names_of(db: Database, team_id: int, kind: str = "username") -> list[tuple[int | str, int]]:
    """Return groups and their calls in the month."""
    folded(db, team_id)
    found = page(db, asked(team_id, kind, DAY - 100, DAY + 100, "monthly"))
    assert found.total == len(found.rows)
    return [(row.group.id, row.sums[0]) for row in found.rows]


def test_tells_which_calls_were_counted(db: Database, team_id: int) -> None:
    one, other = finished_call(DAY, call_id="a", revision=2), finished_call(DAY, call_id="b")

    counted = record(db, team_id, [one, other, one, finished_call(DAY, call_id="a", revision=1)])

    assert counted == [True, True, False, False]
    assert record(db, team_id, [one, other]) == [False, False]
    assert names_of(db, team_id) == [("ada", 2)]


def test_nothing_is_recorded_of_nothing(db: Database, team_id: int) -> None:
    assert record(db, team_id, []) == []


def test_revisions_in_one_batch_count_once(db: Database, team_id: int) -> None:
    chain = [finished_call(DAY, call_id="a", revision=number, mic_seconds=number) for number in (1, 2, 3)]

    assert record(db, team_id, chain) == [True, True, True]

    folded(db, team_id)
    assert rows_of(page(db, asked(team_id, "username", DAY, DAY))) == recounted(chain, "username", DAY, DAY, "daily")


def test_the_same_call_id_on_two_devices_is_two_calls(db: Database, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY, call_id="a", device_id=1), finished_call(DAY, call_id="a", device_id=2)])

    assert names_of(db, team_id) == [("ada", 2)]


def test_a_group_without_calls_is_gone(db: Database, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY, call_id="a", username="ada", language="en")])
    assert names_of(db, team_id) == [("ada", 1)]

    record(db, team_id, [finished_call(DAY, call_id="a", revision=2, username="bob", language=None)])

    assert names_of(db, team_id) == [("bob", 1)]
    assert names_of(db, team_id, "language") == []


def test_a_call_without_talk_is_a_call(db: Database, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY, mic_seconds=0, speaker_seconds=0)])

    assert names_of(db, team_id) == [("ada", 1)]


def test_what_does_not_count_may_change(db: Database, team_id: int) -> None:
    record(db, team_id, [finished_call(DAY, call_id="a", seconds=60)])
    folded(db, team_id)

    assert record(db, team_id, [finished_call(DAY, call_id="a", revision=2, seconds=90)]) == [True]

    assert db.write_now(functools.partial(fold, team_id=team_id, now=NOW)) == 0
    assert names_of(db, team_id) == [("ada", 1)]


@pytest.mark.parametrize("name", ["zoë", "名前", "a'b", 'a"b', "a\\b", "%s %(x)s", "{x}", "🎧", " "])
def test_names_are_taken_as_they_are(db: Database, team_id: int, name: str) -> None:
    record(db, team_id, [finished_call(DAY, username=name, language=name)])

    assert names_of(db, team_id) == [(name, 1)]
    assert names_of(db, team_id, "language") == [(name, 1)]


def test_statements_do_not_grow_with_the_calls(db: Database, team_id: int) -> None:
    def statements(calls: list[FinishedCall]) -> tuple[int, int]:
        def recorded(tx: Tx) -> int:
            record_calls(tx, team_id, calls, now=NOW)
            return tx.statements

        def fold_all(tx: Tx) -> int:
            fold(tx, team_id, now=NOW)
            return tx.statements

        return db.write_now(recorded), db.write_now(fold_all)

    few = statements([finished_call(DAY)])
    many = statements(
        [finished_call(DAY + number % 40, username=f"agent-{number}", device_id=number) for number in range(400)]
    )

    assert few == many
    assert max(few) <= 9
