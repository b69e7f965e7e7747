"""The chain of the audit trail: what is sealed, and what breaks it."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, select, update

from callfloor.access import audit
from callfloor.access.sealing import BATCH, seal_batch
from callfloor.access.tables import audit_entry, audit_seal
from callfloor.access.verifying import Verified, verify_trail
from callfloor.foundation.database import Database, Tx, open_database
from tests.factories.teams import make_team
from tests.support.server import run_command

NOW = 1_800_000_000_000
KEY = b"a key of the tests, of thirty-two bytes or more"
ADA = audit.Actor(kind="account", id="1", name="Ada", request_id="req", address="192.0.2.1")

_of_third = (audit_entry.c.seq == 3,)
BREACHES: dict[str, tuple[tuple[Executable, ...], int]] = {
    "the entry, or its seal, was changed": ((update(audit_entry).where(*_of_third).values(actor_name="Bob"),), 3),
    "the entry was removed": ((delete(audit_entry).where(*_of_third),), 3),
    "its seal was removed": ((delete(audit_seal).where(audit_seal.c.seq == 3),), 3),
}


@pytest.fixture
def db(fresh_database_url: str) -> Iterator[Database]:
    """A database of this test alone: the chain is one for all teams."""
    database = open_database(fresh_database_url)
    yield database
    database.close_now()


def note(db: Database, team_id: int, count: int) -> None:
    """Write entries, each in its own way."""
    for first in range(0, count, 100):
        db.write_now(functools.partial(note_some, team_id=team_id, numbers=range(first, min(first + 100, count))))


def note_some(tx: Tx, team_id: int, numbers: range) -> None:
    """Write one entry for each number."""
    for n in numbers:
        change = audit.Change(team_id, "thing.changed", "thing", str(n), before={"n": n, "é": [None, 0.1]})
        audit.note(tx, ADA, change, now=NOW)


def seal_all(db: Database) -> None:
    """Seal what is there, as the job does."""
    while db.write_now(functools.partial(seal_batch, hash_key=KEY)):
        pass


def verified(db: Database) -> Verified:
    """Verify the trail."""
    return verify_trail(db, hash_key=KEY)


def test_what_is_written_is_sealed_by_and_by(db: Database) -> None:
    team = make_team(db)
    before = verified(db)
    seal_all(db)
    sealed = verified(db)
    note(db, team.id, 3)
    after = verified(db)

    assert (before.sealed, before.broken) == (0, None)
    assert before.unsealed == sealed.sealed > 0
    assert (sealed.unsealed, sealed.unsealed_since, sealed.broken) == (0, None, None)
    assert (after.sealed, after.unsealed, after.unsealed_since) == (sealed.sealed, 3, NOW)
    assert after.head == sealed.head


def test_a_long_trail_is_sealed_and_verified_in_pieces(db: Database) -> None:
    note(db, make_team(db).id, 2 * BATCH + 7)
    seal_all(db)

    found = verified(db)

    assert (found.unsealed, found.broken) == (0, None)
    assert found.sealed > 2 * BATCH + 7


@pytest.mark.parametrize("reason", list(BREACHES))
def test_names_the_first_entry_that_is_not_as_it_was(db: Database, reason: str) -> None:
    note(db, make_team(db).id, 6)
    seal_all(db)
    statements, seq = BREACHES[reason]

    for statement in statements:
        db.write_now(functools.partial(Tx.run, statement=statement))
    found = verified(db)

    assert found.broken is not None
    assert (found.broken.seq, found.broken.reason, found.sealed) == (seq, reason, seq - 1)


def test_an_end_cut_off_is_seen(db: Database) -> None:
    note(db, make_team(db).id, 6)
    seal_all(db)
    whole = verified(db).sealed

    db.write_now(lambda tx: tx.run(delete(audit_entry).where(audit_entry.c.seq > 4)))
    db.write_now(lambda tx: tx.run(delete(audit_seal).where(audit_seal.c.seq > 4)))
    found = verified(db)

    assert whole > 4
    assert found.broken is not None
    assert found.broken.seq == 5


def test_a_chain_made_without_the_installations_key_is_none(db: Database) -> None:
    note(db, make_team(db).id, 2)
    seal_all(db)

    assert verify_trail(db, hash_key=KEY + b"x").broken is not None


def test_a_trail_is_held_against_what_was_known_of_it(db: Database) -> None:
    note(db, make_team(db).id, 4)
    seal_all(db)
    known = verified(db)
    note(db, make_team(db).id, 1)
    seal_all(db)

    def broken(number: int, seal: str) -> int | None:
        found = verify_trail(db, hash_key=KEY, known=(number, seal)).broken
        return None if found is None else found.seq

    now = verified(db).sealed
    assert broken(known.sealed, known.head) is None
    assert broken(known.sealed, "00" * 32) == known.sealed
    assert broken(now + 1, known.head) == now + 1


def test_entries_are_numbered_in_the_order_they_were_written(db: Database) -> None:
    note(db, make_team(db).id, 50)
    seal_all(db)

    in_order = (
        select(audit_entry.c.object_id).where(audit_entry.c.action == "thing.changed").order_by(audit_entry.c.seq)
    )
    assert [row[0] for row in db.read_now(lambda tx: tx.all(in_order))] == [str(n) for n in range(50)]


class TestCommand:
    def test_tells_by_its_exit_code(self, fresh_database_url: str, tmp_path: Path) -> None:
        where = ["--data", str(tmp_path), "--database", fresh_database_url, "--json"]
        assert run_command("team", "create", "Sales", "--type", "email", *where).returncode == 0
        secret = (tmp_path / "secret.key").read_bytes().strip()
        with opened(fresh_database_url) as run:
            run(lambda db: db.write_now(functools.partial(seal_batch, hash_key=secret)))
        intact = run_command("audit", "verify", *where)
        with opened(fresh_database_url) as run:
            run(lambda db: db.write_now(lambda tx: tx.run(update(audit_entry).values(actor_name="Eve"))))
        broken = run_command("audit", "verify", *where)

        assert intact.returncode == 0
        assert json.loads(intact.stdout)["intact"] is True
        assert json.loads(intact.stdout)["sealed"] > 0
        assert broken.returncode == 1
        assert json.loads(broken.stdout)["first_broken"]["number"] == 1


@contextlib.contextmanager
def opened(url: str) -> Iterator[Callable[[Callable[[Database], object]], object]]:
    """Open the database beside the command line, for a moment."""
    database = open_database(url)
    yield lambda work: work(database)
    database.close_now()
