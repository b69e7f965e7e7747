"""`/api/v2/retention`, `/holds` and `/erasures` on the wire; what they do is tested where it is done."""

from __future__ import annotations

import functools
from typing import Any

import httpx
import pytest

from callfloor.conversations.changes import CHANGES
from callfloor.conversations.erasure_jobs import ERASE_CONVERSATIONS
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.conversations import CUSTOMER, make_conversation
from tests.factories.teams import make_team

SCOPES = ("conversations:read", "conversations:erase", "team:read", "audit:read")


@pytest.fixture
def team(db: Database) -> Team:
    db.write_now(functools.partial(prepare, what=CHANGES))
    return make_team(db)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    return client(team, *SCOPES)


def walked(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    """Return every row of a list, read one a page."""
    rows: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get(path, params={"limit": 1, **cursor}).json()
        rows += page["data"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}


def test_retention_is_set_and_shown(db: Database, http: httpx.Client, team: Team) -> None:
    make_conversation(db, team, date=clock.now() - 40 * DAY)
    make_conversation(db, team, date=clock.now())
    first = http.get("/retention")

    answer = http.put(
        "/retention", json={"call_days": 30, "meeting_days": None}, headers={"If-Match": first.headers["etag"]}
    )
    late = http.put("/retention", json={"call_days": 9, "meeting_days": 9}, headers={"If-Match": first.headers["etag"]})

    assert first.json() == {"call_days": None, "meeting_days": None, "calls_due": 0, "meetings_due": 0}
    assert answer.json() == {"call_days": 30, "meeting_days": None, "calls_due": 1, "meetings_due": 0}
    assert late.json()["code"] == "precondition_failed"
    assert http.get("/retention").headers["etag"] == answer.headers["etag"]
    (entry,) = http.get("/audit", params={"action": "retention."}).json()["data"]
    assert (entry["before"], entry["after"]) == ({}, {"call": 30})


def test_holds_are_placed_listed_and_lifted(db: Database, http: httpx.Client, team: Team) -> None:
    call = make_conversation(db, team)
    placed = [
        http.post("/holds", json={"conversation_id": call, "reason": "Case 1"}),
        http.post("/holds", json={"email": " Cleo@Customer.example", "reason": "Case 2"}),
        http.post("/holds", json={"number": "+49 30 1234", "reason": "Case 3"}),
    ]
    assert [answer.status_code for answer in placed] == [201, 201, 201]
    first, second, third = (answer.json() for answer in placed)

    lifted = http.post(f"/holds/{first['id']}/lift").json()

    assert [one["id"] for one in walked(http, "/holds")] == [third["id"], second["id"], first["id"]]
    assert (second["person"], third["person"]) == ({"email": "cleo@customer.example"}, {"number": "49301234"})
    assert lifted["lifted_by"]["kind"] == "api_key"
    assert http.post(f"/holds/{first['id']}/lift").json() == lifted == http.get(f"/holds/{first['id']}").json()
    entries = http.get("/audit", params={"object_kind": "hold"}).json()["data"]
    assert [one["action"] for one in entries] == ["hold.lifted", "hold.placed", "hold.placed", "hold.placed"]
    assert "Case" not in str(entries)


def test_an_erasure_is_tried_refused_and_done(db: Database, services: Services, http: httpx.Client, team: Team) -> None:
    call = make_conversation(db, team)
    meeting = make_conversation(db, team, kind=ConversationKind.MEETING)
    whom = {"email": CUSTOMER.email}
    hold = http.post("/holds", json={"conversation_id": meeting, "reason": "Case 1"}).json()

    refused = http.post("/erasures", json=whom)
    tried = http.post("/erasures", json={**whom, "dry_run": True, "skip_held": True})
    assert http.get("/erasures").json()["data"] == []
    done = http.post("/erasures", json={**whom, "skip_held": True})
    drain(services, [ERASE_CONVERSATIONS], now=clock.now(), team_id=team.id)

    assert (refused.status_code, refused.json()["code"]) == (409, "legal_hold")
    assert (tried.status_code, tried.json()["id"]) == (200, None)
    shown = {one["conversation_id"]: (one["state"], one["reason"]) for one in tried.json()["conversations"]}
    assert shown == {call: ("waiting", None), meeting: ("held", "Case 1")}
    assert (done.status_code, done.json()["conversations"]) == (202, tried.json()["conversations"])
    receipt = http.get(done.headers["location"].removeprefix("/api/v2")).json()
    assert (receipt["state"], receipt["cause"]) == ("done", "person")
    rows = {one["conversation_id"]: one for one in walked(http, f"/erasures/{receipt['id']}/conversations")}
    assert (rows[call]["state"], rows[meeting]["state"], rows[meeting]["hold_id"]) == ("erased", "held", hold["id"])
    assert [one["id"] for one in walked(http, "/erasures")] == [receipt["id"]]
    assert [http.get(f"/calls/{call}").status_code, http.get(f"/meetings/{meeting}").status_code] == [404, 200]
    assert [http.get(f"/{kind}").json()["total"] for kind in ("calls", "meetings")] == [0, 1]


def test_the_feed_ends_with_a_tombstone(db: Database, services: Services, http: httpx.Client, team: Team) -> None:
    call = make_conversation(db, team)
    http.post("/erasures", json={"conversation_ids": [call]})
    drain(services, [ERASE_CONVERSATIONS], now=clock.now(), team_id=team.id)
    number_waiting(db, CHANGES)

    told = [(one["conversation_id"], one["change"]) for one in http.get("/changes").json()["data"]]

    assert told[-1] == (call, "erased")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/erasures", {}, "conversation_ids"),
        ("/erasures", {"email": "a@b.example", "conversation_ids": ["x"]}, "conversation_ids"),
        ("/erasures", {"email": "a@b.example", "number": "+491234"}, "number"),
        ("/erasures", {"conversation_ids": ["none"]}, "conversation_ids"),
        ("/erasures", {"email": "nobody"}, "email"),
        ("/erasures", {"number": "ab1"}, "number"),
        ("/holds", {"reason": "Case 1"}, "conversation_id"),
        ("/holds", {"reason": "Case 1", "conversation_id": "none"}, "conversation_id"),
        ("/holds", {"reason": " ", "email": "a@b.example"}, "reason"),
    ],
)
def test_refuses_what_names_nothing(http: httpx.Client, path: str, body: dict[str, Any], field: str) -> None:
    answer = http.post(path, json=body)

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("days", [0, 40_000, "30"])
def test_refuses_other_days(http: httpx.Client, days: object) -> None:
    assert http.put("/retention", json={"call_days": days, "meeting_days": None}).status_code == 422


def test_another_teams_holds_and_receipts_are_not_there(db: Database, client: ClientOf, http: httpx.Client) -> None:
    theirs = client(make_team(db), *SCOPES)
    hold = theirs.post("/holds", json={"email": "a@b.example", "reason": "Case 1"}).json()
    receipt = theirs.post("/erasures", json={"email": "c@d.example"}).json()

    assert http.get(f"/holds/{hold['id']}").json()["code"] == "hold_not_found"
    assert http.post(f"/holds/{hold['id']}/lift").json()["code"] == "hold_not_found"
    assert http.get(f"/erasures/{receipt['id']}").json()["code"] == "erasure_not_found"
    assert http.get(f"/erasures/{receipt['id']}/conversations").json()["code"] == "erasure_not_found"
