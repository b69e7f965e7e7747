"""Files: the same promises on a local folder and on a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from callfloor.foundation.environment import read_settings
from callfloor.foundation.files import FileMissing, Files, FilesGone, TooLarge, open_files

LIMIT = 1 << 40
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """An S3 server that speaks HTTP, with the bucket `calls`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    bucket_client(endpoint).create_bucket(Bucket="calls")
    yield endpoint
    server.stop()


def bucket_client(endpoint: str) -> Any:
    return boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="a/b+c", region_name="us-east-1"
    )


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Files in a folder, or in a bucket."""
    environ = {}
    if request.param == "bucket":
        endpoint = request.getfixturevalue("s3_endpoint")
        environ["CALLFLOOR_FILES_URL"] = f"s3://key:a%2Fb%2Bc@calls/{tmp_path.name}?endpoint={endpoint}"
    return open_files(read_settings(environ, data=tmp_path))


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def joined(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def put(files: Files, key: str, *chunks: bytes, limit_bytes: int = LIMIT) -> str:
    return asyncio.run(files.put_stream(key, pieces(*chunks), limit_bytes=limit_bytes)).sha256


def read(files: Files, key: str, *, start: int = 0, end: int | None = None) -> bytes:
    return asyncio.run(joined(files.open(key, start=start, end=end)))


class TestPutStream:
    def test_keeps_what_came_and_tells_size_and_digest(self, files: Files) -> None:
        stored = asyncio.run(files.put_stream("7/a.wav", pieces(b"one", b"", b"two"), limit_bytes=6))

        assert (stored.key, stored.size_bytes) == ("7/a.wav", 6)
        assert stored.sha256 == hashlib.sha256(b"onetwo").hexdigest()
        assert read(files, "7/a.wav") == b"onetwo"

    def test_keeps_a_file_of_several_parts(self, files: Files) -> None:
        chunks = [os.urandom(MEGABYTE) for _ in range(12)]

        put(files, "7/long.wav", *chunks)

        assert read(files, "7/long.wav") == b"".join(chunks)

    def test_keeps_an_empty_file(self, files: Files) -> None:
        put(files, "7/empty")

        assert read(files, "7/empty") == b""
        assert asyncio.run(files.size("7/empty")) == 0

    def test_replaces_what_was_there(self, files: Files) -> None:
        put(files, "7/a", b"old")

        put(files, "7/a", b"new")

        assert read(files, "7/a") == b"new"

    def test_keeps_nothing_of_what_is_too_large(self, files: Files) -> None:
        with pytest.raises(TooLarge) as refused:
            put(files, "7/big", *[bytes(MEGABYTE)] * 8, limit_bytes=8 * MEGABYTE - 1)

        assert refused.value.limit_bytes == 8 * MEGABYTE - 1
        with pytest.raises(FileMissing):
            read(files, "7/big")

    def test_keeps_nothing_when_the_sender_breaks_off(self, files: Files) -> None:
        async def breaking() -> AsyncIterator[bytes]:
            yield bytes(6 * MEGABYTE)
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            asyncio.run(files.put_stream("7/half", breaking(), limit_bytes=LIMIT))

        with pytest.raises(FileMissing):
            read(files, "7/half")

    def test_is_not_there_before_it_is_whole(self, files: Files) -> None:
        seen: list[bool] = []

        async def watched() -> AsyncIterator[bytes]:
            yield bytes(6 * MEGABYTE)
            try:
                await files.size("7/coming")
            except FileMissing:
                seen.append(False)
            yield b"end"

        asyncio.run(files.put_stream("7/coming", watched(), limit_bytes=LIMIT))

        assert seen == [False]
        assert asyncio.run(files.size("7/coming")) == 6 * MEGABYTE + 3

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../x", "a/../b", "a//b", ".hidden", "a\0b", "_partial/x", "a b"]
    )
    def test_refuses_a_key_that_could_leave_its_place(self, files: Files, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"):
            put(files, key, b"x")


class TestOpen:
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [(0, None, b"0123456789"), (3, None, b"3456789"), (3, 5, b"34"), (8, 99, b"89"), (10, None, b""), (5, 5, b"")],
    )
    def test_yields_the_range(self, files: Files, start: int, end: int | None, expected: bytes) -> None:
        put(files, "7/digits", b"0123456789")

        assert read(files, "7/digits", start=start, end=end) == expected

    def test_yields_a_range_over_several_pieces(self, files: Files) -> None:
        content = os.urandom(5 * MEGABYTE)
        put(files, "7/pieces", content)

        assert read(files, "7/pieces", start=7, end=5 * MEGABYTE - 7) == content[7:-7]

    def test_raises_when_there_is_none(self, files: Files) -> None:
        with pytest.raises(FileMissing):
            read(files, "7/none")


class TestDelete:
    def test_removes(self, files: Files) -> None:
        put(files, "7/a", b"x")

        asyncio.run(files.delete("7/a"))

        with pytest.raises(FileMissing):
            read(files, "7/a")

    def test_of_nothing_is_no_error(self, files: Files) -> None:
        asyncio.run(files.delete("7/none"))


class TestAsLocal:
    def test_gives_a_path_with_the_bytes(self, files: Files, tmp_path: Path) -> None:
        content = os.urandom(5 * MEGABYTE)
        put(files, "7/a.wav", content)

        with files.as_local("7/a.wav", tmp_path) as path:
            held = path.read_bytes()

        assert held == content
        assert read(files, "7/a.wav") == content

    def test_leaves_nothing_in_the_scratch_folder(self, files: Files, tmp_path: Path) -> None:
        put(files, "7/a.wav", b"x")
        scratch = tmp_path / "scratch"
        scratch.mkdir()

        with files.as_local("7/a.wav", scratch):
            pass

        assert list(scratch.iterdir()) == []

    def test_raises_when_there_is_none(self, files: Files, tmp_path: Path) -> None:
        with pytest.raises(FileMissing), files.as_local("7/none", tmp_path):
            pass


class TestFolder:
    def test_holds_nothing_aside_after_a_failed_and_a_good_put(self, tmp_path: Path) -> None:
        files = open_files(read_settings({}, data=tmp_path))
        with pytest.raises(TooLarge):
            put(files, "7/big", bytes(6 * MEGABYTE), bytes(6 * MEGABYTE), limit_bytes=7 * MEGABYTE)
        put(files, "7/a", b"x")

        kept = [path.relative_to(tmp_path / "files") for path in (tmp_path / "files").rglob("*") if path.is_file()]

        assert kept == [Path("7/a")]

    def test_forgets_what_a_killed_process_left_a_day_ago(self, tmp_path: Path) -> None:
        aside = tmp_path / "files" / "_partial"
        aside.mkdir(parents=True)
        (aside / "old").write_bytes(b"x")
        os.utime(aside / "old", (0, 0))
        (aside / "coming").write_bytes(b"x")

        open_files(read_settings({}, data=tmp_path))

        assert [path.name for path in aside.iterdir()] == ["coming"]


class TestBucket:
    def test_holds_no_parts_of_what_failed(self, s3_endpoint: str, tmp_path: Path) -> None:
        url = f"s3://key:a%2Fb%2Bc@calls/{tmp_path.name}?endpoint={s3_endpoint}"
        files = open_files(read_settings({"CALLFLOOR_FILES_URL": url}, data=tmp_path))
        with pytest.raises(TooLarge):
            put(files, "7/big", *[bytes(MEGABYTE)] * 12, limit_bytes=11 * MEGABYTE)

        left = bucket_client(s3_endpoint).list_multipart_uploads(Bucket="calls", Prefix=tmp_path.name)

        assert left.get("Uploads", []) == []

    def test_that_is_not_there_is_an_outside_failure(self, s3_endpoint: str, tmp_path: Path) -> None:
        url = f"s3://key:secret@no-such-bucket/x?endpoint={s3_endpoint}"
        files = open_files(read_settings({"CALLFLOOR_FILES_URL": url}, data=tmp_path))

        with pytest.raises(FilesGone):
            put(files, "7/a", b"x")

    def test_whose_server_does_not_answer_is_an_outside_failure(self, tmp_path: Path) -> None:
        url = "s3://key:secret@calls/x?endpoint=http://127.0.0.1:1"
        files = open_files(read_settings({"CALLFLOOR_FILES_URL": url}, data=tmp_path))

        with pytest.raises(FilesGone):
            asyncio.run(files.size("7/a"))


GROWTH = """
import asyncio, sys
from pathlib import Path
import psutil
from callfloor.foundation.environment import read_settings
from callfloor.foundation.files import open_files

files = open_files(read_settings({}, data=Path(sys.argv[1])))
process = psutil.Process()
most = 0

async def megabytes(count):
    global most
    for _ in range(count):
        most = max(most, process.memory_info().rss)
        yield bytes(1 << 20)

async def main():
    await files.put_stream("warm", megabytes(16), limit_bytes=1 << 40)
    before = process.memory_info().rss
    await files.put_stream("large", megabytes(256), limit_bytes=1 << 40)
    global most
    async for chunk in files.open("large"):
        most = max(most, process.memory_info().rss)
    print(most - before)

asyncio.run(main())
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWTH, str(tmp_path)], capture_output=True, text=True, check=True, timeout=120
    )

    assert int(done.stdout) < 64 * MEGABYTE
