"""A client of others uploads to a real server, through cut connections and a kill: the bytes come out equal."""

from __future__ import annotations

import http.client
import os
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from tests.factories.teams import make_api_key, make_team
from tests.support.server import DEADLINE_SECONDS, Server, running_server

MEGABYTE = 1_000_000
SIZE = 20 * MEGABYTE
CUT_BYTES = MEGABYTE
OPTIONS = ("--no-worker", "--behind-proxy")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 20 MB."""
    path = tmp_path_factory.mktemp("recording") / "call.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(os.urandom(SIZE - 44))
    return path


@pytest.fixture
def file(recording: Path) -> Iterator[BinaryIO]:
    """The recording, opened."""
    with recording.open("rb") as opened:
        yield opened


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder."""
    return tmp_path / "data"


@pytest.fixture
def key(data: Path) -> dict[str, str]:
    """The header of a key that may upload and read."""
    services = open_services(Settings(data=data))
    team = make_team(services.db)
    key = make_api_key(
        services.db, team.id, "conversations:write", "conversations:read", hash_key=services.settings.hash_key
    )
    services.close_now()
    return key


def uploader_of(server: Server, key: dict[str, str], file: BinaryIO, *, url: str | None = None) -> Uploader:
    client = TusClient(f"{server.url}/api/v2/uploads", headers=dict(key))
    metadata = {"filename": "call.wav", "external_call_id": "cut-1"}
    return client.uploader(file_stream=file, chunk_size=2 * MEGABYTE, metadata=metadata, url=url)


def cut(uploader: Uploader, key: dict[str, str], recording: Path, *, then: Callable[[], None]) -> None:
    """Begin a piece that would reach the end, and break off behind its first bytes."""
    address = httpx.URL(uploader.url)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=DEADLINE_SECONDS)
    connection.putrequest("PATCH", address.path)
    length = {"Content-Length": str(SIZE - uploader.offset), "Upload-Offset": str(uploader.offset)}
    headers = {**key, **length, "Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    with recording.open("rb") as file:
        file.seek(uploader.offset)
        connection.send(file.read(CUT_BYTES))
    then()
    connection.close()


def shown(server: Server, key: dict[str, str], uploader: Uploader) -> dict[str, int | str]:
    with server.client(headers=key) as client:
        found: dict[str, int | str] = client.get(httpx.URL(uploader.url).path).json()
        return found


@pytest.fixture
def server(data: Path, key: dict[str, str]) -> Iterator[Server]:
    """A server."""
    with running_server(data, *OPTIONS) as server:
        yield server


def downloaded(server: Server, key: dict[str, str], uploader: Uploader) -> bytes:
    call = shown(server, key, uploader)["conversation_id"]
    with server.client(headers=key) as client:
        address = httpx.URL(client.get(f"/api/v2/calls/{call}").json()["recording_url"])
        return client.get(address.raw_path.decode()).content


def test_five_cuts_cost_nothing_that_came(server: Server, key: dict[str, str], recording: Path, file: BinaryIO) -> None:
    uploader = uploader_of(server, key, file)
    uploader.upload_chunk()
    for _ in range(5):
        before = uploader.offset
        cut(uploader, key, recording, then=lambda: None)
        uploader.offset = uploader.get_offset()  # which lets the request end that lost its client
        assert uploader.offset == before + CUT_BYTES
        uploader.upload_chunk()

    uploader.upload()

    assert downloaded(server, key, uploader) == recording.read_bytes()
    assert shown(server, key, uploader)["is_new_conversation"] is True


def test_a_kill_costs_what_was_not_on_disk_yet(
    data: Path, key: dict[str, str], recording: Path, file: BinaryIO
) -> None:
    with running_server(data, *OPTIONS) as first:
        uploader = uploader_of(first, key, file)
        uploader.upload_chunk()
        cut(uploader, key, recording, then=first.process.kill)
        first.wait()
        known = uploader.offset

    with running_server(data, *OPTIONS, "--port", str(first.port)) as second:
        again = uploader_of(second, key, file, url=uploader.url)
        assert known <= again.offset <= known + CUT_BYTES
        again.upload()

        assert downloaded(second, key, again) == recording.read_bytes()
