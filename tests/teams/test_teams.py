"""Teams made and changed, and who a key belongs to."""

from __future__ import annotations

import asyncio
import functools
import uuid

import pytest
from sqlalchemy import select

from callfloor.access.audit import OPERATOR, Actor
from callfloor.access.keys import CONVERSATIONS_KEY_LIFE
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import audit_entry
from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.errors import InvalidInput
from callfloor.teams.principals import KeyRefused, Origin, conversations_principal, portal_principal
from callfloor.teams.tables import Payment, TeamType, team
from callfloor.teams.teams import (
    CreateTeam,
    NotADeviceTeam,
    SetBilling,
    TeamNotFound,
    add_domain,
    create_team,
    domains_of_team,
    rotate_device_secret,
    set_billing,
    team_by_id,
)
from tests.factories.teams import make_conversations_key, make_person, make_portal_key, make_team

NOW = 1_800_000_000_000
KEY = b"a key of the tests, of thirty-two bytes or more"
HERE = Origin("192.0.2.1", NOW)
BEN = Actor(kind="account", id="7", name="Ben", request_id="3f0c", address="192.0.2.7")

_secret = select(team.c.device_secret_hash).where(team.c.id == param("team"))
_trail = (
    select(
        audit_entry.c.action,
        audit_entry.c.at,
        audit_entry.c.actor_kind,
        audit_entry.c.actor_id,
        audit_entry.c.actor_name,
        audit_entry.c.request_id,
        audit_entry.c.address,
        audit_entry.c.before,
        audit_entry.c.after,
    )
    .where(audit_entry.c.team_id == param("team"))
    .order_by(audit_entry.c.at, audit_entry.c.id)
)


def command(name: str, type_: TeamType = TeamType.EMAIL) -> CreateTeam:
    """Return the command that makes a team."""
    return CreateTeam(name, type_, Payment.CARD, 1000, "USD", None, OPERATOR, NOW)


class TestCreateTeam:
    def test_gives_it_a_client_id_of_its_own(self, db: Database) -> None:
        first, second = make_team(db), make_team(db, type_=TeamType.DEVICE, payment=Payment.INVOICE)

        assert str(uuid.UUID(first.client_id)) == first.client_id != second.client_id
        assert (second.type, second.payment, second.activity_billing) == (TeamType.DEVICE, Payment.INVOICE, False)
        assert db.read_now(lambda tx: team_by_id(tx, second.id)) == second

    @pytest.mark.parametrize("name", ["", "  ", "a" * 201, "a\nb", "a\x00b", "\x1b[1m", "\ud800"])
    def test_refuses_a_name_that_cannot_be_shown(self, db: Database, name: str) -> None:
        with pytest.raises(InvalidInput):
            db.write_now(lambda tx: create_team(tx, command(name)))

    @pytest.mark.parametrize("name", ["a", "a" * 200, "Team 1: Nord/Süd", "客服中心", " trimmed "])
    def test_takes_any_other(self, db: Database, name: str) -> None:
        assert db.write_now(lambda tx: create_team(tx, command(name))).name == name.strip()

    def test_may_share_its_name(self, db: Database) -> None:
        ids = {db.write_now(lambda tx: create_team(tx, command("Twins"))).id for _ in range(2)}

        assert len(ids) == 2


class TestSetBilling:
    def test_changes_what_is_given_and_leaves_a_trail(self, db: Database) -> None:
        ours = make_team(db)

        def verb(tx: Tx) -> None:
            set_billing(tx, SetBilling(ours.id, Payment.INVOICE, None, BEN, NOW))
            set_billing(tx, SetBilling(ours.id, None, True, BEN, NOW + 1))

        db.write_now(verb)

        after = db.read_now(lambda tx: team_by_id(tx, ours.id))
        assert (after.payment, after.activity_billing) == (Payment.INVOICE, True)
        made, *changes = db.read_now(lambda tx: tx.all(_trail, {"team": ours.id}))
        assert made[0] == "team.created"
        who = ("account", "7", "Ben", "3f0c", "192.0.2.7")
        card, invoice, activity = [
            {"payment": payment, "activity_billing": on}
            for payment, on in [("card", False), ("invoice", False), ("invoice", True)]
        ]
        assert changes == [
            ("team.billing_changed", NOW, *who, card, invoice),
            ("team.billing_changed", NOW + 1, *who, invoice, activity),
        ]

    def test_of_no_team(self, db: Database) -> None:
        with pytest.raises(TeamNotFound):
            db.write_now(lambda tx: set_billing(tx, SetBilling(2**40, None, True, OPERATOR, NOW)))


