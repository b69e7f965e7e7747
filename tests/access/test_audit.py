"""The audit trail: written with the change, or not at all."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callfloor.access import audit
from callfloor.access.tables import audit_entry
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.errors import DomainError
from tests.factories.teams import make_team

NOW = 1_800_000_000_000
ADA = audit.Actor(kind="account", id="1", name="Ada", request_id="req", address="192.0.2.1")

_entries = select(
    audit_entry.c.at,
    audit_entry.c.actor_kind,
    audit_entry.c.actor_id,
    audit_entry.c.actor_name,
    audit_entry.c.object_kind,
    audit_entry.c.object_id,
    audit_entry.c.before,
    audit_entry.c.after,
    audit_entry.c.request_id,
    audit_entry.c.address,
).where(audit_entry.c.team_id == param("team"), audit_entry.c.action == "thing.changed")


def change(team_id: int) -> audit.Change:
    """Return a change of a thing."""
    return audit.Change(team_id, "thing.changed", "thing", "5", before={"a": 1}, after={"a": [None, "ü", 1.5]})


def test_an_entry_says_who_did_what_when_and_from_where(db: Database) -> None:
    team = make_team(db)

    db.write_now(lambda tx: audit.note(tx, ADA, change(team.id), now=NOW))

    assert db.read_now(lambda tx: tx.all(_entries, {"team": team.id})) == [
        (NOW, "account", "1", "Ada", "thing", "5", {"a": 1}, {"a": [None, "ü", 1.5]}, "req", "192.0.2.1")
    ]


def test_an_entry_is_not_written_when_the_change_is_not_made(db: Database) -> None:
    team = make_team(db)

    def refused(tx: Tx) -> None:
        audit.note(tx, ADA, change(team.id), now=NOW)
        raise DomainError("no")

    with pytest.raises(DomainError):
        db.write_now(refused)

    assert db.read_now(lambda tx: tx.all(_entries, {"team": team.id})) == []
