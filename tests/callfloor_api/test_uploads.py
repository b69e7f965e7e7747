"""POST `/api/v2/calls` and `/api/v2/meetings`: recordings, and transcripts as Zoom, Teams and Meet export them."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.conversations.test_given_transcripts import MEET, TEAMS, ZOOM, docx
from tests.factories.audio import make_wav
from tests.factories.sessions import sign_in
from tests.factories.teams import make_team


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db, seats=3)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    """A client of the team that may upload and read."""
    return client(team, "conversations:write", "conversations:read")


def user_of(db: Database, client: ClientOf, services: Services, team: Team) -> tuple[int, httpx.Client]:
    account, session = sign_in(db, team, Role.USER, hash_key=services.settings.hash_key)
    http = client(team)
    http.headers = httpx.Headers(session)
    return account, http


def transcript(http: httpx.Client, name: str, content: bytes, **fields: str) -> dict[str, Any]:
    answer = http.post("/meetings", files={"transcript": (name, content, "application/octet-stream")}, data=fields)
    assert answer.status_code == 202, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


class TestMeetings:
    def test_of_zoom_began_when_their_file_says(self, http: httpx.Client) -> None:
        meeting = transcript(http, "GMT20261103-143000_Recording.transcript.vtt", ZOOM.encode())

        assert (meeting["kind"], meeting["date"]) == ("meeting", "2026-11-03T14:30:00.000Z")
        assert [(s["speaker"], s["text"]) for s in meeting["transcript"]] == [
            ("Jane Doe", "Hello, and welcome."),
            ("Sam O'Neil (he/him)", "Thanks. One thing: the bill."),
        ]
        assert meeting["processing_status"] == "analyzed"
        assert http.get("/meetings").json()["data"][0]["id"] == meeting["id"]

    def test_of_teams_as_vtt_and_as_a_document(self, http: httpx.Client) -> None:
        by_vtt = transcript(http, "Weekly sync.vtt", TEAMS.encode())
        document = docx("Jane Doe started transcription", "Jane Doe   0:03\nHello there.", "Sam Roe   0:05\nHi.")
        by_document = transcript(http, "Weekly sync.docx", document, date="2026-11-03T09:30:00+01:00")

        assert (by_vtt["name"], by_vtt["transcript"][0]["speaker"]) == ("Weekly sync", "Jane Doe")
        assert [s["speaker"] for s in by_document["transcript"]] == ["Jane Doe", "Sam Roe"]
        assert by_document["date"] == "2026-11-03T08:30:00.000Z"

    def test_of_meet_began_when_the_document_says(self, http: httpx.Client) -> None:
        meeting = transcript(http, "Weekly sync.docx", docx(*MEET.splitlines()))

        assert meeting["date"] == "2026-11-03T14:30:00.000Z"
        assert len(meeting["transcript"]) == 3

    def test_a_recording_beside_the_transcript(self, http: httpx.Client) -> None:
        files = {
            "file": ("Weekly sync-20261103_143000UTC-Meeting Recording.mp4", make_wav(seconds=70, rate_hz=8000)),
            "transcript": ("sync.vtt", TEAMS.encode()),
        }
        answer = http.post("/meetings", files=files)

        meeting = answer.json()
        assert answer.status_code == 202, answer.text
        assert meeting["date"] == "2026-11-03T14:30:00.000Z"
        assert meeting["recording_url"] is not None
        assert meeting["transcript"][0]["speaker"] == "Jane Doe"

    def test_is_no_call(self, http: httpx.Client) -> None:
        content = make_wav()
        meeting = http.post("/meetings", files={"file": ("a.wav", content)})
        call = http.post("/calls", files={"file": ("a.wav", content)})

        assert (meeting.status_code, call.status_code) == (202, 202)
        assert http.get(f"/calls/{meeting.json()['id']}").status_code == 404


class TestFields:
    def test_are_spelt_as_everywhere_here(self, http: httpx.Client) -> None:
        people = [{"name": "Dana", "is_internal": True}, {"email": "sam@customer.example"}]
        fields = {
            "external_call_id": "pbx-9",
            "participants": json.dumps(people),
            "muted_intervals": json.dumps([{"start": 0.1, "end": 0.2}]),
            "recording_consent": "granted",
        }
        answer = http.post("/calls", files={"file": ("a.wav", make_wav())}, data=fields)

        call = answer.json()
        assert answer.status_code == 202, answer.text
        assert answer.headers["Location"] == f"/api/v2/calls/{call['id']}"
        assert (call["external_call_id"], call["recording_consent"]) == ("pbx-9", "granted")
        assert [p["is_internal"] for p in call["participants"]] == [True, False]
        assert call["muted_intervals"] == [{"start": 0.1, "end": 0.2}]
        assert call["recording_url"] is None, "not before it is silenced"

    def test_as_json(self, http: httpx.Client) -> None:
        body = {"external_call_id": "t-1", "transcript": ZOOM, "participants": [{"name": "A", "is_internal": True}]}

        first, again = http.post("/calls", json=body), http.post("/calls", json=body)

        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json()["id"] == again.json()["id"]

    def test_that_are_wrong_are_named(self, http: httpx.Client) -> None:
        answer = http.post("/calls", json={"user_email": "nobody", "direction": "up", "transcript": "WEBVTT\n\nHi\n"})

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (422, "validation_error")
        assert {one["field"] for one in problem["errors"]} == {"user_email", "direction", "transcript"}
        assert any(one["message"].startswith("line 3: ") for one in problem["errors"])

    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            ({"files": {"file": ("a.wav", b"nothing of the kind")}}, 415),
            ({"content": b"RIFF", "headers": {"Content-Type": "audio/wav"}}, 415),
            ({"json": {}}, 422),
        ],
    )
    def test_what_is_no_upload(self, http: httpx.Client, request_: dict[str, Any], status: int) -> None:
        answer = http.post("/calls", **request_)

        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


class TestUsers:
    def test_upload_what_is_theirs(self, db: Database, client: ClientOf, services: Services, team: Team) -> None:
        account, http = user_of(db, client, services, team)

        answer = http.post(
            "/calls", files={"file": ("a.wav", make_wav(seconds=70))}, data={"user_email": "a@b.example"}
        )

        assert answer.status_code == 202, answer.text
        assert answer.json()["owner"]["account_id"] == account

    def test_are_not_shown_what_came_before_from_others(
        self, db: Database, client: ClientOf, services: Services, team: Team, http: httpx.Client
    ) -> None:
        content = make_wav()
        http.post("/calls", files={"file": ("a.wav", content)})
        _, user = user_of(db, client, services, team)

        answer = user.post("/calls", files={"file": ("a.wav", content)})

        assert (answer.status_code, answer.json()["code"]) == (409, "conversation_exists")


def test_a_given_transcript_is_measured(http: httpx.Client) -> None:
    said = [("agent", 0.0, 2.0, "Hello?"), ("customer", 2.5, 5.5, "My bill is"), ("agent", 5.0, 8.0, "Your number?")]
    talk = [dict(zip(("speaker", "start", "end", "text"), one, strict=True)) for one in said]

    call = http.post("/calls", json={"transcript": talk}).json()

    assert call["metrics"] == http.get(f"/calls/{call['id']}").json()["metrics"]
    assert call["metrics"] == {
        "speak_share": 0.625,
        "question_count": 2,
        "patience_seconds": 0.0,
        "words_per_minute": 36.0,
        "longest_monologue_seconds": 3.0,
        "interruption_count": 1,
        "silence_share": 0.062,
        "talk_to_listen": 1.667,
    }
