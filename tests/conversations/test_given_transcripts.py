"""Transcripts that others made: what each product exports is read, and what is malformed names its line."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

import pytest

from callfloor.conversations.cue_files import TranscriptMalformed
from callfloor.conversations.given_transcripts import read_transcript
from callfloor.conversations.transcript_notes import start_in_name
from callfloor.foundation.clock import iso

Said = list[tuple[str, float, float, str]]

ZOOM = """WEBVTT

1
00:00:03.030 --> 00:00:05.250
Jane Doe: Hello, and welcome.

2
00:00:05.900 --> 00:00:07.000
Sam O'Neil (he/him): Thanks. One thing: the bill.
"""
TEAMS = """WEBVTT

4f6b3f0e-58d4-4a0b-9f2c-0a5b2c1d9e7f/12-0
00:00:03.213 --> 00:00:06.853
<v Jane Doe>Hello, and
welcome.</v>

4f6b3f0e-58d4-4a0b-9f2c-0a5b2c1d9e7f/14-0
00:01:06.853 --> 00:01:07.100
<v Sam &amp; Max><i>Thanks.</i></v>
"""
OLD_TEAMS = """WEBVTT

NOTE duration:"00:00:07.1000000"

NOTE language:en-us

NOTE Confidence: 0.9

0:0:3.21 --> 0:0:6.853
<v Jane Doe>Hello.</v>
"""
SRT = """\ufeff1\r
00:00:01,000 --> 00:00:02,500\r
Agent: Hello.\r
\r
2\r
00:00:02,500 --> 00:00:06,500\r
Agent: How can I?\r
Customer: My bill.\r
"""
MEET = """Weekly sync (2026-11-03 at 09:30 GMT-5) - Transcript
Attendees
Jane Doe, Sam Roe
Transcript
This editable transcript was computer generated and might contain errors.
00:00:00

Jane Doe: Good morning everybody.
Sam Roe: Hi.
And how are you?

00:05:00