class TestDeviceSecret:
    def test_is_replaced(self, db: Database) -> None:
        ours = make_team(db, type_=TeamType.DEVICE)

        for secret in ("first", "second"):
            digest = keyed_hash(secret, key=KEY + str(ours.id).encode())
            rotate = functools.partial(
                rotate_device_secret, team_id=ours.id, device_secret_hash=digest, actor=OPERATOR, now=NOW
            )
            db.write_now(rotate)

            assert db.read_now(lambda tx: tx.all(_secret, {"team": ours.id})) == [(digest,)]

    def test_is_none_of_an_email_team(self, db: Database) -> None:
        ours = make_team(db)

        with pytest.raises(NotADeviceTeam):
            db.write_now(lambda tx: rotate_device_secret(tx, ours.id, b"x", actor=OPERATOR, now=NOW))


class TestDomain:
    def test_is_added_once_in_lower_case(self, db: Database) -> None:
        ours = make_team(db)

        for given in ("Company.Example", "@company.example", " other.local "):
            db.write_now(functools.partial(add_domain, team_id=ours.id, domain=given, actor=OPERATOR, now=NOW))

        assert db.read_now(lambda tx: domains_of_team(tx, ours.id)) == {"company.example", "other.local"}
        trail = [row[0] for row in db.read_now(lambda tx: tx.all(_trail, {"team": ours.id}))]
        assert trail.count("team.domain_added") == 2

    @pytest.mark.parametrize(
        "domain", ["", "a", "a b.cc", "-a.cc", "a..cc", "a@b.cc", "http://a.cc", "a.cc/", "a.\x00c"]
    )
    def test_that_is_none_is_refused(self, db: Database, domain: str) -> None:
        ours = make_team(db)

        with pytest.raises(InvalidInput):
            db.write_now(lambda tx: add_domain(tx, ours.id, domain, actor=OPERATOR, now=NOW))


class TestPrincipal:
    def test_of_a_portal_key_knows_its_team(self, db: Database, runner: asyncio.Runner) -> None:
        ours = make_team(db, type_=TeamType.DEVICE, payment=Payment.INVOICE, activity_billing=True)
        key = make_portal_key(db, ours, hash_key=KEY, name="ops")

        who = runner.run(portal_principal(db, "ops", key.secret, hash_key=KEY, origin=HERE))

        assert (who.team_id, who.team_type, who.payment, who.activity_billing) == (ours.id, "device", "invoice", True)
        assert who.actor(request_id="r", address="192.0.2.1") == Actor(
            "portal_key", str(key.id), "ops", "r", "192.0.2.1"
        )

    def test_of_a_conversations_key_lives_a_year(self, db: Database, runner: asyncio.Runner) -> None:
        ours = make_team(db, seats=1)
        maker = make_person(db, ours).account_id
        key = make_conversations_key(db, ours, hash_key=KEY, now=NOW, made_by=maker)

        def asked_at(now: int, client_id: str = ours.client_id) -> int | None:
            return runner.run(
                conversations_principal(db, key.api_key, client_id, hash_key=KEY, origin=Origin("192.0.2.1", now))
            ).made_by_account_id

        assert asked_at(NOW) == maker
        assert asked_at(NOW + 365 * clock.DAY - 1) == maker
        for now, client_id in [
            (NOW + CONVERSATIONS_KEY_LIFE, ours.client_id),
            (NOW, make_team(db).client_id),
            (NOW, ours.client_id.upper()),
            (NOW, ""),
        ]:
            with pytest.raises(KeyRefused):
                asked_at(now, client_id)

    def test_of_one_kind_is_none_of_the_other(self, db: Database, runner: asyncio.Runner) -> None:
        ours = make_team(db)
        portal = make_portal_key(db, ours, hash_key=KEY, name="same")
        conversations = make_conversations_key(db, ours, hash_key=KEY, name="same")

        with pytest.raises(KeyRefused):
            runner.run(portal_principal(db, "same", conversations.api_key, hash_key=KEY, origin=HERE))
        with pytest.raises(KeyRefused):
            runner.run(conversations_principal(db, portal.secret, ours.client_id, hash_key=KEY, origin=HERE))

    def test_is_none_under_another_installations_key(self, db: Database, runner: asyncio.Runner) -> None:
        key = make_portal_key(db, make_team(db), hash_key=KEY)

        with pytest.raises(KeyRefused):
            runner.run(portal_principal(db, key.name, key.secret, hash_key=KEY + b"x", origin=HERE))
