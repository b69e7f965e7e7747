"""A client of others uploads to a real server, through cut connections and a kill: the bytes come out equal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import update
from tusclient.uploader import Uploader

from callfloor.conversations.tus_tables import resumable_upload
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.settings import Settings
from tests.conversations_api.waiting import wait_until
from tests.support.server import DEADLINE_SECONDS, Server, running_server
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


def test_asking_where_it_stands_waits_for_what_a_cut_left(
    tmp_path: Path, fresh_database_url: str, recording: Path, file: BinaryIO
) -> None:
    """The client comes back while the server still writes down what it had sent before."""
    settings = Settings(data=tmp_path / "data", database=SecretStr(fresh_database_url))
    key, db = key_that_uploads(settings), open_database(fresh_database_url)
    with running_server(settings.data, *OPTIONS, database_url=fresh_database_url) as server:
        uploader = uploader_of(server, key, file, chunk_bytes=CHUNK_BYTES)
        uploader.upload_chunk()
        path, sent = httpx.URL(uploader.url).path, uploader.offset + 3 * CUT_BYTES
        (kept,) = (one for one in settings.data.glob("files/_growing/*/*"))
        lock = Lock(db, path.rpartition("/")[2])

        def hold() -> None:
            wait_until(lambda: kept.stat().st_size > uploader.offset, server)  # it is being written
            lock.hold()

        cut(uploader, key, recording, 3 * CUT_BYTES, then=hold)
        wait_until(lambda: kept.stat().st_size == sent, server)  # it knows of the cut
        with server.client(headers={**key, "Tus-Resumable": "1.0.0"}) as client:
            busy = client.head(path)
            lock.release()
            asked = client.head(path)

    assert busy.status_code in {200, 423}
    assert asked.status_code == 200
    assert int(asked.headers["Upload-Offset"]) in {uploader.offset, sent}  # what was not written down does not count
    db.close_now()


class Lock:
    """Another transaction that changes an upload, and is not done with it."""

    def __init__(self, db: Database, upload_id: str) -> None:
        self._held, self._may_end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=db.write_now, args=(self._change,), daemon=True)
        self._upload_id = upload_id

    def _change(self, tx: Tx) -> None:
        own = resumable_upload.c.id == self._upload_id
        tx.run(update(resumable_upload).where(own).values(expires_at=resumable_upload.c.expires_at))
        self._held.set()
        assert self._may_end.wait(DEADLINE_SECONDS), "whoever should end it waits for it"

    def hold(self) -> None:
        """Begin, and return once it has."""
        self._thread.start()
        assert self._held.wait(DEADLINE_SECONDS)

    def release(self) -> None:
        """End."""
        self._may_end.set()
        self._thread.join(DEADLINE_SECONDS)


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
