"""Every bad upload has a clear answer, and nothing of it is kept."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from callfloor.foundation.services import Services
from tests.conversations_api.conftest import UPLOAD_LIMIT, Http, Loop, Member, make_member
from tests.conversations_api.forms import FORM, form
from tests.conversations_api.test_uploads import TRANSCRIPT
from tests.factories.audio import make_wav

Kept = Callable[[], list[Path]]

PNG = b"\x89PNG\r\n\x1a\n" + bytes(2000)
NOISE = random.Random(7).randbytes(1_000_000)  # noqa: S311  # noise, the same each time
WAV = make_wav(tone_hz=440)


@pytest.fixture(scope="module")
def member(services: Services, loop: Loop) -> Member:
    """One team for all of these: nothing they send is kept."""
    return make_member(services, loop)


@pytest.fixture(autouse=True)
def _nothing_kept(member: Member, kept_files: Kept) -> Any:
    yield
    assert kept_files() == []
    assert member.http.get("/calls").json()["meta"]["total"] == 0


def refusal(http: Http, status: int, **request: Any) -> Any:
    answer = http.send("POST", "/calls", **request)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["statusCode"] == status
    return body["message"]


class TestTheFile:
    def test_must_be_there(self, http: Http) -> None:
        assert refusal(http, 400, files={"externalCallId": (None, "x")}) == [
            "file: is required; send the recording as a file part, its address as recordingUrl, or a transcript"
        ]

    def test_must_not_be_empty(self, http: Http) -> None:
        assert refusal(http, 400, files={"file": ("call.wav", b"")}) == ["file: is empty"]

    @pytest.mark.parametrize(
        "content",
        [b"this is not audio\n" * 100, b"x", PNG, NOISE, b"%PDF-1.7\n" + bytes(100), b"RIFF\x00\x00\x00\x00AVI "],
        ids=["text", "one byte", "png", "noise", "pdf", "avi"],
    )
    def test_must_begin_like_a_recording(self, http: Http, content: bytes) -> None:
        message = refusal(http, 415, files={"file": ("call.wav", content, "audio/wav")})

        assert message.startswith("file: is not a recording of a known format")

    def test_must_not_be_announced_too_large(self, http: Http) -> None:
        was_read = False

        async def body() -> AsyncIterator[bytes]:
            nonlocal was_read
            was_read = True
            yield b""

        headers = {**FORM, "Content-Length": str(3_000_000_000)}

        assert str(UPLOAD_LIMIT) in refusal(http, 413, content=body(), headers=headers)
        assert not was_read

    @pytest.mark.parametrize("length", ["announced", "unknown"])
    def test_must_not_be_too_large(self, http: Http, length: str) -> None:
        whole = form(("file", WAV + bytes(UPLOAD_LIMIT), "a.wav"))

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(whole), 65536):
                yield whole[at : at + 65536]

        content: Any = whole if length == "announced" else pieces()
        assert str(UPLOAD_LIMIT) in refusal(http, 413, content=content, headers=FORM)

    def test_must_be_one(self, http: Http) -> None:
        body = form(("file", WAV, "a.wav"), ("file", WAV, "b.wav"))

        assert refusal(http, 400, content=body, headers=FORM) == ["file: may be sent once"]

    def test_must_be_a_file_part(self, http: Http) -> None:
        assert refusal(http, 400, content=form(("file", b"abc", None)), headers=FORM) == [
            "file: must be a file part, with a filename"
        ]

    def test_must_be_called_so(self, http: Http) -> None:
        assert refusal(http, 400, files={"recording": ("a.wav", WAV)}) == ["recording: must be a field, not a file"]


class TestTheBody:
    @pytest.mark.parametrize(
        "content_type", ["text/plain", "audio/wav", "application/x-www-form-urlencoded", "", "multipart/mixed"]
    )
    def test_must_be_a_form_or_json(self, http: Http, content_type: str) -> None:
        message = refusal(http, 415, content=WAV, headers={"Content-Type": content_type})

        assert message == "Content-Type must be multipart/form-data or application/json."

    @pytest.mark.parametrize(
        "body",
        [
            form(("file", WAV, "a.wav"), end=b""),
            form(("file", WAV, "a.wav"))[:-4000],
            b"",
            b"no form at all",
            b"--XX\r\nbroken header\r\n\r\nx\r\n--XX--\r\n",
        ],
        ids=["no end", "cut off", "empty", "no form", "broken header"],
    )
    def test_must_be_whole(self, http: Http, body: bytes) -> None:
        (message,) = refusal(http, 400, content=body, headers=FORM)

        assert message.startswith("body: is not a well-formed multipart form")

    def test_must_name_its_boundary(self, http: Http) -> None:
        for content_type in ("multipart/form-data", f"multipart/form-data; boundary={'x' * 300}"):
            refusal(http, 400, content=b"", headers={"Content-Type": content_type})

    def test_must_not_hold_too_much_beside_the_file(self, http: Http) -> None:
        big = form(("name", b"x" * 17_000_000, None))

        assert "together" in refusal(http, 413, content=big, headers=FORM)
        assert "together" in refusal(http, 413, json={"name": "x" * 17_000_000})

    def test_must_be_an_object_when_it_is_json(self, http: Http) -> None:
        for content in (b"[]", b"{", b"\xff", b'{"name": "\\ud800"}', b""):
            (message,) = refusal(http, 400, content=content, headers={"Content-Type": "application/json"})
            assert message.startswith("body: must be a JSON object")

    def test_must_not_hold_too_many_fields_or_one_twice(self, http: Http) -> None:
        many = form(*((f"f{n}", b"x", None) for n in range(101)))
        twice = form(("name", b"x", None), ("name", b"y", None))

        assert refusal(http, 400, content=many, headers=FORM) == ["body: may hold at most 100 fields"]
        assert refusal(http, 400, content=twice, headers=FORM) == ["name: may be given once"]

    def test_takes_no_query(self, http: Http) -> None:
        assert refusal(http, 400, params={"name": "x"}, json={}) == ["name: is not a parameter of an upload"]


WRONG_FIELDS = [
    ("recordingUrl", "ftp://pbx.example/a.wav"),
    ("recordingUrl", "http://93.184.216.34/a.wav"),
    ("recordingUrl", "https://127.0.0.1/a.wav"),
    ("recordingUrl", "https://169.254.169.254/latest/meta-data"),
    ("recordingUrl", "https://[::ffff:10.0.0.1]/a.wav"),
    ("recordingUrl", "https://a:b@pbx.example/a.wav"),
    ("recordingUrl", "x" * 2049),
    ("recordingConsent", "maybe"),
    ("externalCallId", "x" * 256),
    ("externalCallId", "a\x00b"),
    ("date", "yesterday"),
    ("date", "2026-13-01"),
    ("direction", "sideways"),
    ("name", "x" * 501),
    ("language", "english please"),
    ("userEmail", "not an address"),
    ("participants", "not json"),
    ("participants", "{}"),
    ("participants", '[{"nom": "x"}]'),
    ("participants", '[{"name": "x", "isInternal": "yes"}]'),
    ("participants", "[{}]"),
    ("participants", '[{"email": "nope"}]'),
    ("participants", json.dumps([{"name": "x"}] * 101)),
    ("channels", '{"0": "somebody"}'),
    ("channels", '{"2": "agent"}'),
    ("channels", "7"),
    ("transcript", '[{"speaker": "a", "start": 2, "end": 1, "text": "x"}]'),
    ("transcript", '[{"speaker": "a", "start": -1, "end": 1, "text": "x"}]'),
    ("transcript", '[{"speaker": "a", "start": 0, "end": 1e300, "text": "x"}]'),
    ("transcript", '[{"text": "x"}]'),
    ("transcript", '[{"speaker": "a", "start": 0, "end": 1, "text": "a\\u0000b"}]'),
    ("nonsense", "x"),
]


class TestFields:
    @pytest.mark.parametrize(("name", "value"), WRONG_FIELDS)
    @pytest.mark.parametrize("place", ["before the file", "after the file"])
    def test_are_named_when_wrong(self, http: Http, name: str, value: str, place: str) -> None:
        parts: list[tuple[str, bytes, str | None]] = [(name, value.encode(), None), ("file", WAV, "a.wav")]
        body = form(*(parts if place == "before the file" else parts[::-1]))

        messages = refusal(http, 400, content=body, headers=FORM)

        assert [message.partition(":")[0].partition("[")[0] for message in messages] == [name]

    def test_are_all_named_at_once(self, http: Http) -> None:
        messages = refusal(http, 400, json={"transcript": TRANSCRIPT, "date": "x", "direction": 7, "name": []})

        assert sorted(message.partition(":")[0] for message in messages) == ["date", "direction", "name"]

    def test_must_be_utf8(self, http: Http) -> None:
        assert refusal(http, 400, content=form(("name", b"\xff\xfe", None)), headers=FORM) == [
            "name: must be UTF-8 text"
        ]
