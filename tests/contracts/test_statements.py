"""Every statement compiles for both databases, and runs from an index wherever a team's rows are looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import apsw
import psycopg
import pytest
from psycopg.rows import scalar_row
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from callfloor.conversations.queries import Shape, changes_statement, count_statement, page_statement
from callfloor.foundation.database.plan import Plan, Plans
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.statements import Named, every_statement, partial_indexes, team_tables

MAY_SCAN = {
    "callfloor.foundation.jobs.history._newest(of_team=False, in_state=False, has_before=False)": (
        "the operator's newest jobs of all teams: read in the order of the key, up to a limit"
    ),
}
"""Statements that read a whole team table on purpose, and why."""
CONDITIONS = {
    "Seq Scan": "never",
    "Index Scan": "Index Cond",
    "Index Only Scan": "Index Cond",
    "Bitmap Heap Scan": "Recheck Cond",
}
"""PostgreSQL's ways to read a table, and what says that only a part of it is read."""
ONLY_ON_POSTGRESQL = re.compile(r"\.searching\._(capped|newest)_hits")
"""Statements that are never sent to SQLite."""
_IS_FOR_EACH_ROW = re.compile(r"search_text VIRTUAL TABLE INDEX \d+:=")


@pytest.fixture(scope="module")
def sqlite_database(sqlite_template: SqliteTemplate) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(sqlite_template.fresh_url().removeprefix("sqlite:///"))
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def postgres_database(postgres_template: PostgresTemplate) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_template.fresh_url(), row_factory=scalar_row, autocommit=True) as connection:
        # An empty table would be scanned whatever its indexes; now only where no index serves.
        connection.execute("SET enable_seqscan = off")
        yield connection


def test_sqlite_runs_every_statement_from_an_index(sqlite_database: apsw.Connection) -> None:
    plans = Plans(sqlite.dialect(paramstyle="named"))

    scans = {named.name: _scanned_by_sqlite(sqlite_database, named.plan(plans)) for named in _sent_to_sqlite()}

    assert _unlisted(scans) == {}


def test_postgresql_runs_every_statement_from_an_index(postgres_database: psycopg.Connection[Any]) -> None:
    plans = Plans(psycopg_dialect.dialect(dbapi=psycopg))  # type: ignore[no-untyped-call]  # dialect is untyped

    scans = {named.name: _scanned_by_postgres(postgres_database, named.plan(plans)) for named in every_statement()}

    assert _unlisted(scans) == {}


def test_postgresql_finds_what_was_said_by_its_words_first() -> None:
    """Once it plans for any words, as it does for a statement that comes often, it would read all of the team's."""
    plans = Plans(psycopg_dialect.dialect(dbapi=psycopg))  # type: ignore[no-untyped-call]  # dialect is untyped
    written = {named.name: named.plan(plans).sql for named in every_statement()}
    looking = {name: sql.partition(" @@ ")[0] for name, sql in written.items() if " @@ " in sql}

    assert len(looking) > 100
    wrong = {name for name, until in looking.items() if not until.startswith("WITH said AS MATERIALIZED")}
    assert wrong | {name for name, until in looking.items() if "JOIN" in until} == set()


def test_what_waits_for_a_lock_reads_one_table() -> None:
    """The row it waited for is read as it is by then, but every other table as it was before."""
    plans = Plans(psycopg_dialect.dialect(dbapi=psycopg))  # type: ignore[no-untyped-call]  # dialect is untyped
    written = {named.name: named.plan(plans).sql for named in every_statement()}
    waiting = {name: sql for name, sql in written.items() if "FOR UPDATE" in sql and "SKIP LOCKED" not in sql}

    assert len(waiting) > 5
    assert {name for name, sql in waiting.items() if re.search(r"\bJOIN\b|\bFROM \w+, ", sql)} == set()


