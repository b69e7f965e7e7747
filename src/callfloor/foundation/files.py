"""Recordings and exports: streamed to a local folder or an S3 bucket, and back by ranges, never whole in memory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
import urllib.parse
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError as StoreError
from obstore.store import LocalStore, S3Store

from callfloor.foundation.clock import DAY, Millis, now
from callfloor.foundation.errors import DomainError, Unavailable
from callfloor.foundation.small_files import sync_folder

if TYPE_CHECKING:
    from obstore.store import S3Config

    from callfloor.foundation.settings import Settings

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_PART_BYTES = 5 * 1024 * 1024
"""The smallest part S3 takes; a put holds `_PARTS_AT_ONCE` of them in memory."""
_PARTS_AT_ONCE = 3
_READ_BYTES = 2 * 1024 * 1024
_CONNECT_TIMEOUT = timedelta(seconds=5)
_RETRY_TIMEOUT = timedelta(seconds=20)
"""A store that is gone is said to be gone while the client still waits."""
_GONE = "The store of files does not answer, or does not take the file."
_PARTIAL = "_partial"
_ABANDONED_AFTER: Millis = DAY
"""No upload lasts this long: what lies aside for longer was left by a killed process."""


class TooLarge(DomainError):
    """More bytes came than the limit allows; nothing of them was kept."""

    code = "too_large"
    status = 413

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"The file is larger than {limit_bytes} bytes.")
        self.limit_bytes = limit_bytes


class FileMissing(DomainError):
    """No file is kept under the key."""

    code = "file_missing"
    status = 404


class FilesGone(Unavailable):
    """The folder or the bucket cannot be read or written now."""

    retry_after_seconds = 5


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was kept: its size in bytes and its SHA-256 as hexadecimal text."""

    key: str
    size_bytes: int
    sha256: str


