"""Words that an erasure takes out of the audit trail are gone, and the chain of seals holds all the same."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from sqlalchemy import update

from callfloor.access import audit
from callfloor.access.redacting import redact_entries
from callfloor.access.sealing import seal_batch
from callfloor.access.tables import audit_entry
from callfloor.access.trail import Search, found_entries
from callfloor.access.verifying import verify_trail
from callfloor.foundation.database import Database, Tx, open_database
from tests.factories.teams import make_team

NOW = 1_800_000_000_000
KEY = b"a key of the tests, of thirty-two bytes or more"


@pytest.fixture
def db(fresh_database_url: str) -> Iterator[Database]:
    """A database of this test alone: the chain is one for all teams."""
    database = open_database(fresh_database_url)
    yield database
    database.close_now()


def note(db: Database, team_id: int, call: str, name: str) -> None:
    change = audit.Change(team_id, "call.received", "call", call, after={"name": name})
    db.write_now(functools.partial(audit.note, actor=audit.SYSTEM, change=change, now=NOW))


def seal(db: Database) -> None:
    db.write_now(functools.partial(seal_batch, hash_key=KEY))


@pytest.fixture
def team_id(db: Database) -> int:
    """A team with sealed and unsealed entries about two calls, those about the first redacted."""
    team_id = make_team(db).id
    note(db, team_id, "one", "Cleo asks")
    note(db, team_id, "two", "Dana asks")
    seal(db)
    note(db, team_id, "one", "Cleo again")
    redact = functools.partial(redact_entries, team_id=team_id, object_kind="call", object_id="one", hash_key=KEY)
    assert (db.write_now(redact), db.write_now(redact)) == (2, 0)
    return team_id


def test_the_words_are_gone_and_the_chain_holds(db: Database, team_id: int) -> None:
    seal(db)

    found = db.read_now(functools.partial(found_entries, search=Search(team_id, object_kind="call"), count=10))
    verified = verify_trail(db, hash_key=KEY)

    assert [(one.object_id, one.after) for one in found] == [
        ("one", None),
        ("two", {"name": "Dana asks"}),
        ("one", None),
    ]
    assert (verified.broken, verified.erased, verified.unsealed) == (None, 2, 0)


@pytest.mark.parametrize("change", [{"after": {"name": "Another"}}, {"content_digest": bytes(32)}, {"action": "x"}])
def test_a_redacted_entry_cannot_be_forged(db: Database, team_id: int, change: dict[str, object]) -> None:
    of_first = audit_entry.c.team_id == team_id, audit_entry.c.object_id == "one"

    def forge(tx: Tx) -> None:
        tx.run(update(audit_entry).where(*of_first, audit_entry.c.seq.is_not(None)).values(**change))

    db.write_now(forge)

    broken = verify_trail(db, hash_key=KEY).broken
    assert broken is not None
    assert broken.reason == "the entry, or its seal, was changed"
