"""Comments, ratings, outcomes, CRM references and names: changed on `/api/v2`, with history, shown by both APIs."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.conversations.changes import CHANGES
from callfloor.conversations.editing import By, EditConversation, edit_conversation
from callfloor.conversations.locking import Which, tag_material
from callfloor.conversations.outcomes import Analyzed, record_analysis
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.conversations_api import create_app
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.foundation.web import PreconditionFailed, check_match
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.conversations import COLLEAGUE, CUSTOMER, make_conversation, make_recorded_call
from tests.factories.sessions import sign_in
from tests.factories.teams import make_conversations_key, make_team
from tests.portal_api.in_process import LoopTransport
from tests.support.racing import at_once

SAID = (Segment("Ben", 0, 1500, "Hello."), Segment("Cleo", 1500, 2500, "Hi."))
SCOPES = ("conversations:read", "conversations:write", "audit:read")
KINDS = tuple(ConversationKind)


@pytest.fixture
def team(db: Database) -> Team:
    db.write_now(functools.partial(prepare, what=CHANGES))
    return make_team(db, seats=10)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    return client(team, *SCOPES)


def patched(http: httpx.Client, path: str, **change: Any) -> dict[str, Any]:
    answer = http.patch(path, json=change)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_changed_shows_in_both_apis(
    db: Database, services: Services, runner: asyncio.Runner, http: httpx.Client, team: Team, kind: ConversationKind
) -> None:
    one = make_conversation(db, team, kind=kind, transcript=SAID)
    path = f"/{kind.value}s/{one}"
    cleo = http.get(path).json()["participants"][1]["id"]

    changed = {"name": "Renewal", "outcome": "won", "rating": 4, "crm_reference": {"system": "hubspot", "id": "12"}}
    shown = patched(http, path, **changed, participants=[{"id": cleo, "name": "Chloe"}])
    http.post(f"{path}/comments", json={"text": "Well done.", "start": 1.5})

    assert {name: shown[name] for name in changed} == changed
    assert [p["name"] for p in shown["participants"]] == ["Ben", "Chloe"]
    assert [s["speaker"] for s in shown["transcript"]] == ["Ben", "Chloe"]
    key = make_conversations_key(db, team, hash_key=services.settings.hash_key)
    with httpx.Client(transport=LoopTransport(create_app(services), runner), base_url="https://x.example") as contract:
        record = contract.get(path, headers=key.headers).json()
        listed = contract.get(f"/{kind.value}s", headers=key.headers).json()["data"][0]
    assert (record["name"], record["outcome"], record["rating"]) == ("Renewal", "won", 4)
    assert record["crmReference"] == {"system": "hubspot", "id": "12"}
    assert [p["name"] for p in record["participants"]] == ["Ben", "Chloe"]
    (comment,) = record["comments"]
    assert (comment["text"], comment["start"], comment["updatedAt"]) == ("Well done.", 1.5, None)
    assert listed == record | {"recordingRef": listed["recordingRef"]}


def test_two_participants_change_their_names_for_each_others(db: Database, http: httpx.Client, team: Team) -> None:
    path = f"/calls/{make_conversation(db, team, transcript=SAID)}"
    ben, cleo = (one["id"] for one in http.get(path).json()["participants"])

    shown = patched(http, path, participants=[{"id": ben, "name": "Cleo"}, {"id": cleo, "name": "Ben"}])

    assert [p["name"] for p in shown["participants"]] == ["Cleo", "Ben"]
    assert [(s["speaker"], s["text"]) for s in shown["transcript"]] == [("Cleo", "Hello."), ("Ben", "Hi.")]


def test_the_transcript_calls_who_has_no_name_by_their_address(db: Database, http: httpx.Client, team: Team) -> None:
    path = f"/calls/{make_conversation(db, team, transcript=SAID)}"
    ben, cleo = (one["id"] for one in http.get(path).json()["participants"])

    without = patched(http, path, participants=[{"id": cleo, "name": None}])
    again = patched(http, path, participants=[{"id": cleo, "name": "Chloe"}, {"id": ben, "name": "Benedict"}])

    assert [s["speaker"] for s in without["transcript"]] == ["Ben", CUSTOMER.email]
    assert [s["speaker"] for s in again["transcript"]] == ["Benedict", "Chloe"]


def test_who_is_renamed_during_the_transcription_has_the_new_name_in_it(
    db: Database, http: httpx.Client, team: Team
) -> None:
    call = make_recorded_call(db, team, parties=(COLLEAGUE, CUSTOMER))
    cleo = http.get(f"/calls/{call}").json()["participants"][1]["id"]
    done = Analyzed(
        team_id=team.id,
        conversation_id=call,
        now=clock.now(),
        duration_ms=2500,
        language="en",
        segments=SAID,
        metrics={},
        speak_shares={},
        labels={0: "Ben", 1: "Cleo"},
    )
    patched(http, f"/calls/{call}", participants=[{"id": cleo, "name": "Chloe"}])

    db.write_now(functools.partial(record_analysis, done=done))

    assert [s["speaker"] for s in http.get(f"/calls/{call}").json()["transcript"]] == ["Ben", "Chloe"]


def test_the_history_says_who_changed_what(db: Database, http: httpx.Client, team: Team) -> None:
    path = f"/calls/{make_conversation(db, team)}"
    patched(http, path, rating=2)
    patched(http, path, rating=5, outcome="won")
    patched(http, path, outcome=None)

    first = http.get(f"{path}/history", params={"limit": 3}).json()
    rest = http.get(f"{path}/history", params={"limit": 3, "cursor": first["next_cursor"]}).json()

    entries = [(one["field"], one["before"], one["after"]) for one in first["data"] + rest["data"]]
    assert entries[0] == ("outcome", "won", None)
    assert sorted(entries[1:3], key=str) == [("outcome", None, "won"), ("rating", 2, 5)]
    assert entries[3] == ("rating", None, 2)
    assert rest["next_cursor"] is None
    assert {one["actor_kind"] for one in first["data"]} == {"api_key"}


def test_tells_of_it_without_its_content(db: Database, http: httpx.Client, team: Team) -> None:
    call = make_conversation(db, team)
    patched(http, f"/calls/{call}", name="A secret matter")
    patched(http, f"/calls/{call}", name="A secret matter")
    number_waiting(db, CHANGES)

    changes = [one["change"] for one in http.get("/changes").json()["data"] if one["conversation_id"] == call]
    audited = http.get("/audit", params={"action": "call.edited"}).json()["data"]

    assert changes.count("edited") == 1
    assert [(one["object"]["id"], one["after"]) for one in audited] == [(call, {"fields": ["name"]})]


def test_a_change_of_what_was_not_read_is_refused(db: Database, http: httpx.Client, team: Team) -> None:
    path = f"/calls/{make_conversation(db, team)}"
    tag = http.get(path).headers["etag"]
    first = http.patch(path, json={"rating": 1}, headers={"If-Match": tag})

    second = http.patch(path, json={"rating": 2}, headers={"If-Match": tag})
    third = http.patch(path, json={"rating": 3}, headers={"If-Match": first.headers["etag"]})

    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    assert (third.status_code, third.json()["rating"]) == (200, 3)
    assert third.headers["etag"] == http.get(path).headers["etag"]


def test_of_those_who_change_what_they_read_at_one_moment_one_is_heard(
    db: Database, http: httpx.Client, team: Team
) -> None:
    call = make_conversation(db, team)
    tag = http.get(f"/calls/{call}").headers["etag"]
    by = By(OPERATOR, clock.now(), lambda held: check_match(tag, tag_material(held.id, held.updated_at)))

    def change(rating: int) -> None:
        command = EditConversation(Which(team.id, ConversationKind.CALL, call), by, {"rating": rating}, {})
        db.write_now(functools.partial(edit_conversation, command=command))

    ends = at_once([functools.partial(change, rating) for rating in (1, 2, 3, 4)])

    assert ends.count(None) == 1
    assert [type(end) for end in ends if end is not None] == [PreconditionFailed] * 3
    assert http.get(f"/calls/{call}").json()["rating"] == 1 + ends.index(None)
    assert len(http.get(f"/calls/{call}/history").json()["data"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": 6}, "rating"),
        ({"rating": "5"}, "rating"),
        ({"name": " "}, "name"),
        ({"name": None}, "name"),
        ({"outcome": "x" * 201}, "outcome"),
        ({"crm_reference": {"id": "\x00"}}, "crm_reference"),
        ({"participants": [{"id": "nobody", "name": "Ann"}]}, "participants"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_refuses_what_it_cannot_take(
    db: Database, http: httpx.Client, team: Team, change: dict[str, Any], field: str
) -> None:
    answer = http.patch(f"/calls/{make_conversation(db, team)}", json=change)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_comments_are_changed_by_their_authors(
    db: Database, services: Services, transport: Any, http: httpx.Client, team: Team
) -> None:
    path = f"/calls/{make_conversation(db, team)}"
    (made,) = http.post(f"{path}/comments", json={"text": "Frist."}).json()["comments"]
    _, headers = sign_in(db, team, Role.ADMIN, hash_key=services.settings.hash_key)
    admin = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)
    comment = f"{path}/comments/{made['id']}"

    refused = admin.patch(comment, json={"text": "Mine."})
    changed = http.patch(comment, json={"text": "First."}).json()["comments"]
    left = admin.delete(comment).json()["comments"]

    assert (refused.status_code, refused.json()["code"]) == (403, "comment_of_another")
    assert (changed[0]["text"], changed[0]["updated_at"] is None) == ("First.", False)
    assert left == []
    assert http.delete(comment).status_code == 404
    texts = [(one["before"], one["after"]) for one in http.get(f"{path}/history").json()["data"]]
    assert [(b and b["text"], a and a["text"]) for b, a in texts] == [
        ("First.", None),
        ("Frist.", "First."),
        (None, "Frist."),
    ]


def test_a_comment_that_is_sent_again_is_one(db: Database, http: httpx.Client, team: Team) -> None:
    path = f"/calls/{make_conversation(db, team)}/comments"
    again = [http.post(path, json={"text": "Once."}, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    other = http.post(path, json={"text": "Twice."}, headers={"Idempotency-Key": "k1"})

    assert [len(answer.json()["comments"]) for answer in again] == [1, 1]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_changes_only_their_own(
    db: Database, services: Services, transport: Any, http: httpx.Client, team: Team, kind: ConversationKind
) -> None:
    email = f"ada@{team.id}.example"
    _, headers = sign_in(db, team, Role.USER, hash_key=services.settings.hash_key, email=email)
    ada = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)
    own = f"/{kind.value}s/{make_conversation(db, team, kind=kind, owner_email=email)}"
    other = f"/{kind.value}s/{make_conversation(db, team, kind=kind)}"
    (by_key,) = http.post(f"{own}/comments", json={"text": "Ours."}).json()["comments"]

    assert patched(ada, own, rating=5)["rating"] == 5
    assert ada.post(f"{own}/comments", json={"text": "Mine."}).status_code == 201
    assert ada.delete(f"{own}/comments/{by_key['id']}").status_code == 403
    assert ada.get(f"{own}/history").status_code == 200
    assert [
        ada.patch(other, json={"rating": 5}).status_code,
        ada.post(f"{other}/comments", json={"text": "Mine."}).status_code,
        ada.get(f"{other}/history").status_code,
    ] == [404, 404, 404]


def test_another_teams_and_the_other_kind_are_not_there(db: Database, http: httpx.Client, team: Team) -> None:
    theirs, meeting = make_conversation(db, make_team(db)), make_conversation(db, team, kind=ConversationKind.MEETING)

    for one in (theirs, meeting):
        assert http.patch(f"/calls/{one}", json={"rating": 1}).json()["code"] == "conversation_not_found"
