"""`POST /api/v2/calls/{id}/analysis`: what may be analyzed anew, and what is refused."""

from __future__ import annotations

import functools
import json
from typing import Any

import httpx
import pytest

from callfloor.conversations.outcomes import record_failure
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.audio import make_wav
from tests.factories.conversations import make_conversation, make_recorded_call
from tests.factories.teams import make_team

SCOPES = ("conversations:read", "conversations:write", "conversations:erase", "audit:read")
SAID = json.dumps([{"speaker": "Ben", "start": 0, "end": 0.4, "text": "Guten Tag."}])


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    return client(team, *SCOPES)


def uploaded(http: httpx.Client, kind: str = "calls", **fields: str) -> str:
    """Upload an analyzed conversation with its recording; returns its path."""
    data = {"transcript": SAID, "language": "en", **fields}
    answer = http.post(f"/{kind}", files={"file": ("a.wav", make_wav())}, data=data)
    assert answer.status_code == 202, answer.text
    return f"/{kind}/{answer.json()['id']}"


def refused(http: httpx.Client, path: str) -> tuple[int, str]:
    answer = http.post(f"{path}/analysis", json={})
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("kind", ["calls", "meetings"])
@pytest.mark.parametrize("body", [{}, {"language": "de"}, {"language": "auto"}, {"language": None}])
def test_is_queued_and_all_of_before_stays(http: httpx.Client, kind: str, body: dict[str, Any]) -> None:
    path = uploaded(http, kind)
    before = http.get(path)

    answer = http.post(f"{path}/analysis", json=body)

    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["processing_status"], shown["processing_reason"]) == ("queued", None)
    assert (shown["language"], shown["transcript"]) == ("en", before.json()["transcript"])
    assert answer.headers["ETag"] != before.headers["ETag"]
    (entry,) = http.get("/audit", params={"action": f"{kind[:-1]}.analysis_requested"}).json()["data"]
    assert entry["after"] == {"language": body.get("language")}


def test_that_is_under_way_is_not_begun_twice(http: httpx.Client) -> None:
    path = uploaded(http)
    assert http.post(f"{path}/analysis", json={}).status_code == 202

    assert refused(http, path) == (409, "analysis_under_way")


def test_needs_a_recording_that_somebody_agreed_to_and_nobody_holds(
    db: Database, http: httpx.Client, team: Team
) -> None:
    silent = make_conversation(db, team, kind=ConversationKind.MEETING)
    held = uploaded(http)
    assert http.post("/holds", json={"conversation_id": held.rpartition("/")[2], "reason": "Case"}).status_code == 201

    assert refused(http, f"/meetings/{silent}") == (409, "no_recording")
    assert refused(http, uploaded(http, recording_consent="declined")) == (409, "consent_declined")
    assert refused(http, held) == (409, "legal_hold")
    assert refused(http, "/calls/none") == (404, "conversation_not_found")


def test_of_one_that_failed_begins_anew(db: Database, http: httpx.Client, team: Team) -> None:
    call = make_recorded_call(db, team)
    reason = ("silent", "The recording is silent.")
    db.write_now(
        functools.partial(record_failure, team_id=team.id, conversation_id=call, reason=reason, now=clock.now())
    )

    answer = http.post(f"/calls/{call}/analysis", json={})

    assert (answer.status_code, answer.json()["processing_status"]) == (202, "queued")


def test_a_language_is_a_code(http: httpx.Client) -> None:
    answer = http.post(f"{uploaded(http)}/analysis", json={"language": "German!"})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["language"]


def test_is_for_those_who_may_write(http: httpx.Client, client: ClientOf, team: Team) -> None:
    path = uploaded(http)

    assert client(team, "conversations:read").post(f"{path}/analysis", json={}).status_code == 403
