"""Inviting and unassigning, by a client written from the contract alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.teams import Team, set_inviting
from tests.contracts.portal_client import PortalClient
from tests.factories.invitations import NOW
from tests.factories.teams import make_person, make_team

PortalOf = Callable[[Team], PortalClient]


def address() -> str:
    return f"{new_id()}@people.example"


@pytest.mark.parametrize("form", [False, True])
def test_invites_to_the_lowest_free_seat(db: Database, portal: PortalOf, *, form: bool) -> None:
    client, email = portal(make_team(db, seats=2)), address()
    free = [row["id"] for row in client.every_seat()]

    answer = client.invite(email, form=form)

    assert (answer.data["id"], answer.data["email"]) == (free[0], email)
    first, second = client.every_seat()
    assert (first["status"], first["role"], first["user"]) == ("invited", "user", None)
    assert second["status"] == "unassigned"
    assert client.seats(status="invited").data["count"] == 1


@pytest.mark.parametrize(
    "email", [None, 7, True, ["a@b.example"], {"a": 1}, "", "ada", "ada@host", "a@b.example,c@d.example"]
)
def test_an_address_must_be_one(db: Database, portal: PortalOf, email: object) -> None:
    answer = portal(make_team(db, seats=1)).invite(email)

    assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"email"})


@pytest.mark.parametrize("host", ["pbx.test", "office.local", "10.0.0.1.example"])
def test_private_ends_are_accepted(db: Database, portal: PortalOf, host: str) -> None:
    assert portal(make_team(db, seats=1)).invite(f"{new_id()}@{host}").error is None


def test_a_member_and_an_invited_person_come_before_the_missing_seat(db: Database, portal: PortalOf) -> None:
    team, member = make_team(db, seats=2), address()
    make_person(db, team, email=member)
    client = portal(team)
    invited = client.invite(address()).data["email"]

    assert client.invite(member.upper()).error == "ALREADY_MEMBER"
    assert client.invite(invited.upper()).error == "ALREADY_MEMBER"
    assert client.invite(address()).error == "NOT_EMPTY_SEAT"


def test_device_teams_and_teams_without_inviting_are_refused(db: Database, portal: PortalOf) -> None:
    devices, people = make_team(db, type_=TeamType.DEVICE, seats=1), make_team(db, seats=1)
    db.write_now(lambda tx: set_inviting(tx, people.id, enabled=False, actor=OPERATOR, now=NOW))

    client = portal(devices)
    assert client.invite(address()).error == "NOT_PERMITTED_INVITE_USER"
    assert client.invite("nobody").error == "VALIDATION_ERROR"
    assert portal(people).invite(address()).error == "NOT_PERMITTED_INVITE_USER"


def test_an_invited_seat_is_in_use_until_it_is_unassigned(db: Database, portal: PortalOf) -> None:
    client, email = portal(make_team(db, payment=Payment.CARD, seats=1)), address()
    seat_id = client.invite(email).data["id"]

    assert client.delete_seat(seat_id).error == "SEAT_IS_NOT_EMPTY"
    assert client.unassign(seat_id).data == {"id": seat_id}
    assert client.unassign(seat_id).error == "SEAT_IS_EMPTY"
    assert client.invite(email).data["id"] == seat_id
    assert client.unassign(seat_id).error is None
    assert client.delete_seat(seat_id).error is None


def test_a_person_is_taken_off_their_seat_and_may_be_invited_again(db: Database, portal: PortalOf) -> None:
    team, email = make_team(db, seats=1), address()
    seat_id = make_person(db, team, email=email).seat_id
    client = portal(team)

    assert client.unassign(seat_id).data == {"id": seat_id}

    (row,) = client.every_seat()
    assert (row["status"], row["user"], row["assigned_at"]) == ("unassigned", None, None)
    assert client.invite(email).data["id"] == seat_id


def test_the_last_administrator_stays(db: Database, portal: PortalOf) -> None:
    team = make_team(db, seats=2)
    first, second = (make_person(db, team, role=Role.ADMIN).seat_id for _ in range(2))
    client = portal(team)

    assert client.unassign(first).error is None
    assert client.unassign(second).error == "NOT_PERMITTED_UNASSIGN_LAST_ADMINISTRATOR_SEAT"


def test_seats_that_are_none_and_of_others_are_not_found(db: Database, portal: PortalOf) -> None:
    client, other = portal(make_team(db, seats=1)), make_team(db, seats=1)
    theirs = make_person(db, other).seat_id

    assert client.unassign(theirs).error == "SEAT_NOT_FOUND"
    assert client.unassign(10**15).error == "SEAT_NOT_FOUND"
    assert client.unassign("seven").error == "VALIDATION_ERROR"
    assert next(portal(other).every_seat())["status"] == "assigned"


def test_device_teams_do_not_unassign(db: Database, portal: PortalOf) -> None:
    client = portal(make_team(db, type_=TeamType.DEVICE, seats=1))
    (seat,) = client.every_seat()

    assert client.unassign(seat["id"]).error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"
    assert client.unassign(10**15).error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"
