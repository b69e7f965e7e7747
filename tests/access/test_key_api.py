"""`/api/v2/keys`, by a client."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from callfloor.access.key_views import key_by_id
from callfloor.foundation.database import Database
from callfloor.foundation.services import Services
from callfloor.portal_api import create_app as portal_app
from tests.access.conftest import KEY, KeyOf
from tests.contracts.portal_client import PortalClient
from tests.factories.teams import make_portal_key, make_team
from tests.portal_api.in_process import LoopTransport

KEYS = "/api/v2/keys"
BOTH = ("keys:read", "keys:write")


@pytest.fixture
def made(http: httpx.Client, db: Database, key_of: KeyOf) -> dict[str, Any]:
    """A Portal key made by the API, and who made it."""
    team = make_team(db, seats=1)
    who = key_of(team.id, *BOTH)
    answer = http.post(KEYS, json={"kind": "portal", "name": "ops"}, headers=who)
    assert answer.status_code == 201
    return {
        **answer.json(),
        "who": who,
        "team": team,
        "etag": answer.headers["etag"],
        "url": answer.headers["location"],
    }


def test_a_key_is_made_used_renamed_rotated_and_deleted(
    http: httpx.Client, services: Services, runner: asyncio.Runner, made: dict[str, Any]
) -> None:
    with httpx.Client(
        transport=LoopTransport(portal_app(services), runner), base_url="https://callfloor.example"
    ) as portal:

        def error(name: str, secret: str) -> str | None:
            return PortalClient(portal, name, secret).seats().error

        assert error("ops", made["secret"]) is None
        changed = http.patch(made["url"], json={"name": "Büro"}, headers={**made["who"], "If-Match": made["etag"]})
        assert (changed.status_code, changed.json()["name"]) == (200, "Büro")
        assert error("ops", made["secret"]) == "AUTH_BASIC_INVALID_TOKEN"
        assert error("Büro", made["secret"]) is None

        rotated = http.post(f"{made['url']}/rotation", json={}, headers=made["who"])
        assert rotated.status_code == 201
        assert [one["prefix"] for one in rotated.json()["key"]["secrets"]] == [
            rotated.json()["secret"][:6],
            made["secret"][:6],
        ]
        assert error("Büro", made["secret"]) is error("Büro", rotated.json()["secret"]) is None
        ended = http.delete(f"{made['url']}/rotation", headers=made["who"])
        assert len(ended.json()["secrets"]) == 1
        assert error("Büro", made["secret"]) == "AUTH_BASIC_INVALID_TOKEN"
        again = http.delete(f"{made['url']}/rotation", headers=made["who"])
        assert (again.status_code, again.json()["code"]) == (409, "key_not_rotating")

        assert http.delete(made["url"], headers=made["who"]).status_code == 204
        assert error("Büro", rotated.json()["secret"]) == "AUTH_BASIC_INVALID_TOKEN"
        assert http.get(made["url"], headers=made["who"]).status_code == 404


def test_a_change_of_what_has_changed_is_refused(http: httpx.Client, made: dict[str, Any]) -> None:
    stale = {**made["who"], "If-Match": made["etag"]}
    assert http.patch(made["url"], json={"networks": ["192.0.2.0/24"]}, headers=stale).status_code == 200

    for answer in (
        http.patch(made["url"], json={"name": "x"}, headers=stale),
        http.post(f"{made['url']}/rotation", json={}, headers=stale),
        http.delete(made["url"], headers=stale),
    ):
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")

    shown = http.get(made["url"], headers=made["who"])
    assert (shown.json()["name"], shown.json()["networks"]) == ("ops", ["192.0.2.0/24"])
    fresh = {**made["who"], "If-Match": shown.headers["etag"]}
    assert http.patch(made["url"], json={"networks": None}, headers=fresh).json()["networks"] is None


def test_the_list_is_paged_and_shows_no_secret(http: httpx.Client, made: dict[str, Any]) -> None:
    for name in ("two", "three"):
        http.post(KEYS, json={"kind": "conversations", "name": name}, headers=made["who"])

    names, cursor = [], None
    while True:
        query = {"limit": "3", **({} if cursor is None else {"cursor": cursor})}
        page = http.get(KEYS, params=query, headers=made["who"]).json()
        names += [key["name"] for key in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert [name for name in names if len(name) < 10] == ["ops", "two", "three"]
    assert made["secret"] not in http.get(KEYS, headers=made["who"]).text


def test_a_conversations_key_comes_with_the_teams_client_id(http: httpx.Client, made: dict[str, Any]) -> None:
    crm = http.post(KEYS, json={"kind": "conversations", "name": "crm"}, headers=made["who"]).json()

    assert crm["client_id"] == made["team"].client_id
    assert crm["key"]["expires_at"] is not None
    assert made["client_id"] is None


def test_the_last_use_is_noted_without_a_write(
    http: httpx.Client, services: Services, db: Database, made: dict[str, Any]
) -> None:
    services.key_uses.take()
    http.get(KEYS, headers=made["who"])
    uses = services.key_uses.take()

    ((team_id, key_id),) = uses
    assert team_id == made["team"].id
    assert db.read_now(lambda tx: key_by_id(tx, team_id, key_id)).last_used_at is None


class TestRights:
    def test_need_the_scope(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        team = make_team(db)
        reader, writer = key_of(team.id, "keys:read"), key_of(team.id, "keys:write")

        assert http.get(KEYS, headers=writer).status_code == 403
        assert http.post(KEYS, json={"kind": "portal", "name": "a"}, headers=reader).status_code == 403
        assert http.get(KEYS, headers=reader).status_code == 200

    def test_are_not_handed_on_by_who_lacks_them(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        team = make_team(db)
        who = key_of(team.id, *BOTH)
        mighty = key_of(team.id, *BOTH, "team:write")
        body = {"kind": "api", "name": "more", "scopes": ["team:write"]}

        assert http.post(KEYS, json=body, headers=who).status_code == 403
        made = http.post(KEYS, json=body, headers=mighty)
        assert made.json()["key"]["scopes"] == ["team:write"]
        rotation = f"{made.headers['location']}/rotation"
        assert http.post(rotation, json={}, headers=who).status_code == 403
        assert http.post(rotation, json={}, headers=mighty).status_code == 201
        own = http.post(KEYS, json={"kind": "api", "name": "own"}, headers=who)
        assert sorted(own.json()["key"]["scopes"]) == sorted(BOTH)

    def test_end_at_the_team(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        ours, theirs = make_team(db), make_team(db)
        key = make_portal_key(db, ours, hash_key=KEY)
        who = key_of(theirs.id, *BOTH)

        assert http.get(f"{KEYS}/{key.id}", headers=who).status_code == 404
        assert http.patch(f"{KEYS}/{key.id}", json={"name": "x"}, headers=who).status_code == 404
        assert http.post(f"{KEYS}/{key.id}/rotation", json={}, headers=who).status_code == 404
        assert http.delete(f"{KEYS}/{key.id}", headers=who).status_code == 404

    def test_end_at_the_networks_of_the_key(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        team = make_team(db)
        who, other = key_of(team.id, *BOTH), key_of(team.id, *BOTH)
        mine = http.get(KEYS, headers=who).json()["data"][0]["id"]

        assert http.patch(f"{KEYS}/{mine}", json={"networks": ["198.51.100.0/24"]}, headers=other).status_code == 200

        assert http.get(KEYS, headers=who).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "portal"},
        {"kind": "x", "name": "a"},
        {"kind": "portal", "name": "a:b"},
        {"kind": "portal", "name": ""},
        {"kind": "portal", "name": "a", "scopes": ["keys:read"]},
        {"kind": "api", "name": "a", "scopes": []},
        {"kind": "api", "name": "a", "scopes": ["x"]},
        {"kind": "portal", "name": "a", "networks": ["192.0.2.1/24"]},
        {"kind": "portal", "name": "a", "more": 1},
    ],
)
def test_wrong_input_is_named(http: httpx.Client, made: dict[str, Any], body: dict[str, Any]) -> None:
    answer = http.post(KEYS, json=body, headers=made["who"])

    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")


class TestAudit:
    def entries(self, http: httpx.Client, who: dict[str, str], **query: str) -> list[dict[str, Any]]:
        """Return the entries that are found, page by page."""
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = http.get("/api/v2/audit", params={**query, "limit": "2", **cursor}, headers=who)
            assert page.status_code == 200, page.text
            found += page.json()["data"]
            if page.json()["next_cursor"] is None:
                return found
            cursor = {"cursor": page.json()["next_cursor"]}

    def test_is_searched_by_every_column(
        self, http: httpx.Client, db: Database, key_of: KeyOf, made: dict[str, Any]
    ) -> None:
        who = key_of(made["team"].id, "audit:read")
        http.patch(made["url"], json={"name": "100%_Büro"}, headers=made["who"])
        key_id = made["url"].rpartition("/")[2]

        (renamed,) = self.entries(http, who, action="key.changed")

        assert (renamed["before"], renamed["after"]) == ({"name": "ops"}, {"name": "100%_Büro"})
        assert (renamed["object"], renamed["actor"]["kind"]) == ({"kind": "key", "id": key_id}, "api_key")
        assert (renamed["is_sealed"], renamed["address"]) == (False, "127.0.0.1")
        for query in (
            {"text": "100%_b"},
            {"text": "BüRO"},
            {"actor": renamed["actor"]["name"][3:].upper(), "action": "key.ch"},
            {"actor": renamed["actor"]["id"], "action": "key.ch"},
            {"object_kind": "key", "object_id": key_id, "action": "key.changed"},
            {"from": renamed["timestamp"], "text": "100%"},
        ):
            assert renamed in self.entries(http, who, **query), query
        assert self.entries(http, who, to="1970-01-01T00:00:00.001Z") == []
        assert self.entries(http, who, text="100x_B") == []
        assert self.entries(http, who, action="ey.changed") == []
        everything = self.entries(http, who)
        assert [entry["timestamp"] for entry in everything] == sorted(
            (entry["timestamp"] for entry in everything), reverse=True
        )
        assert len({entry["id"] for entry in everything}) == len(everything) > 3
        other = key_of(make_team(db).id, "audit:read")
        assert renamed not in self.entries(http, other)

    def test_is_exported_as_csv(self, http: httpx.Client, key_of: KeyOf, made: dict[str, Any]) -> None:
        who = key_of(made["team"].id, "audit:read")
        http.patch(made["url"], json={"name": '=1+1, "x"'}, headers=made["who"])

        answer = http.get("/api/v2/audit/export", params={"action": "key."}, headers=who)

        assert answer.headers["content-type"].startswith("text/csv")
        lines = answer.text.split("\r\n")
        assert lines[0].startswith("timestamp,actor,actor_kind,actor_id,action,object_kind,object_id,before,after")
        assert len(lines) - 2 == len(self.entries(http, who, action="key."))
        assert any("key.changed" in line and "=1+1" in line for line in lines)

    def test_no_cell_is_a_formula(self, http: httpx.Client, db: Database, key_of: KeyOf) -> None:
        team = make_team(db)
        maker = key_of(team.id, *BOTH)
        named = http.post(KEYS, json={"kind": "api", "name": "=cmd()", "scopes": ["keys:write"]}, headers=maker)
        as_named = {"Authorization": f"Bearer {named.json()['secret']}"}
        assert http.post(KEYS, json={"kind": "portal", "name": "x"}, headers=as_named).status_code == 201

        answer = http.get("/api/v2/audit/export", headers=key_of(team.id, "audit:read"))

        assert ",'=cmd()," in answer.text
        assert ",=cmd()" not in answer.text

    def test_needs_its_scope_and_right_input(self, http: httpx.Client, key_of: KeyOf, made: dict[str, Any]) -> None:
        who = key_of(made["team"].id, "audit:read")

        for path in ("/api/v2/audit", "/api/v2/audit/export"):
            assert http.get(path, headers=made["who"]).status_code == 403
            for query in (
                {"from": "x"},
                {"from": "2026-01-01T00:00:00"},
                {"to": "1980-01-01T00:00:00Z", "from": "1990-01-01T00:00:00Z"},
                {"text": ""},
            ):
                assert http.get(path, params=query, headers=who).status_code == 422, query
        assert http.get("/api/v2/audit", params={"cursor": "x"}, headers=who).status_code == 422
