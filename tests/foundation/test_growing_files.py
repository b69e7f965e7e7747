"""Files that come in pieces: what was synced stays, in a folder and in a bucket of a real S3 server."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from callfloor.foundation.environment import read_settings
from callfloor.foundation.files import FileMissing, Files, StoredFile, open_files
from callfloor.foundation.growing_files import GrowingFiles, Growth

NAME, KEY = "7/upload", "recordings/7/upload"
CONTENT = os.urandom(20_000_000)
FIRST = 9_000_000


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """An S3 server that speaks HTTP, with the bucket `growing`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    ).create_bucket(Bucket="growing")
    yield endpoint
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Files in a folder, or in a bucket."""
    environ = {}
    if request.param == "bucket":
        endpoint = request.getfixturevalue("s3_endpoint")
        environ["CALLFLOOR_FILES_URL"] = f"s3://key:secret@growing/{tmp_path.name}?endpoint={endpoint}"
    return open_files(read_settings(environ, data=tmp_path))


async def written(
    growing: GrowingFiles, content: bytes, size: int, parts: list[str], *, unsynced: bytes = b""
) -> Growth:
    """Write behind `size`, sync, write what is not synced, and end."""
    grown = await growing.open(NAME, size, parts)
    try:
        for at in range(0, len(content), 65_536):
            await grown.write(content[at : at + 65_536])
        await grown.sync()
        await grown.write(unsynced)
    finally:
        await grown.close()
        growing.keep_digest(NAME, grown)
    return grown


async def read(files: Files, key: str) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        async for piece in files.open(key):
            yield piece

    return b"".join([piece async for piece in pieces()])


@pytest.mark.parametrize("same_process", [True, False])
def test_goes_on_behind_what_was_synced(files: Files, *, same_process: bool) -> None:
    async def upload() -> tuple[StoredFile, bytes]:
        growing = GrowingFiles(files)
        grown = await written(growing, CONTENT[:FIRST], 0, [], unsynced=b"lost" * 10_000)
        assert grown.size == FIRST
        if not same_process:
            growing = GrowingFiles(files)
        grown = await written(growing, CONTENT[FIRST:], FIRST, grown.parts)
        kept = await growing.finish(NAME, len(CONTENT), grown.parts, KEY)
        again = await GrowingFiles(files).finish(NAME, len(CONTENT), grown.parts, KEY)
        assert again == kept
        return kept, await read(files, KEY)

    kept, content = asyncio.run(upload())

    assert content == CONTENT
    assert kept == StoredFile(KEY, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_grows_while_what_came_before_is_brought_to_disk(files: Files) -> None:
    async def upload() -> tuple[int, StoredFile, bytes]:
        growing = GrowingFiles(files)
        grown = await growing.open(NAME, 0, [])
        await grown.write(CONTENT[:FIRST])
        syncing = asyncio.create_task(grown.sync())
        for at in range(FIRST, len(CONTENT), 65_536):
            await grown.write(CONTENT[at : at + 65_536])
        await syncing
        first = grown.size
        await grown.sync()
        await grown.close()
        growing.keep_digest(NAME, grown)
        return first, await growing.finish(NAME, grown.size, grown.parts, KEY), await read(files, KEY)

    first, kept, content = asyncio.run(upload())

    assert FIRST <= first <= len(CONTENT)
    assert content == CONTENT
    assert kept == StoredFile(KEY, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def test_that_is_taken_back_leaves_nothing_that_counts(files: Files) -> None:
    """What came while a sync was under way goes too, when another writer turns out to go on."""

    async def upload() -> list[tuple[str, list[str]]]:
        growing = GrowingFiles(files)
        grown = await growing.open(NAME, 0, [])
        await grown.write(CONTENT[:FIRST])
        await grown.sync()
        await grown.write(CONTENT[FIRST:])
        grown.take_back()
        await grown.close()
        return list(growing.kept_now())

    kept = asyncio.run(upload())

    assert kept == ([(NAME, [])] if files.folder else [])


def test_what_a_full_disk_refused_is_not_in_the_hash(tmp_path: Path) -> None:
    """The hash once took what the disk then did not, and the same process went on with both."""
    files = open_files(read_settings({}, data=tmp_path))

    async def upload() -> StoredFile:
        growing = GrowingFiles(files)
        grown = await written(growing, CONTENT[:FIRST], 0, [])
        with files_up_to(FIRST), pytest.raises(OSError, match="too large"):
            await written(growing, CONTENT[FIRST:], FIRST, grown.parts)
        grown = await written(growing, CONTENT[FIRST:], FIRST, grown.parts)
        return await growing.finish(NAME, len(CONTENT), grown.parts, KEY)

    kept = asyncio.run(upload())

    assert kept == StoredFile(KEY, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file of this process become larger, as where its disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_is_removed_with_all_its_parts(files: Files) -> None:
    async def upload() -> None:
        growing = GrowingFiles(files)
        grown = await written(growing, CONTENT, 0, [])
        growing.remove_now(NAME, grown.parts)
        growing.remove_now(NAME, grown.parts)
        with pytest.raises(FileMissing):
            await growing.finish(NAME, len(CONTENT), grown.parts, KEY)

    asyncio.run(upload())


def test_tells_of_all_that_is_kept(files: Files) -> None:
    async def write_and_stop() -> list[str]:
        grown = await GrowingFiles(files).open(NAME, 0, [])
        for at in range(0, len(CONTENT), 65_536):
            await grown.write(CONTENT[at : at + 65_536])
        return grown.parts  # neither synced nor closed, as by a kill

    known = asyncio.run(write_and_stop())
    growing = GrowingFiles(files)

    kept = list(growing.kept_now())
    assert (known, [name for name, _ in kept]) == ([], [NAME])
    growing.remove_now(*kept[0])

    assert list(growing.kept_now()) == []


def test_that_is_gone_from_the_folder_cannot_go_on(tmp_path: Path) -> None:
    growing = GrowingFiles(open_files(read_settings({}, data=tmp_path)))

    with pytest.raises(FileMissing):
        asyncio.run(growing.open(NAME, 5, []))
