"""People join teams: one account an address, one seat a person."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callfloor.access.accounts import AlreadyMember, NewMember, member_by_email
from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role, account, audit_entry, membership
from callfloor.foundation.database import Database, param
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.ids import new_id
from callfloor.teams.people import add_person
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import TeamNotFound
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

NOW = 1_800_000_000_000

_members = select(membership.c.account_id, membership.c.role).where(membership.c.team_id == param("team"))
_account = select(account.c.email, account.c.first_name, account.c.password_hash).where(account.c.id == param("id"))
_trail = select(audit_entry.c.object_id, audit_entry.c.before, audit_entry.c.after).where(
    audit_entry.c.team_id == param("team"), audit_entry.c.action == param("action")
)


def address() -> str:
    """Return an address nobody has."""
    return f"{new_id()}@people.example"


class TestAddPerson:
    def test_seats_a_person_of_an_email_team_on_the_lowest_free_seat(self, db: Database) -> None:
        team = make_team(db, seats=3)

        added = [make_person(db, team, role=Role.ADMIN), make_person(db, team)]

        seats = seats_of(db, team.id)
        assert [one.seat_id for one in added] == [seat_id for seat_id, *_ in seats[:2]]
        assert [row[1:] for row in seats] == [("assigned", "admin"), ("assigned", "user"), ("unassigned", "user")]
        assert_counts_hold(db, team.id)

    def test_seats_nobody_in_a_device_team(self, db: Database) -> None:
        team = make_team(db, type_=TeamType.DEVICE, seats=1)

        added = make_person(db, team, role=Role.CONFIGURATOR)

        assert added.seat_id is None
        assert [row[1] for row in seats_of(db, team.id)] == ["unassigned"]
        assert db.read_now(lambda tx: tx.all(_members, {"team": team.id})) == [(added.account_id, "configurator")]

    def test_without_a_free_seat_changes_nothing(self, db: Database) -> None:
        team, email = make_team(db, seats=1), address()
        make_person(db, team)

        with pytest.raises(NoEmptySeat):
            make_person(db, team, email=email)

        assert db.read_now(lambda tx: member_by_email(tx, team.id, email)) is None
        assert len(db.read_now(lambda tx: tx.all(_members, {"team": team.id}))) == 1
        assert_counts_hold(db, team.id)

    def test_refuses_a_member_in_any_spelling_and_takes_no_seat(self, db: Database) -> None:
        team, email = make_team(db, seats=3), address()
        make_person(db, team, email=email)

        for spelling in (email, email.upper(), f"  {email.title()} "):
            with pytest.raises(AlreadyMember):
                make_person(db, team, email=spelling)

        assert [row[1] for row in seats_of(db, team.id)] == ["assigned", "unassigned", "unassigned"]

    def test_is_told_of_a_member_before_a_full_team(self, db: Database) -> None:
        team, email = make_team(db, seats=1), address()
        make_person(db, team, email=email)

        with pytest.raises(AlreadyMember):
            make_person(db, team, email=email)

    def test_keeps_one_account_for_two_teams(self, db: Database) -> None:
        email = address()
        first = make_person(db, make_team(db, seats=1), email=email)

        second = make_person(db, make_team(db, seats=1), email=email.upper(), role=Role.ADMIN)

        assert second.account_id == first.account_id
        assert db.read_now(lambda tx: tx.all(_account, {"id": first.account_id})) == [(email, "Ada", None)]

    def test_finds_no_team(self, db: Database) -> None:
        member = NewMember(2**40, address(), Role.USER, NOW)

        with pytest.raises(TeamNotFound):
            db.write_now(lambda tx: add_person(tx, member, OPERATOR))

    def test_leaves_a_trail(self, db: Database) -> None:
        team, email = make_team(db, seats=1), address()

        added = make_person(db, team, email=email, role=Role.ANALYTICS)

        ((object_id, before, after),) = db.read_now(
            lambda tx: tx.all(_trail, {"team": team.id, "action": "membership.created"})
        )
        assert (object_id, before) == (str(added.account_id), None)
        assert after == {"email": email, "role": "analytics", "seat_id": added.seat_id}
        ((seat_id, *_),) = db.read_now(lambda tx: tx.all(_trail, {"team": team.id, "action": "seat.assigned"}))
        assert seat_id == str(added.seat_id)


class TestAddress:
    @pytest.mark.parametrize(
        "email",
        [
            *[" ", "a", "@", "a@", "@b.cc", "a@b", "a@b.", "a@.b", "a@b..c", "a..b@c.dd", "a b@c.dd", "a@b c.dd"],
            *["a@b@c.dd", "a@b.c,d@e.ff", "<a@b.cc>", "Ada <a@b.cc>", "a\x00@b.cc", "a\x7f@b.cc", "\ud800@b.cc"],
            *["a@b.c;d", f"{'a' * 250}@b.cc", "a\n@b.cc", "a@b.c\u2028c"],
        ],
    )
    def test_that_is_none(self, db: Database, email: str) -> None:
        team = make_team(db, seats=1)

        with pytest.raises(InvalidInput) as refused:
            make_person(db, team, email=email)

        assert [one.field for one in refused.value.errors] == ["email"]
        assert [row[1] for row in seats_of(db, team.id)] == ["unassigned"]

    @pytest.mark.parametrize(
        "form", ["{}@host.test", "{}@a.local", "{}+tag@x.y.zz", "o'{}@b.internal", "{}@münchen.example", "{}@b.c1"]
    )
    def test_of_a_private_network_is_taken(self, db: Database, form: str) -> None:
        assert make_person(db, make_team(db, seats=1), email=form.format(new_id())).seat_id

    def test_is_compared_without_case_beyond_ascii(self, db: Database) -> None:
        team, number = make_team(db, seats=2), new_id()
        make_person(db, team, email=f"JÖRG.{number}@people.example")

        with pytest.raises(AlreadyMember):
            make_person(db, team, email=f"jörg.{number}@PEOPLE.example")

    def test_belongs_to_the_team_it_is_asked_in(self, db: Database) -> None:
        ours, theirs, email = make_team(db, seats=1), make_team(db, seats=1), address()
        ada = make_person(db, ours, email=email)

        assert db.read_now(lambda tx: member_by_email(tx, ours.id, email.upper())) == ada.account_id
        assert db.read_now(lambda tx: member_by_email(tx, theirs.id, email)) is None
