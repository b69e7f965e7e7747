"""Keys that change: their names, their networks, their secrets, the notices before they expire, their last use."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.key_expiry import enqueue_due_notices
from callfloor.access.key_secrets import secret_at_rest
from callfloor.access.key_views import KeyView, key_by_id
from callfloor.access.keys import (
    ChangeKey,
    CreateKey,
    DeleteKey,
    KeyNameTaken,
    change_key,
    create_key,
    delete_key,
    record_uses,
)
from callfloor.access.networks import checked_networks, is_within
from callfloor.access.rotation import EndRotation, NotRotating, RotateKey, end_rotation, rotate_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, Role
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.jobs import newest_jobs
from callfloor.foundation.latest import Latest
from callfloor.teams.principals import KeyRefused, Origin, conversations_principal, portal_principal
from callfloor.teams.teams import Team
from tests.factories.teams import make_conversations_key, make_person, make_portal_key, make_team

NOW = 1_800_000_000_000
YEAR = 365 * DAY
KEY = b"a key of the tests, of thirty-two bytes or more"
HERE = "192.0.2.1"


@pytest.fixture
def is_known(db: Database, runner: asyncio.Runner) -> Callable[..., bool]:
    """Whether a Portal key is let in."""

    def known(name: str, secret: str, *, address: str = HERE, now: int = NOW) -> bool:
        try:
            runner.run(portal_principal(db, name, secret, hash_key=KEY, origin=Origin(address, now)))
        except KeyRefused:
            return False
        return True

    return known


def change(db: Database, team: Team, key_id: int, *, name: str | None = None) -> KeyView:
    """Rename a key."""
    command = ChangeKey(team.id, key_id, OPERATOR, NOW, name=name)
    return db.write_now(lambda tx: change_key(tx, command))


def restrict(db: Database, team: Team, key_id: int, *networks: str) -> KeyView:
    """Bind a key to networks."""
    command = ChangeKey(team.id, key_id, OPERATOR, NOW, networks=networks, sets_networks=True)
    return db.write_now(lambda tx: change_key(tx, command))


def rotate(db: Database, team: Team, key_id: int, *, now: int = NOW, overlap: int = 7 * DAY) -> str:
    """Rotate a key; return its new secret."""
    secret = new_secret()
    command = RotateKey(team.id, key_id, secret_at_rest(secret, key=KEY), OPERATOR, now, overlap)
    db.write_now(lambda tx: rotate_key(tx, command))
    return secret


class TestRename:
    def test_lets_only_the_new_name_in(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        assert change(db, team, key.id, name=" Büro ").name == "Büro"

        assert is_known("Büro", key.secret)
        assert not is_known(key.name, key.secret)

    def test_to_a_name_that_is_taken_is_refused(self, db: Database) -> None:
        team, other = make_team(db), make_team(db)
        key = make_portal_key(db, team, hash_key=KEY, name="one")
        make_portal_key(db, team, hash_key=KEY, name="two")
        make_portal_key(db, other, hash_key=KEY, name="three")

        with pytest.raises(KeyNameTaken):
            change(db, team, key.id, name="two")
        with pytest.raises(InvalidInput):
            change(db, team, key.id, name="a:b")

        assert change(db, team, key.id, name="three").name == "three"
        assert change(db, team, key.id, name="three").name == "three"


class TestNetworks:
    def test_refuse_a_key_from_elsewhere(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        assert restrict(db, team, key.id, "192.0.2.0/30", "2001:db8::/32").networks == ("192.0.2.0/30", "2001:db8::/32")

        answers = {
            address: is_known(key.name, key.secret, address=address)
            for address in ("192.0.2.3", "192.0.2.4", "2001:db8::9", "2001:db9::9", "::ffff:192.0.2.1", "", "x")
        }
        assert [address for address, known in answers.items() if known] == [
            "192.0.2.3",
            "2001:db8::9",
            "::ffff:192.0.2.1",
        ]
        assert restrict(db, team, key.id).networks is None
        assert is_known(key.name, key.secret, address="192.0.2.4")

    def test_hold_for_conversations_keys_too(self, db: Database, runner: asyncio.Runner) -> None:
        team = make_team(db)
        key = make_conversations_key(db, team, hash_key=KEY, now=NOW)
        restrict(db, team, key.id, "203.0.113.9")

        for address, is_refused in [("203.0.113.9", False), (HERE, True)]:
            asked = conversations_principal(db, key.api_key, team.client_id, hash_key=KEY, origin=Origin(address, NOW))
            if is_refused:
                with pytest.raises(KeyRefused):
                    runner.run(asked)
            else:
                assert runner.run(asked).key_id == key.id

    @pytest.mark.parametrize("text", ["", "x", "192.0.2.1/24", "192.0.2.0/33", "192.0.2", "::/129", "192.0.2.0/24 x"])
    def test_that_are_none_are_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput):
            checked_networks([text])

    def test_are_kept_once_each_in_their_usual_form(self) -> None:
        assert checked_networks([" 192.0.2.1 ", "192.0.2.1/32", "2001:DB8::0/64"]) == (
            "192.0.2.1/32",
            "2001:db8::/64",
        )
        assert checked_networks([]) is None
        assert is_within("192.0.2.1", ["192.0.2.1/32"])


class TestRotation:
    def test_lets_both_secrets_in_until_the_old_one_ends(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        new = rotate(db, team, key.id)

        for now, old_is_known in [(NOW, True), (NOW + 7 * DAY - 1, True), (NOW + 7 * DAY, False)]:
            assert is_known(key.name, key.secret, now=now) is old_is_known
            assert is_known(key.name, new, now=now)

    def test_of_a_rotated_key_leaves_two(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        second, third = rotate(db, team, key.id), rotate(db, team, key.id, now=NOW + 1)

        assert [is_known(key.name, secret, now=NOW + 2) for secret in (key.secret, second, third)] == [
            False,
            True,
            True,
        ]
        view = db.read_now(lambda tx: key_by_id(tx, team.id, key.id))
        assert [(one.prefix, one.ends_at) for one in view.secrets] == [
            (third[:6], None),
            (second[:6], NOW + 1 + 7 * DAY),
        ]

    def test_without_overlap_ends_the_old_secret_at_once(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        new = rotate(db, team, key.id, overlap=0)

        assert (is_known(key.name, key.secret), is_known(key.name, new)) == (False, True)
        for overlap in (-1, 91 * DAY):
            with pytest.raises(InvalidInput):
                rotate(db, team, key.id, overlap=overlap)

    def test_is_ended_by_hand(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)
        new = rotate(db, team, key.id)
        end = EndRotation(team.id, key.id, OPERATOR, NOW)

        db.write_now(lambda tx: end_rotation(tx, end))

        assert (is_known(key.name, key.secret), is_known(key.name, new)) == (False, True)
        with pytest.raises(NotRotating):
            db.write_now(lambda tx: end_rotation(tx, end))

    def test_begins_the_year_of_a_conversations_key_anew(self, db: Database) -> None:
        team = make_team(db)
        key = make_conversations_key(db, team, hash_key=KEY, now=NOW)
        later = NOW + YEAR - DAY

        rotate(db, team, key.id, now=later)

        view = db.read_now(lambda tx: key_by_id(tx, team.id, key.id))
        assert view.expires_at == later + YEAR
        assert [one.ends_at for one in view.secrets] == [None, NOW + YEAR]

    def test_of_a_deleted_key_leaves_no_secret(self, db: Database, is_known: Callable[..., bool]) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)
        new = rotate(db, team, key.id)

        db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, key.id, OPERATOR, NOW)))

        assert (is_known(key.name, key.secret), is_known(key.name, new)) == (False, False)


class TestUses:
    def test_of_several_processes_the_newest_wins(self, db: Database) -> None:
        team = make_team(db)
        key = make_portal_key(db, team, hash_key=KEY)

        for used_at in (NOW + 5, NOW + 9, NOW + 7):
            uses = {(team.id, key.id): used_at, (team.id, 2**40): used_at}
            db.write_now(functools.partial(record_uses, uses=uses))

        assert db.read_now(lambda tx: key_by_id(tx, team.id, key.id)).last_used_at == NOW + 9

    def test_that_could_not_be_written_are_kept(self) -> None:
        uses: Latest[str] = Latest()
        uses.note("a", 1)
        uses.note("b", 1)
        taken = uses.take()
        uses.note("a", 2)

        uses.put_back(taken)

        assert uses.take() == {"a": 2, "b": 1}
        assert uses.take() == {}


class TestNotices:
    def test_come_30_7_and_1_days_before_and_once_each(self, db: Database) -> None:
        team = make_team(db, seats=5)
        ada, bob = f"{new_id()}@people.example", f"{new_id()}@people.example"
        make_person(db, team, email=ada, role=Role.ADMIN)
        maker = make_person(db, team, email=bob).account_id
        make_person(db, team)
        key = make_conversations_key(db, team, hash_key=KEY, now=NOW, made_by=maker)

        told: dict[int, int] = {}
        for days in (40, 31, 30, 29, 8, 7, 6, 2, 1, 0):
            for _ in range(2):
                before = len(self.mails(db, team))
                db.write_now(functools.partial(enqueue_due_notices, now=NOW + YEAR - days * DAY))
                told[days] = told.get(days, 0) + len(self.mails(db, team)) - before

        assert told == {40: 0, 31: 0, 30: 2, 29: 0, 8: 0, 7: 2, 6: 0, 2: 0, 1: 2, 0: 0}
        mails = self.mails(db, team)
        assert {mail["to"] for mail in mails} == {ada, bob}
        assert {mail["args"]["key_id"] for mail in mails} == {key.id}

    def test_of_a_key_that_nobody_looked_at_for_long_is_one(self, db: Database) -> None:
        team = make_team(db, seats=1)
        make_person(db, team, role=Role.ADMIN)
        make_conversations_key(db, team, hash_key=KEY, now=NOW)

        for _ in range(3):
            db.write_now(lambda tx: enqueue_due_notices(tx, NOW + YEAR - DAY // 2))

        assert len(self.mails(db, team)) == 1

    def test_begin_anew_after_a_rotation(self, db: Database) -> None:
        team = make_team(db, seats=1)
        make_person(db, team, role=Role.ADMIN)
        key = make_conversations_key(db, team, hash_key=KEY, now=NOW)
        db.write_now(lambda tx: enqueue_due_notices(tx, NOW + YEAR - DAY))
        rotate(db, team, key.id, now=NOW + YEAR - DAY)

        db.write_now(lambda tx: enqueue_due_notices(tx, NOW + 2 * YEAR - 2 * DAY))

        assert len(self.mails(db, team)) == 2

    def mails(self, db: Database, team: Team) -> list[dict[str, Any]]:
        """Return what is to be sent for the team."""
        jobs = db.read_now(lambda tx: newest_jobs(tx, team_id=team.id, count=100))
        return [dict(job.args) for job in jobs if job.kind == "send_mail"]


def test_the_prefix_of_a_secret_is_all_that_is_shown_of_it(db: Database) -> None:
    team, secret = make_team(db), new_secret()
    at_rest = secret_at_rest(secret, key=KEY)
    command = CreateKey(team.id, KeyKind.PORTAL, "ops", at_rest.hash, OPERATOR, NOW, prefix=at_rest.prefix)

    made = db.write_now(lambda tx: create_key(tx, command))

    (kept,) = db.read_now(lambda tx: key_by_id(tx, team.id, made.id)).secrets
    assert (kept.prefix, len(kept.prefix), at_rest.hash) == (secret[:6], 6, keyed_hash(secret, key=KEY))
