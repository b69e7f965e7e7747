"""`/api/v2/people` and `/api/v2/invitations`: who is in a team, who is asked, as what, and who may say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from callfloor.access.tables import Role
from callfloor.foundation.database import Database, param
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services
from callfloor.teams.invitation_links import link_of
from callfloor.teams.tables import TeamType, invitation
from callfloor.teams.teams import Team
from tests.factories.teams import make_person, make_team
from tests.portal_api.in_process import LoopTransport
from tests.teams.counting import assert_counts_hold, seats_of

ClientOf = Callable[..., httpx.Client]
PASSWORD = "correct horse battery"
ADA = {"first_name": "Ada", "last_name": "Byron", "password": PASSWORD}

_nonce = select(invitation.c.nonce).where(invitation.c.team_id == param("team"), invitation.c.id == param("id"))


def address() -> str:
    return f"{new_id()}@people.example"


def statuses(db: Database, team: Team) -> Counter[str]:
    return Counter(status for _, status, _ in seats_of(db, team.id))


@pytest.fixture
def writer(client: ClientOf) -> Callable[[Team], httpx.Client]:
    """Return a client that may read and change people."""
    return lambda team: client(team, "people:read", "people:write")


@pytest.fixture
def nobody(transport: LoopTransport) -> httpx.Client:
    """A client that is not signed in."""
    return httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2")


@pytest.fixture
def link(db: Database, services: Services) -> Callable[[Team, int], str]:
    """Return the acceptance of an invitation's link, as the mail has it."""

    def of(team: Team, invitation_id: int) -> str:
        row = db.read_now(lambda tx: tx.one(_nonce, {"team": team.id, "id": invitation_id}))
        assert row is not None
        return link_of("", row[0], services.settings.hash_key) + "/acceptance"

    return of


class TestInvitations:
    def test_are_made_read_sent_again_and_revoked(
        self, db: Database, writer: Callable[[Team], httpx.Client], nobody: httpx.Client, link: Callable[..., str]
    ) -> None:
        team, email = make_team(db, seats=1), address()
        http = writer(team)

        made = http.post("/invitations", json={"email": email, "role": "analytics"})
        invited = made.json()
        first = link(team, invited["id"])
        again = http.post(f"/invitations/{invited['id']}/sendings")
        second = link(team, invited["id"])
        revoked = http.delete(f"/invitations/{invited['id']}")
        after = http.get(f"/invitations/{invited['id']}").json()

        assert (made.status_code, invited["status"], invited["role"]) == (201, "pending", "analytics")
        assert (again.status_code, revoked.status_code) == (200, 204)
        assert (after["status"], after["ended_at"] is not None) == ("revoked", True)
        assert nobody.get(first).json()["code"] == "invitation_unknown"
        assert nobody.get(second).json()["code"] == "invitation_revoked"
        assert http.delete(f"/invitations/{invited['id']}").json()["code"] == "invitation_not_pending"
        assert statuses(db, team) == {"unassigned": 1}

    def test_are_listed_in_pages_by_status_and_part_of_the_address(
        self, db: Database, writer: Callable[[Team], httpx.Client]
    ) -> None:
        team = make_team(db, seats=5)
        http = writer(team)
        ids = [http.post("/invitations", json={"email": address()}).json()["id"] for _ in range(5)]
        http.delete(f"/invitations/{ids[1]}")
        row = http.get(f"/invitations/{ids[3]}").json()

        first = http.get("/invitations", params={"limit": 3}).json()
        rest = http.get("/invitations", params={"limit": 3, "cursor": first["next_cursor"]}).json()

        assert [one["id"] for one in first["data"] + rest["data"]] == ids
        assert rest["next_cursor"] is None
        assert [one["id"] for one in http.get("/invitations", params={"status": "revoked"}).json()["data"]] == [ids[1]]
        assert http.get("/invitations", params={"q": row["email"][:36].upper()}).json()["data"] == [row]

    def test_all_pending_are_sent_again(self, db: Database, writer: Callable[[Team], httpx.Client]) -> None:
        http = writer(make_team(db, seats=3))
        ids = [http.post("/invitations", json={"email": address()}).json()["id"] for _ in range(3)]
        http.delete(f"/invitations/{ids[0]}")

        assert http.post("/invitations/sendings").json() == {"sent": 2}

    @pytest.mark.parametrize("body", [{}, {"email": 7}, {"email": "ada"}, {"email": "a@b.example", "role": "owner"}])
    def test_name_the_field_that_is_wrong(
        self, db: Database, writer: Callable[[Team], httpx.Client], body: dict[str, Any]
    ) -> None:
        answer = writer(make_team(db, seats=1)).post("/invitations", json=body)

        assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
        assert answer.json()["errors"][0]["field"] in {"email", "role"}

    def test_are_not_for_device_teams(self, db: Database, writer: Callable[[Team], httpx.Client]) -> None:
        answer = writer(make_team(db, type_=TeamType.DEVICE, seats=1)).post("/invitations", json={"email": address()})

        assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted_invite")