class Files:
    """Files by key; a key is path-like: letters, digits, ``. _ -``, parts separated by ``/``."""

    def __init__(self, store: LocalStore | S3Store, folder: Path | None) -> None:
        self._store = store
        self._folder = folder

    @property
    def folder(self) -> Path | None:
        """The folder that holds the files by their keys, or None where a bucket does."""
        return self._folder

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> StoredFile:
        """Keep what the iterator yields under the key; it is there, on disk, whole, once this returns, and not before.

        Raises:
            TooLarge: more than `limit_bytes` came; the rest is not read.
            FilesGone: the folder or the bucket does not take it.
            Exception: whatever the iterator raises; nothing is kept then.
        """
        _checked(key)
        meter = _Meter(chunks, limit_bytes)
        try:
            if self._folder is None:
                await self._put(key, meter)
            else:
                await self._put_in_folder(self._folder, key, meter)
        except (StoreError, FileNotFoundError) as error:  # the latter: the bucket, or the folder, is not there
            raise FilesGone(_GONE) from error
        return StoredFile(key, meter.size_bytes, meter.sha256.hexdigest())

    async def _put(self, key: str, meter: _Meter) -> None:
        await obstore.put_async(
            self._store,
            key,
            meter.metered(),
            chunk_size=_PART_BYTES,
            max_concurrency=_PARTS_AT_ONCE,
            use_multipart=True,
        )

    async def _put_in_folder(self, folder: Path, key: str, meter: _Meter) -> None:
        # The store only renames; written aside and brought to disk first, a key never shows a half file, even after
        # a power cut.
        aside = f"{_PARTIAL}/{uuid.uuid4().hex}"
        try:
            await self._put(aside, meter)
            await asyncio.to_thread(_publish, folder, aside, key)
        finally:
            (folder / aside).unlink(missing_ok=True)

    async def open(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Yield the file's bytes from `start` up to, not including, `end`, at most `_READ_BYTES` at a time.

        Raises:
            FileMissing: there is none.
            FilesGone: the folder or the bucket does not answer.
        """
        size = await self.size(key)
        stop = size if end is None else min(end, size)
        # One request a piece: a slow reader would run into the timeout of a single long answer.
        for at in range(start, stop, _READ_BYTES):
            with _translated(key):
                piece = await obstore.get_range_async(self._store, key, start=at, end=min(at + _READ_BYTES, stop))
            yield bytes(piece)

    async def size(self, key: str) -> int:
        """Return the file's size in bytes; raises as `open`."""
        _checked(key)
        with _translated(key):
            return (await obstore.head_async(self._store, key))["size"]

    async def delete(self, key: str) -> None:
        """Remove the file; a key without one is no error."""
        await asyncio.to_thread(self.delete_now, key)

    def delete_now(self, key: str) -> None:
        """As `delete`, on the calling thread."""
        _checked(key)
        with contextlib.suppress(FileMissing), _translated(key):
            obstore.delete(self._store, key)
            if self._folder is not None:
                sync_folder((self._folder / key).parent)

    def keys_now(self, folder: str) -> Iterator[str]:
        """Yield the keys below a folder of them, on the calling thread; those of a bucket in order.

        Raises:
            FilesGone: the folder or the bucket does not answer.
        """
        with _translated(folder):
            for page in obstore.list(self._store, folder):
                yield from (meta["path"] for meta in page)

    @contextlib.contextmanager
    def as_local(self, key: str, scratch: Path) -> Iterator[Path]:
        """Yield a path that holds the file's bytes, to be read only: the kept file itself, or a copy in `scratch`.

        Raises:
            FileMissing: there is none.
            FilesGone: the bucket does not answer.
        """
        _checked(key)
        if self._folder is not None:
            path = self._folder / key
            if not path.is_file():
                raise FileMissing(f"No file is kept under {key}.")
            yield path
            return
        handle, name = tempfile.mkstemp(dir=scratch)
        try:
            with os.fdopen(handle, "wb") as copy, _translated(key):
                size = obstore.head(self._store, key)["size"]
                for at in range(0, size, _READ_BYTES):
                    copy.write(obstore.get_range(self._store, key, start=at, end=min(at + _READ_BYTES, size)))
            yield Path(name)
        finally:
            Path(name).unlink()


class _Meter:
    """Counts and hashes what passes through."""

    def __init__(self, chunks: AsyncIterator[bytes], limit_bytes: int) -> None:
        self._chunks = chunks
        self._limit_bytes = limit_bytes
        self.size_bytes = 0
        self.sha256 = hashlib.sha256()

    async def metered(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size_bytes += len(chunk)
            if self.size_bytes > self._limit_bytes:
                raise TooLarge(self._limit_bytes)
            self.sha256.update(chunk)
            yield chunk


def open_files(settings: Settings) -> Files:
    """Return the files where the settings keep them; a folder is made."""
    if settings.files.url is not None:
        return Files(open_bucket(settings.files.url.get_secret_value()), None)
    folder = (settings.data / "files").absolute()
    (folder / _PARTIAL).mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder / _PARTIAL, before=now() - _ABANDONED_AFTER)
    return Files(LocalStore(folder), folder)


def open_bucket(url: str) -> S3Store:
    """Return the store of `s3://KEY:SECRET@bucket/prefix?region=…&endpoint=…`; nothing is asked yet."""
    parts = urllib.parse.urlsplit(url)
    options = dict(urllib.parse.parse_qsl(parts.query))
    endpoint = options.get("endpoint")
    config: S3Config = {"bucket": parts.hostname or "", "region": options.get("region", "us-east-1")}
    if endpoint is not None:
        config["endpoint"] = endpoint
    if parts.username and parts.password:
        config["access_key_id"] = urllib.parse.unquote(parts.username)
        config["secret_access_key"] = urllib.parse.unquote(parts.password)
    plain = endpoint is not None and endpoint.startswith("http://")
    return S3Store(
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={"allow_http": plain, "connect_timeout": _CONNECT_TIMEOUT},
        retry_config={"max_retries": 3, "retry_timeout": _RETRY_TIMEOUT},
    )


def _publish(folder: Path, aside: str, key: str) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    with (folder / aside).open("rb") as file:
        os.fsync(file.fileno())
    (folder / aside).replace(path)
    for above in path.relative_to(folder).parents:
        sync_folder(folder / above)


def _remove_abandoned(folder: Path, *, before: Millis) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime * 1000 < before:
                path.unlink()


def _checked(key: str) -> None:
    if _KEY.fullmatch(key) is None or key.startswith(f"{_PARTIAL}/"):
        raise ValueError(f"not a key of a file: {key!r}")


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise FileMissing(f"No file is kept under {key}.") from error
    except StoreError as error:
        raise FilesGone(_GONE) from error
