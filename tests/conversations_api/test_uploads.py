"""POST /calls: what an upload becomes, and that the same one is never two calls."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.foundation import clock
from callfloor.foundation.jobs import JobStatus, newest_jobs
from callfloor.foundation.services import Services
from callfloor.teams.teams import add_domain
from tests.conversations_api.conftest import Http, Member
from tests.conversations_api.forms import FORM, form
from tests.factories.audio import make_wav
from tests.factories.teams import make_person

Kept = Callable[[], list[Path]]


def speech_jobs(services: Services, member: Member) -> list[JobStatus]:
    """Return the team's transcriptions: its seats have jobs of their own."""
    jobs = services.db.read_now(functools.partial(newest_jobs, team_id=member.team.id))
    return [job for job in jobs if job.queue == "speech"]


SHARED_KEYS = {
    "id": str,
    "createdAt": str,
    "updatedAt": str,
    "clientId": str,
    "name": str,
    "date": str,
    "summary": None,
    "actionItems": list,
    "participants": list,
    "userQuestions": list,
    "duration": None,
    "emailDraft": None,
    "feedback": list,
    "metrics": dict,
    "type": dict,
    "insights": list,
    "language": None,
    "outcome": None,
    "comments": list,
    "rating": None,
    "user": dict,
    "recordingRef": str,
    "transcript": None,
    "crmReference": dict,
    "customerDomains": list,
    "businessEntities": list,
    "recordingConsent": None,
    "processingStatus": str,
    "processingReason": None,
}
CALL_KEYS = {"caller": None, "callee": None, "direction": None, "externalCallId": None}
TRANSCRIPT = [
    {"speaker": "Agent", "start": 0.0, "end": 2.0, "text": "Hello, how can I help?"},
    {
        "speaker": "Customer",
        "start": 2.5,
        "end": 5.5,
        "text": "My bill is wrong.",
        "words": [{"text": "My", "start": 2.5, "end": 2.7}],
    },
]


def accepted(http: Http, content: bytes, **fields: str) -> dict[str, Any]:
    answer = http.upload(content, **fields)
    assert answer.status_code == 202, answer.text
    record: dict[str, Any] = answer.json()
    return record


class TestNewCall:
    def test_answers_202_with_every_key_of_the_record(self, http: Http) -> None:
        answer = http.upload(make_wav())
        record = answer.json()

        assert answer.status_code == 202
        assert answer.headers["Location"] == f"/calls/{record['id']}"
        assert record.keys() == (SHARED_KEYS | CALL_KEYS).keys()
        for key, kind in (SHARED_KEYS | CALL_KEYS).items():
            assert record[key] is None if kind is None else isinstance(record[key], kind), key
        assert record["processingStatus"] == "queued"
        assert http.send("GET", answer.headers["Location"]).json() == record
        assert http.get("/calls").json()["data"] == [record]

    def test_keeps_what_the_fields_say(self, member: Member) -> None:
        record = accepted(
            member.http,
            make_wav(),
            externalCallId="pbx-1",
            date="2026-02-03T10:11:12+01:00",
            direction="outbound",
            caller="+15550100",
            callee="+15550199",
            name="Zoë's call ☎",
            language="en",
            participants=json.dumps(
                [{"name": "Dana", "isInternal": True}, {"name": "Sam", "email": "Sam@Customer.example"}]
            ),
            channels=json.dumps({"0": "customer", "1": "Dana"}),
        )

        assert record["externalCallId"] == "pbx-1"
        assert record["date"] == "2026-02-03T09:11:12.000Z"
        assert record["direction"] == "outbound"
        assert (record["caller"], record["callee"]) == ("+15550100", "+15550199")
        assert record["name"] == "Zoë's call ☎"
        assert record["language"] == "en"
        assert [(p["name"], p["email"], p["isInternal"]) for p in record["participants"]] == [
            ("Dana", None, True),
            ("Sam", "Sam@Customer.example", False),
        ]
        assert record["customerDomains"] == ["customer.example"]
        assert record["clientId"] == member.key.client_id

    def test_is_named_after_its_file(self, http: Http) -> None:
        assert http.upload(make_wav(), filename="C:\\calls\\Büro 7.wav").json()["name"] == "Büro 7"

    def test_takes_fields_after_the_file_as_well(self, http: Http) -> None:
        content = make_wav()
        body = form(("file", content, "a.wav"), ("name", b"Late", None), ("direction", b"inbound", None))

        answer = http.send("POST", "/calls", content=body, headers=FORM)

        assert answer.status_code == 202
        assert (answer.json()["name"], answer.json()["direction"]) == ("Late", "inbound")

    def test_stores_the_very_bytes(self, http: Http, kept_files: Kept) -> None:
        content = make_wav(seconds=20, rate_hz=16000)

        accepted(http, content)

        assert [file.read_bytes() for file in kept_files()] == [content]

    def test_starts_one_transcription(self, services: Services, member: Member) -> None:
        record = accepted(member.http, make_wav())

        jobs = speech_jobs(services, member)

        assert [(job.kind, job.queue, job.args) for job in jobs] == [
            ("transcribe_conversation", "speech", {"conversation_id": record["id"]})
        ]


