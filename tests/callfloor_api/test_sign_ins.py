"""When people last signed in: told of each, and who never did."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.secrets import hash_password
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.teams.people import PersonAdded, add_person
from callfloor.teams.teams import Team
from tests.factories.teams import make_person, make_team
from tests.portal_api.in_process import LoopTransport

PASSWORD = "correct horse battery"


def with_password(db: Database, team: Team, email: str) -> PersonAdded:
    member = NewMember(team.id, email, Role.ADMIN, clock.now(), password_hash=hash_password(PASSWORD))
    return db.write_now(lambda tx: add_person(tx, member, OPERATOR))


def test_a_sign_in_is_remembered(db: Database, client: Callable[..., httpx.Client], transport: LoopTransport) -> None:
    team, email, begun = make_team(db, seats=2), f"{new_id()}@people.example", clock.now()
    ada, bob = with_password(db, team, email), make_person(db, team)
    http = client(team, "people:read")
    browser = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2")
    before = http.get(f"/people/{ada.account_id}")
    never_before = http.get("/people", params={"never_signed_in": "true"}).json()["data"]

    signed_in = browser.post("/session", json={"email": email, "password": PASSWORD})
    after = http.get(f"/people/{ada.account_id}")
    never_after = http.get("/people", params={"never_signed_in": "true"}).json()["data"]
    everybody = http.get("/people").json()["data"]

    assert signed_in.status_code == 200
    assert before.json()["last_signed_in_at"] is None
    assert iso(begun) <= after.json()["last_signed_in_at"] <= iso(clock.now())
    assert before.headers["etag"] == after.headers["etag"]
    assert [one["id"] for one in never_before] == [ada.account_id, bob.account_id]
    assert [one["id"] for one in never_after] == [bob.account_id]
    assert [one["last_signed_in_at"] for one in everybody] == [after.json()["last_signed_in_at"], None]


def test_a_wrong_password_is_no_sign_in(
    db: Database, client: Callable[..., httpx.Client], transport: LoopTransport
) -> None:
    team, email = make_team(db, seats=1), f"{new_id()}@people.example"
    ada = with_password(db, team, email)
    browser = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2")

    refused = browser.post("/session", json={"email": email, "password": "wrong wrong wrong"})

    assert refused.status_code == 401
    shown = client(team, "people:read").get(f"/people/{ada.account_id}").json()
    assert shown["last_signed_in_at"] is None
