"""How a page of the report is read: from the ranking index, by a few statements whatever there is."""

from __future__ import annotations

import functools
import itertools
import json
import re
from typing import Any

import apsw
import psycopg
import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from callfloor.foundation.database import Database
from callfloor.foundation.database.plan import Plans
from callfloor.usage.ranking import ranked_statement
from callfloor.usage.reports import Asked, read_page
from callfloor.usage.tables import Cadence
from tests.factories.usage import finished_call, record
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.usage.looking import asked, folded

DAY = 20_500
INDEXES = {
    Cadence.DAILY: "ix_usage_day_ranked",
    Cadence.WEEKLY: "ix_usage_week_ranked",
    Cadence.MONTHLY: "ix_usage_month_ranked",
}
_teams = itertools.count(40_000_000)


@pytest.mark.parametrize("cadence", list(Cadence))
def test_sqlite_ranks_by_the_index_alone(sqlite_template: SqliteTemplate, cadence: Cadence) -> None:
    plan = Plans(sqlite.dialect(paramstyle="named")).of(ranked_statement(cadence=cadence), None)
    connection = apsw.Connection(sqlite_template.fresh_url().removeprefix("sqlite:///"))

    steps = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {plan.sql}", dict.fromkeys(plan.names))]
    connection.close()

    assert any(f"USING COVERING INDEX {INDEXES[cadence]}" in step for step in steps), steps
    inner = steps[: next(at for at, step in enumerate(steps) if step.startswith("SCAN page"))]
    assert not any("TEMP B-TREE" in step for step in inner), steps


@pytest.mark.parametrize("cadence", list(Cadence))
def test_postgresql_ranks_by_the_index_alone(postgres_template: PostgresTemplate, cadence: Cadence) -> None:
    plan = Plans(psycopg_dialect.dialect(dbapi=psycopg)).of(ranked_statement(cadence=cadence), None)  # type: ignore[no-untyped-call]  # dialect is untyped
    numbers = itertools.count(1)
    sql = re.sub(r"%\(\w+\)s", lambda _: f"${next(numbers)}", plan.sql)
    with psycopg.connect(postgres_template.fresh_url(), autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET enable_bitmapscan = off")
        explained = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}".encode()).fetchone()

    assert explained is not None
    text = json.dumps(explained[0])
    ranking = next(node for node in _nodes(explained[0][0]["Plan"]) if node.get("Index Name") == INDEXES[cadence])
    assert ranking["Node Type"] == "Index Only Scan", text


@pytest.mark.parametrize(
    ("first", "last", "cadence", "allowed"),
    [
        (DAY - 60, DAY, Cadence.DAILY, 3),
        (DAY - 60, DAY, Cadence.WEEKLY, 12),
        (DAY - 60, DAY, Cadence.MONTHLY, 12),
    ],
)
def test_statements_of_a_page(db: Database, first: int, last: int, cadence: Cadence, allowed: int) -> None:
    def statements(people: int) -> int:
        team_id = next(_teams)
        record(
            db, team_id, [finished_call(DAY - number % 90, username=f"a-{number % people}") for number in range(300)]
        )
        folded(db, team_id)
        return db.read_now(functools.partial(_counted, asked=asked(team_id, "username", first, last, cadence.value)))

    assert statements(2) <= allowed
    assert statements(150) <= allowed


def _counted(tx: Any, asked: Asked) -> int:
    read_page(tx, asked, skip=0, take=100)
    count: int = tx.statements
    return count


def _nodes(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
