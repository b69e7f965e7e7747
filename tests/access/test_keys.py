"""Keys: what they may be called, how long they live, what is kept of them."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select

from callfloor.access.audit import OPERATOR, Actor
from callfloor.access.key_views import KeyNotFound, keys_of_team
from callfloor.access.keys import CreateKey, DeleteKey, KeyNameTaken, create_key, delete_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, audit_entry
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database, param
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.ids import new_secret
from callfloor.teams.teams import Team
from tests.factories.teams import make_portal_key, make_team

NOW = 1_800_000_000_000
KEY = b"a key of the tests, of thirty-two bytes or more"
CLEO = Actor(kind="account", id="9", name="Cleo", request_id="77aa", address="2001:db8::9")

_trail = (
    select(
        audit_entry.c.action,
        audit_entry.c.actor_name,
        audit_entry.c.request_id,
        audit_entry.c.address,
        audit_entry.c.object_id,
        audit_entry.c.before,
        audit_entry.c.after,
    )
    .where(audit_entry.c.team_id == param("team"), audit_entry.c.object_kind == "key")
    .order_by(audit_entry.c.at, audit_entry.c.id)
)


def command(team: Team, name: str, kind: KeyKind = KeyKind.PORTAL, actor: Actor = OPERATOR) -> CreateKey:
    """Return the command that makes a key."""
    return CreateKey(team.id, kind, name, keyed_hash(new_secret(), key=KEY), actor, NOW)


class TestName:
    @pytest.mark.parametrize(
        "name",
        ["", " ", "a:b", ":", "a\nb", "a\x00b", "a\tb", "\x1b", "a\x7fb", "a\x85b", "\ud800", "a\u2028b", "n" * 65],
    )
    def test_that_cannot_be_sent_or_read_is_refused(self, db: Database, name: str) -> None:
        team = make_team(db)

        with pytest.raises(InvalidInput) as refused:
            db.write_now(lambda tx: create_key(tx, command(team, name)))

        assert [one.field for one in refused.value.errors] == ["name"]
        assert db.read_now(lambda tx: keys_of_team(tx, team.id)) == []

    @pytest.mark.parametrize(
        "name", ["a", "n" * 64, "ö" * 64, "Büro Nord", "客服", "a b", "👩\u200d💻", "a\u00a0b", "%"]
    )
    def test_of_any_other_form_is_taken(self, db: Database, name: str) -> None:
        team = make_team(db)

        assert db.write_now(lambda tx: create_key(tx, command(team, name))).name == name

    def test_is_given_once_a_kind_and_team(self, db: Database) -> None:
        ours, theirs = make_team(db), make_team(db)
        db.write_now(lambda tx: create_key(tx, command(ours, "ops")))

        with pytest.raises(KeyNameTaken):
            db.write_now(lambda tx: create_key(tx, command(ours, " ops ")))

        db.write_now(lambda tx: create_key(tx, command(theirs, "ops")))
        db.write_now(lambda tx: create_key(tx, command(ours, "Ops")))
        assert [key.name for key in db.read_now(lambda tx: keys_of_team(tx, ours.id))] == ["ops", "Ops"]

    def test_is_free_again_after_its_key_is_deleted(self, db: Database) -> None:
        team = make_team(db)
        first = db.write_now(lambda tx: create_key(tx, command(team, "ops")))
        db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, first.id, OPERATOR, NOW)))

        second = db.write_now(lambda tx: create_key(tx, command(team, "ops")))

        assert second.id > first.id


class TestLife:
    def test_of_a_conversations_key_is_a_year(self, db: Database) -> None:
        team = make_team(db)
        made = db.write_now(lambda tx: create_key(tx, command(team, "crm", KeyKind.CONVERSATIONS)))

        assert made.expires_at == NOW + 365 * clock.DAY

    def test_of_a_portal_key_has_no_end(self, db: Database) -> None:
        team = make_team(db)

        assert db.write_now(lambda tx: create_key(tx, command(team, "ops"))).expires_at is None


class TestDelete:
    def test_of_another_teams_key_finds_none(self, db: Database) -> None:
        ours, theirs = make_team(db), make_team(db)
        key = db.write_now(lambda tx: create_key(tx, command(ours, "ops")))

        for team_id, key_id in [(theirs.id, key.id), (ours.id, 2**40)]:
            with pytest.raises(KeyNotFound):
                db.write_now(functools.partial(delete_key, command=DeleteKey(team_id, key_id, OPERATOR, NOW)))

        assert [one.id for one in db.read_now(lambda tx: keys_of_team(tx, ours.id))] == [key.id]

    def test_leaves_a_trail_of_both_ends(self, db: Database) -> None:
        team = make_team(db)
        key = db.write_now(lambda tx: create_key(tx, command(team, "crm", KeyKind.CONVERSATIONS, CLEO)))
        db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, key.id, CLEO, NOW + 1)))

        created, deleted = db.read_now(lambda tx: tx.all(_trail, {"team": team.id}))

        who = ("Cleo", "77aa", "2001:db8::9", str(key.id))
        after = {"kind": "conversations", "name": "crm", "expires_at": key.expires_at}
        assert created == ("key.created", *who, None, after)
        assert deleted == ("key.deleted", *who, {"kind": "conversations", "name": "crm"}, None)


class TestAtRest:
    def test_the_secret_is_nowhere(self, fresh_database_url: str) -> None:
        db = open_database(fresh_database_url)
        team = make_team(db)
        kept = make_portal_key(db, team, hash_key=KEY, name="a name to be found")
        gone = make_portal_key(db, team, hash_key=KEY, name="another")
        db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, gone.id, OPERATOR, NOW)))

        content = everything_in(fresh_database_url)
        db.close_now()

        assert b"a name to be found" in content
        for secret in (kept.secret, gone.secret):
            raw = base64.urlsafe_b64decode(secret + "=")
            for form in (secret.encode(), raw, raw.hex().encode(), base64.b64encode(raw), secret[:20].encode()):
                assert form not in content

    def test_the_hash_needs_the_installations_key(self) -> None:
        secret = new_secret()

        digests = {keyed_hash(secret, key=KEY), keyed_hash(secret, key=KEY + b"x"), keyed_hash(secret + "x", key=KEY)}

        assert len(digests) == 3
        assert {len(digest) for digest in digests} == {32}
        assert keyed_hash(secret, key=KEY) in digests

    def test_secrets_are_256_random_bits(self) -> None:
        secrets = {new_secret() for _ in range(1000)}

        assert len(secrets) == 1000
        assert {len(base64.urlsafe_b64decode(secret + "=")) for secret in secrets} == {32}


def everything_in(url: str) -> bytes:
    """Return every byte of the database: its files, or every row of every table as text."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        rows = [
            row
            for (table,) in tables
            for row in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
        ]
    return "\n".join(text for (text,) in rows).encode()
