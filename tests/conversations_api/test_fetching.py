"""POST /calls with `recordingUrl`: a job fetches the recording, and the record says what became of it."""

from __future__ import annotations

import dataclasses
import functools
import http.server
import ipaddress
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from callfloor.conversations.attaching import keep_asking
from callfloor.conversations.change_tables import conversation_change
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import param
from callfloor.foundation.jobs import JobStatus, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Outgoing
from callfloor.server.worker import job_kinds
from tests.conversations_api.conftest import UPLOAD_LIMIT, Http, Loop, Member, make_member
from tests.factories.audio import make_wav

WAV = make_wav()
_k = conversation_change.c
_changes = select(_k.change).where(_k.team_id == param("team_id"), _k.conversation_id == param("id")).order_by(_k.entry)
LOOPBACK = ipaddress.IPv4Network("127.0.0.0/8")
Reply = Callable[[http.server.BaseHTTPRequestHandler], None]


class Telephony:
    """A server with recordings; it answers as the test says."""

    def __init__(self) -> None:
        self.reply: Reply = lambda handler: answer(handler, WAV)
        self.asked = 0
        telephony = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                telephony.asked += 1
                telephony.reply(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/calls/1001.wav"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def answer(handler: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200, location: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.send_header("Location", location)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def telephony() -> Iterator[Telephony]:
    one = Telephony()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def near(services: Services) -> Services:
    """Services that may ask loopback."""
    outgoing = Outgoing(allowed_networks=(LOOPBACK,), plain_http=True)
    return dataclasses.replace(services, settings=services.settings.model_copy(update={"outgoing": outgoing}))


@pytest.fixture
def member(near: Services, loop: Loop) -> Member:
    """A team whose server may ask loopback."""
    return make_member(near, loop)


def send(http: Http, url: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    answered = http.send("POST", "/calls", json={"recordingUrl": url, **fields})
    return answered.status_code, answered.json()


def jobs(services: Services, member: Member, kind: str) -> list[JobStatus]:
    found = services.db.read_now(functools.partial(newest_jobs, team_id=member.team.id))
    return [job for job in found if job.kind == kind]


def work(services: Services, member: Member, *, later: int = 0) -> None:
    """Run the team's jobs that are due; what they enqueue for speech is left in line."""
    kinds = [kind for kind in job_kinds() if kind.queue != "speech"]
    drain(services, kinds, now=clock.now() + later, team_id=member.team.id)


def record_of(member: Member, call: str) -> dict[str, Any]:
    found: dict[str, Any] = member.http.get(f"/calls/{call}").json()
    return found


def test_is_fetched_kept_and_given_to_the_analysis(near: Services, member: Member, telephony: Telephony) -> None:
    status, record = send(member.http, telephony.url, externalCallId="pbx-1")

    assert (status, record["processingStatus"], record["recordingRef"]) == (202, "queued", None)
    work(near, member)

    fetched = record_of(member, record["id"])
    path = fetched["recordingRef"].removeprefix("https://floor.example")
    assert member.http.send("GET", path).content == WAV
    assert fetched["processingStatus"] == "queued"
    assert len(jobs(near, member, "transcribe_conversation")) == 1


def test_with_pauses_is_silenced_before_anybody_is_given_it(
    near: Services, member: Member, telephony: Telephony
) -> None:
    content = make_wav(seconds=3)
    telephony.reply = lambda handler: answer(handler, content)

    _, record = send(member.http, telephony.url, mutedIntervals=[{"start": 1, "end": 1.5}])
    work(near, member)

    path = record_of(member, record["id"])["recordingRef"].removeprefix("https://floor.example")
    given = member.http.send("GET", path).content
    second = 2 * 8000  # of 16 bit samples, behind a header of 44 bytes
    begin, end = 44 + second, 44 + second * 3 // 2
    assert given[-second:] == content[-second:]
    assert len(jobs(near, member, "transcribe_conversation")) == 1
    assert content[begin:end].strip(b"\0")
    assert not given[-len(content) :][begin:end].strip(b"\0")


def test_the_same_address_again_is_the_same_call(near: Services, member: Member, telephony: Telephony) -> None:
    first = send(member.http, telephony.url)
    again = send(member.http, telephony.url)
    work(near, member)
    later = send(member.http, telephony.url)

    assert (first[0], again[0], later[0]) == (202, 200, 200)
    assert first[1]["id"] == again[1]["id"] == later[1]["id"]
    assert telephony.asked == 1


@pytest.mark.parametrize("pauses", [[], [{"start": 0.1, "end": 0.2}]], ids=["", "with pauses"])
def test_is_asked_again_while_it_does_not_answer(
    near: Services, member: Member, telephony: Telephony, pauses: list[dict[str, float]]
) -> None:
    telephony.reply = lambda handler: answer(handler, b"later", 503)
    _, record = send(member.http, telephony.url, mutedIntervals=pauses)
    work(near, member)
    waiting = record_of(member, record["id"])
    assert waiting["processingStatus"] == "queued"
    assert waiting["processingReason"] == (
        "The recording could not be fetched yet: the address answered 503 Service Unavailable. It is asked again."
    )

    telephony.reply = lambda handler: answer(handler, WAV)
    work(near, member, later=DAY)

    fetched = record_of(member, record["id"])
    assert fetched["recordingRef"] is not None
    assert (fetched["processingStatus"], fetched["processingReason"]) == ("queued", None)
    # Who follows the feed is told of both: that it waits, and that it has come.
    told = near.db.read_now(lambda tx: tx.all(_changes, {"team_id": member.team.id, "id": record["id"]}))
    assert [change for (change,) in told] == ["created", "queued", "queued", *(["queued"] if pauses else [])]


def test_an_attempt_that_was_taken_for_lost_says_nothing_of_what_has_come(
    near: Services, member: Member, telephony: Telephony
) -> None:
    _, record = send(member.http, telephony.url)
    work(near, member)

    late = functools.partial(keep_asking, reason=("recording_not_fetched", "It fell silent."), now=clock.now())
    near.db.write_now(functools.partial(late, team_id=member.team.id, conversation_id=record["id"]))

    assert record_of(member, record["id"])["processingReason"] is None


def test_says_so_when_it_never_answers(near: Services, member: Member, telephony: Telephony) -> None:
    telephony.reply = lambda handler: answer(handler, b"no", 404)
    _, record = send(member.http, telephony.url)
    for day in range(1, 15):
        work(near, member, later=day * DAY)

    failed = record_of(member, record["id"])
    assert failed["processingStatus"] == "failed"
    assert "12 attempts" in failed["processingReason"]
    assert "404" in failed["processingReason"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (lambda handler: answer(handler, b"<html>sign in</html>"), "known format"),
        (lambda handler: answer(handler, WAV[:44] + bytes(UPLOAD_LIMIT)), f"more than {UPLOAD_LIMIT} bytes"),
        (lambda handler: answer(handler, b"", 302, "http://169.254.169.254/latest"), "not public"),
    ],
    ids=["a page", "too large", "a redirect inside"],
)
def test_ends_at_once_when_nothing_can_come_of_it(
    near: Services, member: Member, telephony: Telephony, reply: Reply, reason: str
) -> None:
    telephony.reply = reply
    _, record = send(member.http, telephony.url)
    work(near, member)

    failed = record_of(member, record["id"])
    assert failed["processingStatus"] == "failed"
    assert reason in failed["processingReason"]


def test_comes_beside_a_transcript_that_stays(near: Services, member: Member, telephony: Telephony) -> None:
    said = [{"speaker": "Agent", "start": 0, "end": 1, "text": "Hello."}]
    _, record = send(member.http, telephony.url, transcript=said)
    work(near, member)

    fetched = record_of(member, record["id"])
    assert (fetched["processingStatus"], jobs(near, member, "transcribe_conversation")) == ("analyzed", [])
    assert fetched["recordingRef"] is not None


def test_is_given_instead_of_a_file_not_beside_it(member: Member, telephony: Telephony) -> None:
    answered = member.http.upload(WAV, recordingUrl=telephony.url)

    assert (answered.status_code, answered.json()["message"]) == (400, ["recordingUrl: cannot be combined with file"])


CONSENT = "Consent to the recording was declined: "


class TestDeclinedConsent:
    def test_keeps_the_recording_and_analyzes_nothing(self, near: Services, member: Member) -> None:
        record = member.http.upload(WAV, recordingConsent="declined").json()

        assert (record["recordingConsent"], record["processingStatus"]) == ("declined", "failed")
        assert record["processingReason"] == CONSENT + "it is kept, and not analyzed."
        assert record["recordingRef"] is not None
        assert jobs(near, member, "transcribe_conversation") == []

    def test_keeps_no_transcript_and_fetches_nothing(
        self, near: Services, member: Member, telephony: Telephony
    ) -> None:
        said = [{"speaker": "Agent", "start": 0, "end": 1, "text": "Hello."}]
        _, record = send(member.http, telephony.url, transcript=said, recordingConsent="declined")
        work(near, member)

        whole = member.http.get(f"/calls/{record['id']}", expand="meeting_transcript").json()
        assert (whole["transcript"], telephony.asked) == ([], 0)
        assert record["processingReason"] == CONSENT + "it is not fetched; the transcript that came is not kept."

    def test_says_of_a_transcript_alone_that_it_is_gone(self, member: Member) -> None:
        said = [{"speaker": "Agent", "start": 0, "end": 1, "text": "Hello."}]
        record = member.http.send("POST", "/calls", json={"transcript": said, "recordingConsent": "declined"}).json()

        assert record["processingReason"] == CONSENT + "the transcript that came is not kept."

    def test_that_was_granted_changes_nothing(self, near: Services, member: Member) -> None:
        record = member.http.upload(WAV, recordingConsent="granted").json()

        assert (record["recordingConsent"], record["processingStatus"]) == ("granted", "queued")