class TestBatches:
    def test_tell_the_same_in_a_dry_run_and_change_nothing(
        self, db: Database, writer: Callable[[Team], httpx.Client]
    ) -> None:
        team, member, new, other = make_team(db, seats=4), address(), address(), address()
        make_person(db, team, email=member)
        http = writer(team)
        body = {"emails": [member], "text": f"{new}, {other}\n{new.upper()} nobody;"}

        tried = http.post("/invitations/batches", json={**body, "dry_run": True}).json()
        between = statuses(db, team)
        done = http.post("/invitations/batches", json=body).json()

        results = ["already_member", "invited", "invited", "repeated", "invalid"]
        assert [row["result"] for row in done["data"]] == results
        assert {**tried, "dry_run": False} == done
        assert (done["invited"], done["free_seats"]) == (2, 1)
        assert between == {"assigned": 1, "unassigned": 3}
        assert statuses(db, team) == {"assigned": 1, "invited": 2, "unassigned": 1}
        assert_counts_hold(db, team.id)

    def test_of_more_people_than_free_seats_are_refused_whole(
        self, db: Database, writer: Callable[[Team], httpx.Client]
    ) -> None:
        team = make_team(db, seats=2)

        answer = writer(team).post("/invitations/batches", json={"emails": [address() for _ in range(3)]})

        assert (answer.status_code, answer.json()["code"]) == (409, "no_empty_seat")
        assert "3 people to invite, 2 free seats" in answer.json()["detail"]
        assert statuses(db, team) == {"unassigned": 2}

    @pytest.mark.parametrize("body", [{}, {"text": " , \n"}, {"emails": ["a@b.example"] * 1001}])
    def test_have_1_to_1000_addresses(
        self, db: Database, writer: Callable[[Team], httpx.Client], body: dict[str, Any]
    ) -> None:
        assert writer(make_team(db)).post("/invitations/batches", json=body).status_code == 422


class TestAcceptance:
    def test_of_a_person_with_an_account_takes_its_own_password(
        self,
        db: Database,
        writer: Callable[[Team], httpx.Client],
        nobody: httpx.Client,
        link: Callable[..., str],
    ) -> None:
        first, second, email = make_team(db, seats=1), make_team(db, seats=1), address()
        one = link(first, writer(first).post("/invitations", json={"email": email}).json()["id"])
        account = nobody.post(one, json=ADA).json()
        two = link(second, writer(second).post("/invitations", json={"email": email}).json()["id"])

        shown = nobody.get(two).json()
        wrong = nobody.post(two, json={"password": "another password"})
        right = nobody.post(two, json={"password": PASSWORD, "first_name": "Eve"})

        assert shown["has_account"] is True
        assert (wrong.status_code, wrong.json()["code"]) == (403, "password_refused")
        assert (right.status_code, right.json()["id"], right.json()["first_name"]) == (200, account["id"], "Ada")

    def test_of_one_link_again_and_again_seats_one_person(
        self,
        db: Database,
        writer: Callable[[Team], httpx.Client],
        nobody: httpx.Client,
        link: Callable[..., str],
    ) -> None:
        team = make_team(db, seats=2)
        path = link(team, writer(team).post("/invitations", json={"email": address()}).json()["id"])

        answers = [nobody.post(path, json=ADA) for _ in range(3)]

        assert [one.status_code for one in answers] == [200, 410, 410]
        assert statuses(db, team) == {"assigned": 1, "unassigned": 1}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"password": "eleven char"}, "password"),
            ({"password": "x" * 1025}, "password"),
            ({"first_name": " "}, "first_name"),
            ({"first_name": "A\x00da"}, "first_name"),
            ({"last_name": "x" * 101}, "last_name"),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self,
        db: Database,
        writer: Callable[[Team], httpx.Client],
        nobody: httpx.Client,
        link: Callable[..., str],
        change: dict[str, str],
        field: str,
    ) -> None:
        team = make_team(db, seats=1)
        path = link(team, writer(team).post("/invitations", json={"email": address()}).json()["id"])

        answer = nobody.post(path, json={**ADA, **change})

        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field])
        assert nobody.post(path, json=ADA).status_code == 200

    @pytest.mark.parametrize("token", ["x", "a" * 43, "%C3%A9", "a%00b"])
    def test_of_no_link_of_ours_is_gone(self, nobody: httpx.Client, token: str) -> None:
        answer = nobody.post(f"/invitations/{token}/acceptance", json=ADA)

        assert (answer.status_code, answer.json()["code"]) == (410, "invitation_unknown")


