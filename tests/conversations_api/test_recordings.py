"""GET /recordings/{id}: the bytes that were uploaded, by an address that needs no headers, for two days."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from callfloor.conversations.recording_links import recording_path
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Member
from tests.factories.audio import make_wav

WAV = make_wav()


@pytest.fixture
def address(http: Http) -> str:
    """The address of a recording that was just uploaded, as the record gives it."""
    given: str = http.upload(WAV, filename="Zoë's call.wav").json()["recordingRef"]
    return given


@pytest.fixture
def stranger(http: Http) -> Http:
    """A client without a key."""
    http.headers = {}
    return http


def fetch(stranger: Http, address: str, method: str = "GET", **headers: str) -> httpx.Response:
    parts = urlsplit(address)
    return stranger.send(method, f"{parts.path}?{parts.query}", headers=headers)


def test_gives_the_very_bytes_without_a_key(address: str, stranger: Http) -> None:
    answer = fetch(stranger, address)

    assert address.startswith("https://floor.example/recordings/")
    assert (answer.status_code, answer.content) == (200, WAV)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["content-length"] == str(len(WAV))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"].endswith("filename*=UTF-8''Zo%C3%AB%27s%20call.wav")


def test_is_good_for_two_days(services: Services, member: Member, address: str, stranger: Http) -> None:
    expires = int(parse_qs(urlsplit(address).query)["expires"][0]) * 1000
    assert 2 * DAY <= expires - clock.now() <= 2 * DAY + 2 * HOUR

    recording_id = urlsplit(address).path.rpartition("/")[2]
    key = services.settings.hash_key
    old = recording_path(member.team.id, recording_id, now=clock.now() - 2 * DAY - 2 * HOUR, key=key)

    answer = fetch(stranger, old)
    assert answer.status_code == 410
    assert "read the record again" in answer.json()["message"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=4-", slice(4, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=10-999999999", slice(10, None)),
        ("bytes=-999999999", slice(0, None)),
        ("bytes= 2 - 5 ", slice(2, 6)),
    ],
)
def test_gives_a_part(address: str, stranger: Http, asked: str, expected: slice) -> None:
    answer = fetch(stranger, address, Range=asked)

    wanted = WAV[expected]
    start = WAV.index(wanted) if expected.start != 0 else 0
    assert (answer.status_code, answer.content) == (206, wanted)
    assert answer.headers["content-range"].endswith(f"/{len(WAV)}")
    if expected.start is not None and expected.start >= 0:
        start = expected.start
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{len(WAV)}"


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_refuses_a_part_that_is_not_there(address: str, stranger: Http, asked: str) -> None:
    answer = fetch(stranger, address, Range=asked)

    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(WAV)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b", "bytes=-"])
def test_gives_the_whole_for_what_is_no_single_range(address: str, stranger: Http, asked: str) -> None:
    answer = fetch(stranger, address, Range=asked)

    assert (answer.status_code, answer.content) == (200, WAV)


def test_goes_on_only_with_the_same_recording(address: str, stranger: Http) -> None:
    tag = fetch(stranger, address, "HEAD").headers["etag"]

    assert fetch(stranger, address, **{"Range": "bytes=4-", "If-Range": tag}).status_code == 206
    assert fetch(stranger, address, **{"Range": "bytes=4-", "If-Range": '"another"'}).status_code == 200
    assert fetch(stranger, address, **{"If-None-Match": tag}).status_code == 304


def test_tells_of_it_without_sending_it(address: str, stranger: Http) -> None:
    answer = fetch(stranger, address, "HEAD")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(WAV)))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("team=", "team=1"), ("expires=", "expires=9"), ("signature=", "signature=A"), ("/recordings/", "/recordings/x")],
)
def test_refuses_an_address_that_was_changed(address: str, stranger: Http, wrong: str, right: str) -> None:
    assert fetch(stranger, address.replace(wrong, right)).status_code == 403


@pytest.mark.parametrize("path", ["/recordings", "/recordings/", "/recordings/a/b"])
def test_has_no_list(stranger: Http, path: str) -> None:
    assert stranger.send("GET", path).status_code == 404


def test_is_only_read(address: str, stranger: Http) -> None:
    answer = fetch(stranger, address, "DELETE")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_says_when_the_file_is_gone(services: Services, http: Http, address: str, stranger: Http) -> None:
    folder = services.settings.data / "files" / "recordings"
    for path in folder.rglob(urlsplit(address).path.rpartition("/")[2]):
        path.unlink()

    assert fetch(stranger, address).status_code == 404