def test_sqlite_looks_words_up_once_and_not_for_each_row(sqlite_database: apsw.Connection) -> None:
    """A search of 7,500 segments once took 26 seconds: every one was looked up among the words by itself."""
    plans = Plans(sqlite.dialect(paramstyle="named"))
    written = {named.name: named.plan(plans).sql for named in _sent_to_sqlite()}
    searches = {name: sql for name, sql in written.items() if "search_text MATCH" in sql}
    looked_up = {name: _steps_of_sqlite(sqlite_database, sql) for name, sql in searches.items()}

    assert len(looked_up) > 50
    assert [name for name, steps in looked_up.items() if any(_IS_FOR_EACH_ROW.search(step) for step in steps)] == []


@pytest.mark.parametrize("by_scope", [False, True])
@pytest.mark.parametrize("ascending", [False, True])
def test_sqlite_finds_few_changes_by_their_index_and_walks_the_list_where_most_changed(
    sqlite_database: apsw.Connection, *, by_scope: bool, ascending: bool
) -> None:
    """A million calls of which one changed took a second to ask about; to put a million in order takes as long."""
    plans, shape = Plans(sqlite.dialect(paramstyle="named")), Shape(by_update=True, by_scope=by_scope)
    few = changes_statement(by_scope=by_scope, ascending=ascending, after=False)
    walk = page_statement(shape, ascending=ascending, after=False)

    found = {
        name: " ".join(_steps_of_sqlite(sqlite_database, plans.of(one, {}).sql))
        for name, one in (("few", few), ("count", count_statement(shape)), ("walk", walk))
    }

    assert {name for name, steps in found.items() if "_updated_at_" in steps} == {"few", "count"}
    assert "TEMP B-TREE" not in found["walk"]


def test_statements_are_found() -> None:
    assert len(every_statement()) > 50


def test_a_scan_is_seen(sqlite_database: apsw.Connection, postgres_database: psycopg.Connection[Any]) -> None:
    whole, part = "SELECT count(*) FROM seat", "SELECT 1 FROM seat WHERE team_id = 1"

    assert _full_scans_of_sqlite(sqlite_database, whole) == {"seat"}
    assert _full_scans_of_postgres(postgres_database, whole) == {"seat"}
    assert _full_scans_of_sqlite(sqlite_database, part) == set()
    assert _full_scans_of_postgres(postgres_database, part) == set()


def _sent_to_sqlite() -> list[Named]:
    return [named for named in every_statement() if not ONLY_ON_POSTGRESQL.search(named.name)]


def _unlisted(scans: dict[str, set[str]]) -> dict[str, set[str]]:
    return {name: tables for name, tables in scans.items() if tables and name not in MAY_SCAN}


def _scanned_by_sqlite(connection: apsw.Connection, plan: Plan) -> set[str]:
    return _full_scans_of_sqlite(connection, plan.sql)


def _full_scans_of_sqlite(connection: apsw.Connection, sql: str) -> set[str]:
    steps = _steps_of_sqlite(connection, sql)
    whole = (re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step) for step in steps)
    scanned = {match[1] for match in whole if match and match[2] not in partial_indexes()}
    tables = {alias: table for table, alias in re.findall(r"(?:FROM|JOIN|,) (\w+) AS (\w+)", sql)}
    return {str(tables.get(name, name)) for name in scanned} & team_tables()


def _steps_of_sqlite(connection: apsw.Connection, sql: str) -> list[str]:
    bindings = dict.fromkeys(re.findall(r":(\w+)", sql))
    return [str(step) for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings).fetchall()]


def _scanned_by_postgres(connection: psycopg.Connection[Any], plan: Plan) -> set[str]:
    number = 0

    def numbered(_: re.Match[str]) -> str:
        nonlocal number
        number += 1
        return f"${number}"

    return _full_scans_of_postgres(connection, re.sub(r"%\(\w+\)s", numbered, plan.sql).replace("%%", "%"))


def _full_scans_of_postgres(connection: psycopg.Connection[Any], sql: str) -> set[str]:
    explained = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}".encode()).fetchone()
    assert explained is not None
    return set(_scans_in(explained[0]["Plan"])) & team_tables()


def _scans_in(node: dict[str, Any]) -> Iterator[str]:
    kind = node["Node Type"]
    if kind in CONDITIONS and CONDITIONS[kind] not in node and node.get("Index Name") not in partial_indexes():
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from _scans_in(child)