Jane Doe: That is all.
Meeting ended after 00:05:10
"""


def said(content: str | bytes) -> Said:
    given = read_transcript(content if isinstance(content, bytes) else content.encode())
    return [(s.speaker, s.start_ms / 1000, s.end_ms / 1000, s.text) for s in given.segments]


def docx(*paragraphs: str, document: str | None = None) -> bytes:
    namespace = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    body = "".join(
        "<w:p>" + "<w:br/>".join(f"<w:r><w:t>{escape(line)}</w:t></w:r>" for line in one.split("\n")) + "</w:p>"
        for one in paragraphs
    )
    written = document or f'<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", written)
    return file.getvalue()


class TestProducts:
    def test_zoom_names_before_a_colon(self) -> None:
        assert said(ZOOM) == [
            ("Jane Doe", 3.03, 5.25, "Hello, and welcome."),
            ("Sam O'Neil (he/him)", 5.9, 7.0, "Thanks. One thing: the bill."),
        ]

    def test_zooms_saved_captions_count_from_their_first_time_of_day(self) -> None:
        captions = "[Jane Doe] 10:03:15\nHello there.\n\n[Sam Roe] 10:03:18\nHi.\n"

        assert said(captions) == [("Jane Doe", 0, 0.8, "Hello there."), ("Sam Roe", 3, 3.4, "Hi.")]

    def test_teams_voices(self) -> None:
        assert said(TEAMS) == [
            ("Jane Doe", 3.213, 6.853, "Hello, and welcome."),
            ("Sam & Max", 66.853, 67.1, "Thanks."),
        ]
        assert said(OLD_TEAMS) == [("Jane Doe", 3.21, 6.853, "Hello.")]

    def test_teams_document(self) -> None:
        document = docx(
            "Weekly sync-20261103_093000-Meeting Recording",
            "November 3, 2026, 9:30AM",
            "Jane Doe started transcription",
            "Jane Doe   0:03\nHello there.",
            "Sam Roe   0:05\nHi & bye.",
            "Jane Doe stopped transcription",
        )

        assert said(document) == [("Jane Doe", 3, 3.8, "Hello there."), ("Sam Roe", 5, 6.2, "Hi & bye.")]

    def test_older_teams_document(self) -> None:
        document = docx("Sync", "0:0:0.0 --> 0:0:3.460", "Jane Doe", "Hello.", "0:0:4.0 --> 0:0:5.0", "Sam Roe", "Hi.")

        assert said(document) == [("Jane Doe", 0, 3.46, "Hello."), ("Sam Roe", 4, 5, "Hi.")]

    @pytest.mark.parametrize("content", [MEET.encode(), docx(*MEET.splitlines())], ids=["text", "docx"])
    def test_meet_tells_the_time_now_and_then(self, content: bytes) -> None:
        given = read_transcript(content)

        assert given.began_at is not None
        assert iso(given.began_at) == "2026-11-03T14:30:00.000Z"
        assert said(content) == [
            ("Jane Doe", 0, 1.2, "Good morning everybody."),
            ("Sam Roe", 1.2, 3.2, "Hi. And how are you?"),
            ("Jane Doe", 300, 301.2, "That is all."),
        ]

    def test_telephony_srt_with_two_speakers_in_a_cue(self) -> None:
        assert said(SRT) == [
            ("Agent", 1, 2.5, "Hello."),
            ("Agent", 2.5, 4.722, "How can I?"),
            ("Customer", 4.722, 6.5, "My bill."),
        ]

    def test_a_colon_in_a_sentence_makes_no_speaker(self) -> None:
        cues = [
            f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n"
            for n, text in enumerate(("One.", "I said: no.", "Two."), 1)
        ]

        assert {speaker for speaker, *_ in said("\n".join(cues))} == {"Speaker"}

    @pytest.mark.parametrize(
        ("name", "began"),
        [
            ("GMT20261103-143000_Recording.transcript.vtt", "2026-11-03T14:30:00.000Z"),
            ("Weekly sync-20261103_143000UTC-Meeting Recording.mp4", "2026-11-03T14:30:00.000Z"),
            ("abc-defg-hij (2026-11-03 at 09_30 GMT-5).mp4", "2026-11-03T14:30:00.000Z"),
        ],
    )
    def test_names_of_files_tell_when_it_began(self, name: str, began: str) -> None:
        found = start_in_name(name)

        assert found is not None
        assert iso(found) == began

    @pytest.mark.parametrize("name", ["call.wav", "GMT20261303-143000_Recording.vtt", "20261103_143000.wav"])
    def test_other_names_tell_nothing(self, name: str) -> None:
        assert start_in_name(name) is None


class TestLenience:
    def test_cue_without_an_empty_line_before_it(self) -> None:
        srt = "1\n00:00:01,000 --> 00:00:02,000\nOne.\n2\n00:00:02,000 --> 00:00:03,000\nTwo.\n"

        assert [text for *_, text in said(srt)] == ["One.", "Two."]

    def test_header_settings_styles_and_cue_settings_are_passed_over(self) -> None:
        vtt = (
            "WEBVTT - Title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\n"
            "00:01.000 --> 00:02.000 align:start position:0%\n<c.red>Hi</c>\n"
        )

        assert said(vtt) == [("Speaker", 1, 2, "Hi")]

    def test_utf_16(self) -> None:
        assert said(ZOOM.encode("utf-16")) == said(ZOOM)


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        ("WEBVTT\n\n1\n00:00:03.030 -> 00:00:05.250\nHi.\n", 3, "neither it nor the next one"),
        ("WEBVTT\n\n1\n00:00:03.030 --> soon\nHi.\n", 4, "'00:00:03.030 --> soon' are no times"),
        ("1\n00:00:01,000 --> 00:00:02,000\nOne.\n\n2\n00:00:05,000 --> 00:00:04,000\nTwo.\n", 6, "ends before"),
        ("1\n900:00:01,000 --> 900:00:02,000\nOne.\n", 2, "more than a week"),
        ("WEBVTT\n", 2, "without a cue"),
        ("", 1, "is empty"),
        ("Dear all,\nthis is a letter.\n", 1, "begins no transcript"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\xe4\xf6\n", 3, "no UTF-8"),
        ("1\n00:00:01,000 --> 00:00:02,000\nHi\x00\n", 3, "NUL"),
        ("00:00:01\nJane: Hi.\n999:00:00\nJane: Hi.\n", 3, "later than a week"),
        (b"PK\x03\x04nothing", 1, "no Word document"),
        (docx(document="<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), 1, "type of its own"),
        (docx(document="<a><b></a>"), 1, "damaged"),
        (docx(document=" " * 17_000_000), 1, "more than"),
    ],
)
def test_malformed_files_name_their_line(content: str | bytes, line: int, part: str) -> None:
    with pytest.raises(TranscriptMalformed, match=part) as refused:
        said(content)

    assert str(refused.value).startswith(f"line {line}: ")
