"""`mutedIntervals`: nobody hears or reads them, and nobody is given the recording before they are silent."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callfloor.conversations.muting import MutedInterval, intervals_of
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR
from callfloor.foundation.jobs import newest_jobs
from callfloor.foundation.jobs.queueing import NO_TEAM
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.server.worker import job_kinds
from tests.conversations_api.conftest import Http, Member
from tests.factories.audio import make_wav

Kept = Callable[[], list[Path]]

PAUSE = [{"start": 1.0, "end": 1.5}]
TRANSCRIPT = [
    {"speaker": "Agent", "start": 0.0, "end": 0.9, "text": "Your card, please."},
    {
        "speaker": "Customer",
        "start": 0.9,
        "end": 2.0,
        "text": "It is 4111 1111. Thanks.",
        "words": [
            {"text": "It", "start": 0.9, "end": 0.95},
            {"text": "is", "start": 0.95, "end": 1.0},
            {"text": "4111", "start": 1.0, "end": 1.3},
            {"text": "1111.", "start": 1.3, "end": 1.6},
            {"text": "Thanks.", "start": 1.7, "end": 2.0},
        ],
    },
    {"speaker": "Customer", "start": 1.2, "end": 1.4, "text": "Twelve, thirty."},
]


def work(services: Services, member: Member) -> None:
    """Run the team's jobs but transcription, and what sweeps after them."""
    kinds = [kind for kind in job_kinds() if kind.queue != "speech"]
    drain(services, kinds, now=clock.now(), team_id=member.team.id)
    sweep = next(kind for kind in kinds if kind.name == "sweep_incoming_files")
    order = [job for job in services.db.read_now(partial(newest_jobs, team_id=None)) if job.kind == sweep.name]
    assert order
    drain(services, kinds, now=clock.now(), team_id=NO_TEAM)


def shown(http: Http, call: str) -> dict[str, Any]:
    record: dict[str, Any] = http.get(f"/calls/{call}", expand="meeting_transcript").json()
    return record


def wave_of(content: bytes) -> Any:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype=np.int16)


def download(http: Http, record: dict[str, Any], **headers: str) -> bytes:
    path = record["recordingRef"].removeprefix("https://floor.example")
    return http.send("GET", path, headers=headers).content


def test_are_silent_in_what_is_played_and_the_rest_is_as_it_was(
    services: Services, member: Member, kept_files: Kept
) -> None:
    content = make_wav(seconds=3)
    answer = member.http.upload(content, mutedIntervals=json.dumps(PAUSE))
    assert (answer.status_code, answer.json()["recordingRef"]) == (202, None)

    work(services, member)

    record = shown(member.http, answer.json()["id"])
    expected = wave_of(content).copy()
    expected[8000:12000] = 0
    assert np.array_equal(wave_of(download(member.http, record)), expected)
    assert record["processingStatus"] == "queued"
    assert download(member.http, record, Range="bytes=-100") == download(member.http, record)[-100:]
    assert len(kept_files()) == 1, "what came is gone"
    assert content not in {file.read_bytes() for file in kept_files()}


def test_are_kept_with_the_call_as_they_meet(services: Services, member: Member) -> None:
    given = [{"start": 5, "end": 6}, {"start": 1.0004, "end": 2}, {"start": 1.5, "end": 3}]
    record = member.http.upload(make_wav(), mutedIntervals=json.dumps(given)).json()

    kept = services.db.read_now(partial(intervals_of, team_id=member.team.id, conversation_id=record["id"]))

    assert kept == [MutedInterval(1000, 3000), MutedInterval(5000, 6000)]


def test_are_left_out_of_a_given_transcript(services: Services, member: Member) -> None:
    answer = member.http.upload(make_wav(), mutedIntervals=json.dumps(PAUSE), transcript=json.dumps(TRANSCRIPT))
    work(services, member)

    record = shown(member.http, answer.json()["id"])
    assert [segment["text"] for segment in record["transcript"]] == ["Your card, please.", "It is Thanks."]
    assert record["recordingRef"] is not None
    assert record["processingStatus"] == "analyzed"


def test_of_a_call_whose_consent_was_declined_are_silenced_too(services: Services, member: Member) -> None:
    answer = member.http.upload(make_wav(seconds=2), mutedIntervals=json.dumps(PAUSE), recordingConsent="declined")
    work(services, member)

    assert not wave_of(download(member.http, shown(member.http, answer.json()["id"])))[8000:12000].any()


def test_the_same_content_again_is_the_same_call(services: Services, member: Member, kept_files: Kept) -> None:
    content = make_wav()
    first = member.http.upload(content, mutedIntervals=json.dumps(PAUSE))
    work(services, member)
    again = member.http.upload(content, mutedIntervals=json.dumps(PAUSE))

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    assert len(kept_files()) == 1


def test_of_what_cannot_be_read_leave_it_to_nobody(services: Services, member: Member, kept_files: Kept) -> None:
    answer = member.http.upload(b"RIFF\x24\0\0\0WAVE" + bytes(50), mutedIntervals=json.dumps(PAUSE))
    drain(services, job_kinds(), now=clock.now() + HOUR, team_id=member.team.id)

    record = shown(member.http, answer.json()["id"])
    assert (record["processingStatus"], record["recordingRef"]) == ("failed", None)
    assert record["processingReason"] == "The file is not a recording that can be read."
    assert len(kept_files()) == 1, "what came is kept"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"start": 2, "end": 2}], "mutedIntervals: number 0: must end after it starts"),
        ([{"start": -1, "end": 2}], "mutedIntervals[0].start: expected `float` >= 0.0"),
        ([[1, 2]], "mutedIntervals[0]: expected `object`, got `array`"),
        ([{"start": 0, "end": 1}] * 1001, "mutedIntervals: may hold at most 1000"),
    ],
)
def test_malformed_ones_are_refused(http: Http, given: Any, message: str) -> None:
    answer = http.upload(make_wav(), mutedIntervals=json.dumps(given))

    assert (answer.status_code, answer.json()["message"]) == (400, [message])
