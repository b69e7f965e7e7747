"""A client of others uploads to a real server, through cut connections and a kill: the bytes come out equal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from tusclient.uploader import Uploader

from callfloor.foundation.settings import Settings
from tests.support.server import Server, running_server
from tests.support.tus import (
    MEGABYTE,
    OPTIONS,
    cut,
    key_that_uploads,
    recording_path,
    shown,
    uploader_of,
    write_noise,
)

CHUNK_BYTES = 2 * MEGABYTE
CUT_BYTES = MEGABYTE


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of 20 MB."""
    return write_noise(tmp_path_factory.mktemp("recording") / "call.wav", 20 * MEGABYTE)


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
    """The header of a key."""
    return key_that_uploads(Settings(data=data))


def downloaded(server: Server, key: dict[str, str], uploader: Uploader) -> bytes:
    with server.client() as client:
        return client.get(recording_path(server, key, uploader)).content


def test_five_cuts_cost_nothing_that_came(data: Path, key: dict[str, str], recording: Path, file: BinaryIO) -> None:
    with running_server(data, *OPTIONS) as server:
        uploader = uploader_of(server, key, file, chunk_bytes=CHUNK_BYTES)
        uploader.upload_chunk()
        for _ in range(5):
            before = uploader.offset
            cut(uploader, key, recording, CUT_BYTES, then=lambda: None)
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
        uploader = uploader_of(first, key, file, chunk_bytes=CHUNK_BYTES)
        uploader.upload_chunk()
        cut(uploader, key, recording, CUT_BYTES, then=first.process.kill)
        first.wait()
        known = uploader.offset

    with running_server(data, *OPTIONS, "--port", str(first.port)) as second:
        again = uploader_of(second, key, file, chunk_bytes=CHUNK_BYTES, url=uploader.url)
        assert known <= again.offset <= known + CUT_BYTES
        again.upload()

        assert downloaded(second, key, again) == recording.read_bytes()