class TestPeople:
    def test_are_listed_in_pages_by_role_seat_and_part_of_the_address(
        self, db: Database, writer: Callable[[Team], httpx.Client]
    ) -> None:
        team = make_team(db, seats=3)
        people = [make_person(db, team, role=role) for role in (Role.ADMIN, Role.USER, Role.USER)]
        http = writer(team)
        ids = [one.account_id for one in people]

        first = http.get("/people", params={"limit": 2}).json()
        rest = http.get("/people", params={"limit": 2, "cursor": first["next_cursor"]}).json()
        row = rest["data"][0]

        assert [one["id"] for one in first["data"] + rest["data"]] == ids
        assert [one["id"] for one in http.get("/people", params={"role": "user"}).json()["data"]] == ids[1:]
        assert [one["id"] for one in http.get("/people", params={"status": "assigned"}).json()["data"]] == ids
        assert http.get("/people", params={"status": "unassigned"}).json()["data"] == []
        assert http.get("/people", params={"q": row["email"][:36].upper()}).json()["data"] == [row]
        assert http.get("/people", params={"q": "%"}).json()["data"] == []

    def test_change_roles_only_as_they_were_read(self, db: Database, writer: Callable[[Team], httpx.Client]) -> None:
        team = make_team(db, seats=1)
        person = make_person(db, team)
        http, path = writer(team), f"/people/{person.account_id}"
        tag = http.get(path).headers["etag"]

        changed = http.put(f"{path}/role", json={"role": "analytics"}, headers={"If-Match": tag})
        stale = http.put(f"{path}/role", json={"role": "user"}, headers={"If-Match": tag})

        assert (changed.status_code, changed.json()["role"]) == (200, "analytics")
        assert changed.headers["etag"] == http.get(path).headers["etag"] != tag
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
        assert seats_of(db, team.id) == [(person.seat_id, "assigned", "analytics")]
        assert_counts_hold(db, team.id)

    def test_keep_their_last_administrator(self, db: Database, writer: Callable[[Team], httpx.Client]) -> None:
        team = make_team(db, seats=2)
        admin = make_person(db, team, role=Role.ADMIN).account_id
        http = writer(team)

        lowered = http.put(f"/people/{admin}/role", json={"role": "user"})
        removed = http.delete(f"/people/{admin}")

        assert [(one.status_code, one.json()["code"]) for one in (lowered, removed)] == [
            (409, "last_administrator")
        ] * 2

    def test_are_removed_many_at_once_or_in_a_dry_run(
        self, db: Database, writer: Callable[[Team], httpx.Client]
    ) -> None:
        team = make_team(db, seats=3)
        admin = make_person(db, team, role=Role.ADMIN).account_id
        ada, bob = (make_person(db, team).account_id for _ in range(2))
        body = {"ids": [ada, admin, ID_LIMIT, bob]}
        http = writer(team)

        tried = http.post("/people/removals", json={**body, "dry_run": True}).json()
        between = statuses(db, team)
        done = http.post("/people/removals", json=body).json()

        results = ["removed", "last_administrator", "person_not_found", "removed"]
        assert [row["result"] for row in done["data"]] == results
        assert {**tried, "dry_run": False} == done
        assert between == {"assigned": 3}
        assert statuses(db, team) == {"assigned": 1, "unassigned": 2}
        assert_counts_hold(db, team.id)

    def test_of_another_team_are_not_found(self, db: Database, writer: Callable[[Team], httpx.Client]) -> None:
        team = make_team(db, seats=1)
        person, http = make_person(db, team).account_id, writer(make_team(db))

        answers = [
            http.get(f"/people/{person}"),
            http.put(f"/people/{person}/role", json={"role": "admin"}),
            http.delete(f"/people/{person}"),
        ]

        assert [(one.status_code, one.json()["code"]) for one in answers] == [(404, "person_not_found")] * 3

    def test_are_guarded_by_scopes(self, db: Database, client: ClientOf) -> None:
        team = make_team(db, seats=1)
        reader, stranger = client(team, "people:read"), client(team, "seats:read")

        assert reader.get("/people").status_code == 200
        assert reader.post("/invitations", json={"email": address()}).status_code == 403
        assert stranger.get("/people").status_code == 403
        assert stranger.get("/invitations").status_code == 403
