"""`/api/v2/uploads`: tus 1.0, as any client of it expects, and what becomes of what was uploaded."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

import httpx
import pytest

from callfloor.access.tables import Role
from callfloor.conversations.jobs import SWEEP_INCOMING_FILES
from callfloor.conversations.tus import advance_upload, claim_upload
from callfloor.conversations_api.tus_jobs import FINISH_UPLOAD, FORGET_UPLOADS
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, MINUTE
from callfloor.foundation.database import Database
from callfloor.foundation.jobs import Enqueue, enqueue, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.server.worker import job_kinds
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.audio import make_wav
from tests.factories.sessions import sign_in
from tests.factories.teams import make_team

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = "application/offset+octet-stream"


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db, seats=3)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    """A client of the team that may upload and read."""
    return client(team, "conversations:write", "conversations:read")


def metadata(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


def begin(http: httpx.Client, content: bytes, **fields: str) -> httpx.Response:
    headers = {**TUS, "Upload-Length": str(len(content)), "Upload-Metadata": metadata(**fields)}
    return http.post("/uploads", headers=headers)


def begun(http: httpx.Client, content: bytes, **fields: str) -> str:
    answer = begin(http, content, **fields)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].partition("/api/v2")[2]


def piece(http: httpx.Client, upload: str, content: bytes, *, at: int, **headers: str) -> httpx.Response:
    return http.patch(
        upload, content=content, headers={**TUS, "Upload-Offset": str(at), "Content-Type": PIECE, **headers}
    )


def kept(services: Services, team: Team) -> list[Path]:
    folder = services.settings.data / "files"
    own = (folder / f"recordings/{team.id}", folder / f"_growing/{team.id}")
    return [path for part in own for path in part.rglob("*") if path.is_file()]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


class TestProtocol:
    def test_tells_what_it_can_to_everybody(self, http: httpx.Client) -> None:
        http.headers = httpx.Headers()

        answer = http.options("/uploads")

        assert answer.status_code == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,checksum,expiration,termination"
        assert answer.headers["Tus-Max-Size"] == "2000000000"
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha1,sha256,md5"

    def test_takes_a_recording_in_pieces(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = make_wav(seconds=2)
        upload = begun(http, content, filename="Zoë 7.wav", external_call_id="pbx-7", direction="inbound")

        asked = http.head(upload, headers=TUS)
        assert (asked.status_code, asked.headers["Upload-Offset"]) == (200, "0")
        assert asked.headers["Upload-Length"] == str(len(content))
        assert asked.headers["Cache-Control"] == "no-store"
        assert asked.headers["Upload-Expires"].endswith("GMT")
        first = piece(http, upload, content[:9000], at=0)
        assert (first.status_code, first.headers["Upload-Offset"]) == (204, "9000")
        assert http.head(upload, headers=TUS).headers["Upload-Offset"] == "9000"
        last = piece(http, upload, content[9000:], at=9000)

        assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(content)))
        assert last.headers["Upload-Conversation-New"] == "true"
        call = http.get(last.headers["Upload-Conversation"].removeprefix("/api/v2")).json()
        assert (call["name"], call["external_call_id"], call["direction"]) == ("Zoë 7", "pbx-7", "inbound")
        assert call["processing_status"] == "queued"
        assert [file.read_bytes() for file in kept(services, team)] == [content]
        shown = http.get(upload).json()
        assert (shown["offset"], shown["conversation_id"], shown["is_new_conversation"]) == (
            len(content),
            call["id"],
            True,
        )

    def test_creation_with_upload(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = make_wav()
        headers = {**TUS, "Upload-Length": str(len(content)), "Content-Type": PIECE}

        answer = http.post("/uploads", content=content, headers=headers)

        assert (answer.status_code, answer.headers["Upload-Offset"]) == (201, str(len(content)))
        assert answer.headers["Upload-Conversation-New"] == "true"
        assert [file.read_bytes() for file in kept(services, team)] == [content]

    @pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
    def test_checksums(self, http: httpx.Client, algorithm: str) -> None:
        content = make_wav()
        upload = begun(http, content)
        right, wrong = (
            f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"
            for data in (content[:5000], b"other")
        )

        refused = piece(http, upload, content[:5000], at=0, **{"Upload-Checksum": wrong})
        assert code(refused) == (460, "checksum_mismatch")
        assert http.head(upload, headers=TUS).headers["Upload-Offset"] == "0"

        assert piece(http, upload, content[:5000], at=0, **{"Upload-Checksum": right}).status_code == 204
        assert piece(http, upload, content[5000:], at=5000).headers["Upload-Conversation-New"] == "true"

    def test_termination(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = make_wav()
        upload = begun(http, content)
        piece(http, upload, content[:100], at=0)
        assert len(kept(services, team)) == 1

        assert http.delete(upload, headers=TUS).status_code == 204

        assert kept(services, team) == []
        assert code(piece(http, upload, content[100:], at=100)) == (404, "upload_not_found")

    def test_expiration(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = make_wav()
        upload = begun(http, content)
        piece(http, upload, content[:100], at=0)

        forget(services, now=clock.now() + DAY - MINUTE)
        assert http.head(upload, headers=TUS).headers["Upload-Offset"] == "100"
        forget(services, now=clock.now() + DAY + MINUTE)

        assert kept(services, team) == []
        assert http.head(upload, headers=TUS).status_code == 404

    def test_what_is_left_of_uploads_that_ended_goes(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = make_wav()
        upload, whole = begun(http, content), begun(http, content)
        piece(http, upload, content[:100], at=0)
        piece(http, whole, content, at=0)
        growing = services.settings.data / f"files/_growing/{team.id}"
        for name in ("019aa8f2-6f1c-7c3e-9a55-2b7f6f0d9c11", whole.rpartition("/")[2]):
            (growing / name).write_bytes(b"of a writer that came too late")
        (foreign := growing.parent / "notes.txt").write_bytes(b"of somebody else")

        forget(services, now=clock.now())

        assert foreign.exists()

        assert [path.name for path in growing.iterdir()] == [upload.rpartition("/")[2]]
        assert piece(http, upload, content[100:], at=100).headers["Upload-Conversation-New"] == "false"

    def test_a_method_by_header(self, http: httpx.Client) -> None:
        content = make_wav()
        upload = begun(http, content)
        headers = {**TUS, "Upload-Offset": "0", "Content-Type": PIECE, "X-HTTP-Method-Override": "PATCH"}

        assert http.post(upload, content=content, headers=headers).status_code == 204


def forget(services: Services, *, now: int) -> None:
    order = Enqueue(kind=FORGET_UPLOADS.name, args={}, team_id=None, now=now)
    services.db.write_now(functools.partial(enqueue, order=order))
    drain(services, [FORGET_UPLOADS, SWEEP_INCOMING_FILES], now=now, team_id=0)  # other tests leave some to be swept


class TestRefusals:
    def test_another_version(self, http: httpx.Client) -> None:
        answer = http.post("/uploads", headers={"Upload-Length": "5", "Tus-Resumable": "0.2.2"})

        assert code(answer) == (412, "tus_version")
        assert answer.headers["Tus-Resumable"] == "1.0.0"

    @pytest.mark.parametrize(
        ("headers", "told"),
        [
            ({}, "Upload-Length: is required, with the size of the whole recording in bytes"),
            (
                {"Upload-Length": "9", "Upload-Metadata": "direction c2lkZXdheXM="},
                "direction: must be inbound or outbound",
            ),
            ({"Upload-Length": "9", "Upload-Metadata": "colour cmVk"}, "colour: is not a field of an upload"),
            (
                {"Upload-Length": "9", "Upload-Metadata": "kind cGFydHk="},
                "Upload-Metadata: kind: must be call or meeting",
            ),
            (
                {"Upload-Length": "9", "Upload-Metadata": "name %%%"},
                "Upload-Metadata: name: must be UTF-8 text in Base64",
            ),
            (
                {"Upload-Length": "9", "Upload-Metadata": "recording_url aHR0cHM6Ly94Lw=="},
                "Upload-Metadata: recordingUrl: the recording is what is uploaded",
            ),
        ],
    )
    def test_a_beginning_that_is_none(self, http: httpx.Client, headers: dict[str, str], told: str) -> None:
        answer = http.post("/uploads", headers={**TUS, **headers})

        assert (answer.status_code, answer.json()["detail"]) == (422, told)

    def test_more_than_is_taken(self, http: httpx.Client) -> None:
        answer = http.post("/uploads", headers={**TUS, "Upload-Length": "2000000001"})

        assert code(answer) == (413, "upload_too_large")

    def test_a_piece_that_does_not_fit(self, http: httpx.Client) -> None:
        content = make_wav()
        upload = begun(http, content)
        beyond = len(content) + 1

        assert code(piece(http, upload, b"x" * 10, at=5)) == (409, "offset_mismatch")
        assert code(piece(http, upload, b"x" * beyond, at=0)) == (413, "upload_too_large")
        assert code(piece(http, upload, b"x", at=0, **{"Content-Type": "audio/wav"})) == (415, "unsupported_media_type")
        assert http.head(upload, headers=TUS).headers["Upload-Offset"] == "0"

    def test_what_is_no_recording(self, http: httpx.Client, services: Services, team: Team) -> None:
        content = b"this is no recording " * 1000
        upload = begun(http, content)

        answer = piece(http, upload, content, at=0)

        assert code(answer) == (415, "unsupported_media_type")
        assert http.head(upload, headers=TUS).status_code == 404
        assert http.get("/calls").json()["total"] == 0
        assert kept(services, team) == []

    def test_uploads_of_others(
        self, db: Database, client: ClientOf, http: httpx.Client, services: Services, team: Team
    ) -> None:
        content = make_wav()
        upload = begun(http, content)
        stranger = client(make_team(db), "conversations:write")
        _, session = sign_in(db, team, Role.USER, hash_key=services.settings.hash_key)
        colleague = client(team, "conversations:write")
        colleague.headers = httpx.Headers(session)

        for other in (stranger, colleague):
            assert other.head(upload, headers=TUS).status_code == 404
            assert piece(other, upload, content, at=0).status_code == 404
            assert other.get(upload).status_code == 404
            assert other.delete(upload, headers=TUS).status_code == 404


class TestConversation:
    def test_of_a_user_is_their_own(self, db: Database, client: ClientOf, services: Services, team: Team) -> None:
        account, session = sign_in(db, team, Role.USER, hash_key=services.settings.hash_key)
        http = client(team)
        http.headers = httpx.Headers(session)
        content = make_wav()

        answer = piece(http, begun(http, content, user_email="boss@ours.example"), content, at=0)

        call = http.get(answer.headers["Upload-Conversation"].removeprefix("/api/v2")).json()
        assert call["owner"]["account_id"] == account

    @pytest.mark.parametrize("fields", [{"external_call_id": "same"}, {}], ids=["external id", "content"])
    def test_that_came_before_is_the_same(
        self, http: httpx.Client, services: Services, team: Team, fields: dict[str, str]
    ) -> None:
        content = make_wav()
        first = http.post("/calls", files={"file": ("a.wav", content)}, data=fields)
        assert first.status_code == 202, first.text

        again = piece(http, begun(http, content, **fields), content, at=0)

        assert again.headers["Upload-Conversation"] == first.headers["Location"]
        assert again.headers["Upload-Conversation-New"] == "false"
        assert len(kept(services, team)) == 1

    def test_may_be_a_meeting_with_a_transcript(self, http: httpx.Client) -> None:
        content = make_wav()
        transcript = "WEBVTT\n\n00:00.000 --> 00:00.400\n<v Ada>Hello.\n"
        name = "GMT20261103-143000_Recording.wav"

        answer = piece(http, begun(http, content, kind="meeting", filename=name, transcript=transcript), content, at=0)

        meeting = http.get(answer.headers["Upload-Conversation"].removeprefix("/api/v2")).json()
        assert (meeting["kind"], meeting["date"]) == ("meeting", "2026-11-03T14:30:00.000Z")
        assert meeting["transcript"][0]["text"] == "Hello."

    def test_is_made_by_a_job_when_the_request_could_not(
        self, http: httpx.Client, services: Services, team: Team
    ) -> None:
        content = make_wav()
        upload = begun(http, content)
        write_whole_without_finishing(services, team, upload.rpartition("/")[2], content)

        kinds = [kind for kind in job_kinds() if kind.queue != "speech"]
        drain(services, kinds, now=clock.now() + 2 * MINUTE, team_id=team.id)

        shown = http.get(upload).json()
        assert http.get(f"/calls/{shown['conversation_id']}").status_code == 200
        jobs = services.db.read_now(functools.partial(newest_jobs, team_id=team.id))
        assert [job.state for job in jobs if job.kind == FINISH_UPLOAD.name] == ["done"]
        assert http.head(upload, headers=TUS).headers["Upload-Conversation-New"] == "true"


def write_whole_without_finishing(services: Services, team: Team, upload_id: str, content: bytes) -> None:
    """Do what a server has done when it is killed right behind the last byte."""
    path = services.settings.data / f"files/_growing/{team.id}/{upload_id}"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    now = clock.now()
    claim = functools.partial(claim_upload, team_id=team.id, upload_id=upload_id, writer="w")
    services.db.write_now(functools.partial(claim, offset=0))
    reach = functools.partial(advance_upload, team_id=team.id, upload_id=upload_id, writer="w", reached=len(content))
    services.db.write_now(functools.partial(reach, parts=[], now=now, until=now + DAY))
