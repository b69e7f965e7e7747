"""`/api/v2/team`: shown, changed under If-Match, with its domains."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callfloor.access.tables import audit_entry
from callfloor.foundation.database import Database, param
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_team

_trail = (
    select(audit_entry.c.action, audit_entry.c.before, audit_entry.c.after)
    .where(audit_entry.c.team_id == param("team"), audit_entry.c.actor_kind == "api_key")
    .order_by(audit_entry.c.at)
)

BOTH = ("team:read", "team:write")


def test_is_shown_with_its_tag(db: Database, client: ClientOf) -> None:
    team = make_team(db)

    answer = client(team, "team:read").get("/team")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": team.id,
        "name": team.name,
        "type": "email",
        "payment": "card",
        "activity_billing": False,
        "inviting_enabled": True,
        "client_id": team.client_id,
        "seat_price": 1000,
        "currency": "USD",
    }
    assert answer.headers["etag"].startswith('"')


def test_is_renamed_and_the_change_is_noted(db: Database, client: ClientOf) -> None:
    team = make_team(db)
    http = client(team, *BOTH)
    tag = http.get("/team").headers["etag"]

    answer = http.patch("/team", json={"name": "Night shift"}, headers={"If-Match": tag})

    assert (answer.status_code, answer.json()["name"]) == (200, "Night shift")
    assert answer.headers["etag"] == http.get("/team").headers["etag"] != tag
    trail = db.read_now(lambda tx: tx.all(_trail, {"team": team.id}))
    assert trail == [("team.renamed", {"name": team.name}, {"name": "Night shift"})]


def test_stops_inviting(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), *BOTH)

    assert http.patch("/team", json={"inviting_enabled": False}).json()["inviting_enabled"] is False
    assert http.get("/team").json()["inviting_enabled"] is False


def test_is_not_changed_by_who_read_an_older_state(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), *BOTH)
    tag = http.get("/team").headers["etag"]
    http.patch("/team", json={"name": "First"})

    late = http.patch("/team", json={"name": "Second"}, headers={"If-Match": tag})

    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert http.get("/team").json()["name"] == "First"


@pytest.mark.parametrize("name", ["Équipe 日本", "Team \N{WOMAN}\u200d\N{PERSONAL COMPUTER}", "no\u00a0break"])
def test_is_named_as_people_write(db: Database, client: ClientOf, name: str) -> None:
    answer = client(make_team(db), *BOTH).patch("/team", json={"name": name})

    assert (answer.status_code, answer.json()["name"]) == (200, name)


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "a\nb"}, {"name": 3}, {"nom": "x"}, {"name": "x" * 201}, []])
def test_refuses_what_is_no_change(db: Database, client: ClientOf, body: object) -> None:
    answer = client(make_team(db), *BOTH).patch("/team", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


class TestDomains:
    def test_are_added_listed_and_removed(self, db: Database, client: ClientOf) -> None:
        http = client(make_team(db), *BOTH)

        added = [http.put(f"/team/domains/{name}") for name in ("b.example", "A.example", "a.example")]
        listed = http.get("/team/domains").json()["data"]
        removed = http.delete("/team/domains/A.EXAMPLE")

        assert [answer.json()["domain"] for answer in added] == ["b.example", "a.example", "a.example"]
        assert [row["domain"] for row in listed] == ["a.example", "b.example"]
        assert removed.status_code == 204
        assert [row["domain"] for row in http.get("/team/domains").json()["data"]] == ["b.example"]

    def test_one_that_is_none_of_the_teams_is_not_found(self, db: Database, client: ClientOf) -> None:
        other = client(make_team(db), *BOTH)
        other.put("/team/domains/theirs.example")

        answer = client(make_team(db), *BOTH).delete("/team/domains/theirs.example")

        assert (answer.status_code, answer.json()["code"]) == (404, "domain_not_found")
        assert len(other.get("/team/domains").json()["data"]) == 1

    def test_what_is_no_domain_is_refused(self, db: Database, client: ClientOf) -> None:
        answer = client(make_team(db), *BOTH).put("/team/domains/localhost")

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "domain")
