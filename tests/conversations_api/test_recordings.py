"""GET /recordings/{id}: the bytes that were uploaded, by an address that needs no headers, for two days."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from callfloor.access.trail import Entry, Search, found_entries
from callfloor.conversations.recording_links import Holder, recording_path
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
    holder = Holder("account", member.account_id)
    old = recording_path(member.team.id, recording_id, holder=holder, now=clock.now() - 2 * DAY - 2 * HOUR, key=key)

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
    assert fetch(stranger, address, "HEAD", Range="bytes=0-9").headers["content-length"] == str(len(WAV))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("team=", "team=1"),
        ("for=", "for=x"),
        ("_key-", "_key-1"),
        ("expires=", "expires=9"),
        ("signature=", "signature=A"),
        ("/recordings/", "/recordings/x"),
    ],
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


def test_the_audit_trail_says_who_was_given_it(
    services: Services, member: Member, address: str, stranger: Http
) -> None:
    fetch(stranger, address, "HEAD")
    fetch(stranger, address, Range="bytes=999999999-")
    fetch(stranger, address.replace("signature=", "signature=A"))
    assert downloads(services, member) == []

    for asked in ("bytes=0-10", "bytes=11-", ""):
        fetch(stranger, address, **({"Range": asked} if asked else {}))

    (entry,) = downloads(services, member)
    recording_id = urlsplit(address).path.rpartition("/")[2]
    assert (entry.object_kind, entry.object_id) == ("recording", recording_id)
    assert (entry.actor_kind, entry.actor_id, entry.actor_name) == ("conversations_key", str(member.key.id), "crm")
    assert entry.address == "127.0.0.1"


def test_a_link_of_another_holder_is_another_listener(services: Services, member: Member, address: str) -> None:
    recording_id, key = urlsplit(address).path.rpartition("/")[2], services.settings.hash_key
    holder = Holder("account", member.account_id)
    mine = recording_path(member.team.id, recording_id, holder=holder, now=clock.now(), key=key)

    for path in (address, mine):
        assert fetch(member.http, path).status_code == 200

    assert {entry.actor_kind for entry in downloads(services, member)} == {"account", "conversations_key"}
    (of_person,) = [entry for entry in downloads(services, member) if entry.actor_kind == "account"]
    assert of_person.actor_name == f"maker-{member.team.id}@ours.example"


def downloads(services: Services, member: Member) -> Sequence[Entry]:
    """Return the entries of the trail that tell of downloads."""
    search = Search(member.team.id, action="recording.downloaded")
    return services.db.read_now(functools.partial(found_entries, search=search, count=10))
