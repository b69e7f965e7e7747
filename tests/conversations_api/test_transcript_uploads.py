"""Transcripts that came with an upload as files: by part or field, beside the recording or instead of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conversations_api.conftest import Http
from tests.factories.audio import make_wav

VTT = """WEBVTT

00:00.000 --> 00:02.000
<v Agent>Hello, how can I help?

00:02.500 --> 00:05.500
<v Customer>My bill is wrong.
"""
SRT = """1
00:00:00,000 --> 00:00:02,000
Agent: Hello, how can I help?

2
00:00:02,500 --> 00:00:05,500
Customer: My bill is wrong.
"""
SAID = [
    {"speaker": "Agent", "start": 0.0, "end": 2.0, "text": "Hello, how can I help?"},
    {"speaker": "Customer", "start": 2.5, "end": 5.5, "text": "My bill is wrong."},
]


def told(http: Http, record: dict[str, Any]) -> Any:
    return http.get(f"/calls/{record['id']}", expand="meeting_transcript").json()["transcript"]


@pytest.mark.parametrize("text", [VTT, SRT], ids=["vtt", "srt"])
class TestEitherFormat:
    def test_instead_of_a_recording_as_a_part(self, http: Http, text: str) -> None:
        answer = http.send("POST", "/calls", files={"transcript": ("call.vtt", text, "text/vtt")})

        assert answer.status_code == 202, answer.text
        assert answer.json()["processingStatus"] == "analyzed"
        assert answer.json()["metrics"]["speakRatio"] == 0.4
        assert told(http, answer.json()) == SAID

    def test_as_a_field_of_json(self, http: Http, text: str) -> None:
        answer = http.send("POST", "/calls", json={"transcript": text, "externalCallId": "one"})

        assert answer.status_code == 202, answer.text
        assert told(http, answer.json()) == SAID

    def test_beside_the_recording(self, http: Http, text: str) -> None:
        answer = http.upload(make_wav(), transcript=text)

        assert answer.status_code == 202, answer.text
        assert answer.json()["recordingRef"] is not None
        assert told(http, answer.json()) == SAID


def test_the_same_words_in_either_format_are_the_same_call(http: Http) -> None:
    first = http.send("POST", "/calls", files={"transcript": ("call.vtt", VTT)})
    again = http.send("POST", "/calls", json={"transcript": SRT})

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (VTT.replace("00:05.500", "soon"), "transcript: line 6: '00:02.500 --> soon' are no times of a cue"),
        (SRT.replace("00:00:05,500", "00:00:01,500"), "transcript: line 6: the cue ends before it starts"),
        ("WEBVTT", "transcript: line 1: the file ends without a cue"),
        ("Hello there.", "transcript: line 1: begins no transcript"),
    ],
)
def test_a_malformed_file_names_the_line(http: Http, text: str, message: str) -> None:
    by_part = http.send("POST", "/calls", files={"transcript": ("call.vtt", text)})
    by_field = http.send("POST", "/calls", json={"transcript": text})

    for answer in (by_part, by_field):
        assert answer.status_code == 400
        assert answer.json()["message"][0].startswith(message)
    assert http.get("/calls").json()["meta"]["total"] == 0