class TestOwner:
    def test_is_the_person_of_the_address_else_the_maker_of_the_key(self, services: Services, member: Member) -> None:
        person = make_person(services.db, member.team, email=f"agent-{member.team.id}@ours.example")

        named = accepted(member.http, make_wav(), userEmail=f"AGENT-{member.team.id}@ours.example")
        unknown = accepted(member.http, make_wav(), userEmail="nobody@elsewhere.example")
        silent = accepted(member.http, make_wav())

        assert named["user"]["id"] == str(person.account_id)
        assert unknown["user"]["id"] == silent["user"]["id"] == str(member.account_id)

    def test_is_shown_in_full_when_expanded(self, member: Member) -> None:
        record = accepted(member.http, make_wav())

        user = member.http.get(f"/calls/{record['id']}", expand="user_client_augmentation").json()["user"]

        assert record["user"].keys() == {"id", "name", "email"}
        assert user.keys() == {"id", "name", "email", "firstName", "lastName", "clientId", "createdAt"}
        assert user["firstName"] == "Ada"


class TestInternalOrExternal:
    def test_follows_the_domains_of_the_team(self, services: Services, member: Member) -> None:
        add = functools.partial(
            add_domain, team_id=member.team.id, domain="ours.example", actor=OPERATOR, now=clock.now()
        )
        services.db.write_now(add)
        people = [{"email": "dana@OURS.example"}, {"email": "ben@ours.example"}]

        inside = accepted(member.http, make_wav(), participants=json.dumps(people))
        mixed = accepted(member.http, make_wav(), participants=json.dumps([*people, {"name": "Unknown"}]))

        assert [p["isInternal"] for p in mixed["participants"]] == [True, True, False]
        assert [r["id"] for r in member.http.get("/calls", scopes="internal").json()["data"]] == [inside["id"]]
        assert [r["id"] for r in member.http.get("/calls").json()["data"]] == [mixed["id"]]

    def test_what_the_upload_says_counts_first(self, member: Member) -> None:
        people = [{"email": "x@elsewhere.example", "isInternal": True}]

        record = accepted(member.http, make_wav(), participants=json.dumps(people))

        assert record["participants"][0]["isInternal"] is True
        assert record["customerDomains"] == []


class TestSameCallAgain:
    def test_by_its_external_id(self, http: Http, kept_files: Kept) -> None:
        first = accepted(http, make_wav(), externalCallId="same")

        again = http.upload(make_wav(), externalCallId="same", name="Other")

        assert again.status_code == 200
        assert again.json() == first
        assert len(kept_files()) == 1

    def test_by_its_content(self, http: Http, kept_files: Kept) -> None:
        content = make_wav()
        first = accepted(http, content)

        again = http.upload(content, filename="other-name.wav")

        assert again.status_code == 200
        assert again.json()["id"] == first["id"]
        assert len(kept_files()) == 1

    def test_by_its_content_when_only_the_first_had_an_id(self, http: Http) -> None:
        content = make_wav()
        first = accepted(http, content, externalCallId="with-id")

        assert http.upload(content).json()["id"] == first["id"]

    def test_is_another_call_with_another_external_id(self, http: Http) -> None:
        content = make_wav()

        assert accepted(http, content, externalCallId="a")["id"] != accepted(http, content, externalCallId="b")["id"]

    def test_is_another_call_in_another_team(self, member: Member, stranger: Member) -> None:
        content = make_wav()

        mine = accepted(member.http, content, externalCallId="shared")
        theirs = accepted(stranger.http, content, externalCallId="shared")

        assert mine["id"] != theirs["id"]

    @pytest.mark.parametrize("fields", [{"externalCallId": "race"}, {}], ids=["external id", "content"])
    def test_at_the_same_moment_is_one_call(
        self, services: Services, member: Member, kept_files: Kept, fields: dict[str, str]
    ) -> None:
        content = make_wav(seconds=2)
        upload = {"files": {"file": ("a.wav", content)}, "data": fields}

        answers = member.http.together([("POST", "/calls", upload)] * 8)

        assert sorted(a.status_code for a in answers) == [200] * 7 + [202]
        assert len({a.json()["id"] for a in answers}) == 1
        assert member.http.get("/calls").json()["meta"]["total"] == 1
        assert len(kept_files()) == 1
        assert len(speech_jobs(services, member)) == 1


class TestGivenTranscript:
    def test_stands_for_the_recording(self, http: Http) -> None:
        answer = http.send("POST", "/calls", json={"transcript": TRANSCRIPT, "externalCallId": "t-1"})
        record = answer.json()

        assert answer.status_code == 202
        assert record["processingStatus"] == "analyzed"
        assert record["duration"] == 5.5
        assert record["metrics"]["speakRatio"] == 0.4
        assert record["metrics"]["talkToListen"] == 0.667
        shown = http.get(f"/calls/{record['id']}", expand="meeting_transcript").json()
        assert shown["transcript"] == TRANSCRIPT

    def test_comes_beside_the_recording_too(self, services: Services, member: Member, kept_files: Kept) -> None:
        record = accepted(member.http, make_wav(), transcript=json.dumps(TRANSCRIPT))

        assert record["processingStatus"] == "analyzed"
        assert len(kept_files()) == 1
        assert speech_jobs(services, member) == []

    def test_again_is_the_same_call(self, http: Http) -> None:
        first = http.send("POST", "/calls", json={"transcript": TRANSCRIPT})
        again = http.send("POST", "/calls", json={"transcript": TRANSCRIPT})

        assert (first.status_code, again.status_code) == (202, 200)
        assert first.json()["id"] == again.json()["id"]

    def test_gives_participants_their_share(self, http: Http) -> None:
        people = [{"name": "Agent", "isInternal": True}, {"name": "Customer"}]

        record = http.send("POST", "/calls", json={"transcript": TRANSCRIPT, "participants": people}).json()

        assert [p["speakRatio"] for p in record["participants"]] == [0.4, 0.6]
