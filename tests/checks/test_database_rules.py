"""The rules about tables, statements, verbs and transactions."""

from __future__ import annotations

from pathlib import Path

from checks import (
    append_only,
    no_deferrable,
    one_sqlite,
    python_defaults,
    statements_are_constants,
    sync_verbs,
    table_ownership,
    transactions,
)
from tests.checks.planted import DOMAIN, caught


class TestTableOwnership:
    def test_catches_a_change_of_another_domains_table(self, tmp_path: Path) -> None:
        files = {
            "src/callfloor/webhooks/deliveries.py": """\
                from sqlalchemy import delete, select
                from callfloor.foundation.database import upsert
                from callfloor.teams import tables as theirs
                from callfloor.teams.tables import seat

                read = select(seat.c.id)
                remove = delete(seat)
                add = upsert(theirs.seat)
                change = seat.update()
                """
        }

        assert caught(table_ownership.breaches, tmp_path, files) == [
            ("src/callfloor/webhooks/deliveries.py", line) for line in (7, 8, 9)
        ]

    def test_lets_a_domain_change_its_own(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": """\
                from sqlalchemy import delete
                from callfloor.teams.tables import seat

                remove = delete(seat)
                found = {}.update(a=1)
                """
        }

        assert caught(table_ownership.breaches, tmp_path, files) == []

    def test_catches_a_table_outside_tables(self, tmp_path: Path) -> None:
        table = "from sqlalchemy import Table\nseat = Table('seat', None)\n"
        files = {f"{DOMAIN}/seats.py": table, f"{DOMAIN}/tables.py": table}

        assert caught(table_ownership.breaches, tmp_path, files) == [(f"{DOMAIN}/seats.py", 2)]


class TestTransactions:
    def test_catches_who_begins_or_commits(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": """\
                def add_seat(connection):
                    with connection.transaction():
                        connection.execute("COMMIT")
                """,
            "src/callfloor/foundation/database/sqlite.py": "connection.execute('BEGIN IMMEDIATE')\n",
        }

        assert caught(transactions.breaches, tmp_path, files) == [(f"{DOMAIN}/seats.py", 2), (f"{DOMAIN}/seats.py", 3)]


class TestOneSqlite:
    def test_catches_another_library_an_engine_and_the_orm_in_tests_too(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": "from sqlalchemy import create_engine, select\nfrom sqlalchemy.orm import Session\n",
            "tests/teams/test_seats.py": "def test():\n    import sqlite3\n",
            "benchmarks/seats.py": "import aiosqlite as db\n",
            "src/callfloor/foundation/database/migrate.py": "from sqlalchemy import create_engine\n",
        }

        assert caught(one_sqlite.breaches, tmp_path, files) == [
            ("benchmarks/seats.py", 1),
            (f"{DOMAIN}/seats.py", 1),
            (f"{DOMAIN}/seats.py", 2),
            ("tests/teams/test_seats.py", 2),
        ]


class TestNoDeferrable:
    def test_catches_it_in_tables_and_in_migrations(self, tmp_path: Path) -> None:
        migration = "src/callfloor/migrations/versions/20261122_first_light.py"
        files = {
            f"{DOMAIN}/tables.py": "key = ForeignKey('team.id', deferrable=True)\n",
            migration: "op.execute('ALTER TABLE seat ADD CHECK (id > 0) INITIALLY DEFERRED')\n",
        }

        assert caught(no_deferrable.breaches, tmp_path, files) == [(migration, 1), (f"{DOMAIN}/tables.py", 1)]


class TestPythonDefaults:
    def test_catches_a_default_but_not_the_servers(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/tables.py": """\
                from sqlalchemy import Column
                a = Column(server_default="0")
                b = Column(default=0)
                c = Column(onupdate=list)
                """
        }

        assert caught(python_defaults.breaches, tmp_path, files) == [
            (f"{DOMAIN}/tables.py", 3),
            (f"{DOMAIN}/tables.py", 4),
        ]


class TestStatementsAreConstants:
    def test_catches_a_statement_built_when_called(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/queries.py": """\
                from sqlalchemy import select
                from callfloor.foundation.database import upsert

                def seats(tx, status):
                    return tx.all(select(status))

                async def page(tx):
                    return _built()

                def _built():
                    return upsert(None)

                later = lambda: select(1)
                """
        }

        assert caught(statements_are_constants.breaches, tmp_path, files) == [
            (f"{DOMAIN}/queries.py", line) for line in (5, 11, 13)
        ]

    def test_lets_constants_cached_functions_and_their_parts_stand(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/queries.py": """\
                import functools
                from sqlalchemy import select

                every = select(1)

                @functools.cache
                def page(*, by_status):
                    return _narrowed(select(1), by_status)

                def _narrowed(statement, by_status):
                    return statement.where(select(2)) if by_status else statement
                """
        }

        assert caught(statements_are_constants.breaches, tmp_path, files) == []

    def test_follows_a_builder_into_the_modules_that_call_it(self, tmp_path: Path) -> None:
        builder = "from sqlalchemy import select\ndef numbered(table):\n    return select(table)\n"
        files = {
            "src/callfloor/foundation/sequence/numbering.py": builder,
            "src/callfloor/foundation/outbox.py": """\
                from callfloor.foundation.sequence import numbered
                OUTBOX = numbered(1)
                """,
        }

        assert caught(statements_are_constants.breaches, tmp_path, files) == []

        files["src/callfloor/foundation/feed.py"] = """\
            from callfloor.foundation.sequence.numbering import numbered
            def changes():
                return numbered(2)
            """
        assert caught(statements_are_constants.breaches, tmp_path, files) == [
            ("src/callfloor/foundation/sequence/numbering.py", 3)
        ]


class TestSyncVerbs:
    def test_catches_a_verb_that_waits_or_looks_outside(self, tmp_path: Path) -> None:
        files = {
            f"{DOMAIN}/seats.py": """\
                import time
                from callfloor.foundation import clock
                from callfloor.foundation.database import Tx

                async def add_seat(tx: Tx, name: str) -> None: ...

                def move_seat(tx: Tx, now: int) -> None:
                    clock.now()
                    time.sleep(1)
                    open("seat")

                async def seats(db) -> None: ...

                def edge() -> int:
                    return clock.now()
                """
        }

        assert caught(sync_verbs.breaches, tmp_path, files) == [
            (f"{DOMAIN}/seats.py", line) for line in (5, 8, 9, 10, 12)
        ]

    def test_catches_a_route_that_uses_the_transaction(self, tmp_path: Path) -> None:
        route = "async def seats(db):\n    return await db.report(lambda tx: tx.all(None))\n"
        files = {f"{DOMAIN}/api.py": route, "src/callfloor/portal_api/seats.py": route, f"{DOMAIN}/queries.py": route}

        assert caught(sync_verbs.breaches, tmp_path, files) == [
            ("src/callfloor/portal_api/seats.py", 2),
            (f"{DOMAIN}/api.py", 2),
        ]


class TestAppendOnly:
    def test_catches_whoever_rewrites_the_audit_trail(self, tmp_path: Path) -> None:
        files = {
            "src/callfloor/access/clean_up.py": """\
                from sqlalchemy import delete, insert, select, update
                from callfloor.access import tables
                from callfloor.access.tables import audit_entry, audit_seal, session

                note = insert(audit_entry)
                read = select(audit_entry.c.id)
                ended = delete(session)
                gone = delete(audit_entry).where(audit_entry.c.at < 5)
                mended = update(tables.audit_entry)
                unsealed = audit_seal.delete()
                """
        }

        assert caught(append_only.breaches, tmp_path, files) == [
            ("src/callfloor/access/clean_up.py", line) for line in (8, 9, 10)
        ]
