"""Files that come in pieces, over hours if need be: what was brought to disk stays, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from callfloor.foundation.files import FileMissing, Files, StoredFile
from callfloor.foundation.small_files import sync_folder

if TYPE_CHECKING:
    from hashlib import _Hash

_WRITE_BYTES = 1024 * 1024
_PART_BYTES = 8 * 1024 * 1024
"""What a bucket is given at once; up to three of them are held in memory."""
_READ_BYTES = 4 * 1024 * 1024
_DIGESTS_KEPT = 200
_FOLDER, _BUCKET_FOLDER = "_growing", "growing"
_CLOSED = -1
_MISSING = "What came so far is gone."


class Growth(Protocol):
    """A file that is being written; one writer at a time, and after an error nothing is synced any more."""

    size: int
    """Bytes that are on disk for good."""
    parts: list[str]
    """Keys of what holds them, where that is not one file."""

    async def write(self, data: bytes) -> None:
        """Take more bytes, which `sync` brings to disk."""

    async def sync(self) -> None:
        """Bring to disk what was written until now; more may be written meanwhile, but not synced."""

    def take_back(self) -> None:
        """Let what the last `sync` brought to disk not count: `close` follows, and drops it."""

    async def close(self) -> None:
        """End; what was not synced is lost."""


class GrowingFiles:
    """Files by name while they grow; a whole one becomes a file of the store by its key."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._digests: OrderedDict[str, tuple[int, _Hash]] = OrderedDict()

    async def open(self, name: str, size: int, parts: Sequence[str]) -> Growth:
        """Go on with a file behind its first `size` bytes; what lies beyond is dropped.

        Raises:
            FileMissing: less of it is there.
        """
        if self._files.folder is None:
            return _GrowthInBucket(self._files, name, size, list(parts))
        known_size, digest = self._digests.pop(name, (0, hashlib.sha256()))
        grown = await asyncio.to_thread(_GrowthInFolder, self._files.folder / _FOLDER / name, size)
        grown.digest = digest if known_size == size else None
        return grown

    def keep_digest(self, name: str, grown: Growth) -> None:
        """Remember the hash of what is there, so that it need not be read again."""
        if isinstance(grown, _GrowthInFolder) and grown.digest is not None:
            self._digests[name] = (grown.size, grown.digest)
            while len(self._digests) > _DIGESTS_KEPT:
                self._digests.popitem(last=False)

    async def finish(self, name: str, size: int, parts: Sequence[str], key: str) -> StoredFile:
        """Make the whole file the one under the key; done again, it is the same.

        Raises:
            FileMissing: neither is there.
            FilesGone: the bucket does not answer.
        """
        if self._files.folder is None:
            return await self._joined(size, parts, key)
        known_size, digest = self._digests.pop(name, (-1, None))
        known = digest.hexdigest() if digest is not None and known_size == size else None
        path = self._files.folder / _FOLDER / name
        return await asyncio.to_thread(_become, path, self._files.folder, key, size, known)

    def remove_now(self, name: str, parts: Sequence[str]) -> None:
        """Remove what came of a file, on the calling thread; nothing there is no error."""
        for part in parts:
            self._files.delete_now(part)
        if self._files.folder is not None:
            (self._files.folder / _FOLDER / name).unlink(missing_ok=True)

    def kept_now(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the name of every file that something is kept of, and the keys of its parts, on the calling thread.

        Parts are among them that a killed writer could not tell of any more.

        Raises:
            FilesGone: the bucket does not answer.
        """
        if self._files.folder is not None:
            for key in self._files.keys_now(_FOLDER):
                yield key.removeprefix(f"{_FOLDER}/"), []
            return
        keys = (key.removeprefix(f"{_BUCKET_FOLDER}/") for key in self._files.keys_now(_BUCKET_FOLDER))
        for name, parts in itertools.groupby(keys, key=lambda key: key.rpartition("/")[0]):
            yield name, [f"{_BUCKET_FOLDER}/{part}" for part in parts]

    async def _joined(self, size: int, parts: Sequence[str], key: str) -> StoredFile:
        async def pieces() -> AsyncIterator[bytes]:
            for part in parts:
                async for piece in self._files.open(part):
                    yield piece

        return await self._files.put_stream(key, pieces(), limit_bytes=size)


class _GrowthInFolder:
    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        is_new = not path.exists()
        if is_new and size:
            raise FileMissing(_MISSING)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._file).st_size < size:
            os.close(self._file)
            raise FileMissing(_MISSING)
        os.ftruncate(self._file, size)
        if is_new:
            sync_folder(path.parent)
        self.size = size
        self.parts: list[str] = []
        self.digest: _Hash | None = None
        self._written = size
        self._buffer = bytearray()
        self._turn = asyncio.Lock()
        self._lock = threading.Lock()

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _WRITE_BYTES:
            await self._flush()

    async def sync(self) -> None:
        await self._flush()
        reached = self._written
        await asyncio.to_thread(self._sync)
        self.size = reached

    def take_back(self) -> None:
        """Leave it: whoever goes on drops it."""

    async def close(self) -> None:
        with self._lock:  # a thread whose request was cancelled may still write
            os.close(self._file)
            self._file = _CLOSED
        if self._written != self.size:
            self.digest = None

    async def _flush(self) -> None:
        async with self._turn:  # one who writes and one who syncs: each piece has its place in the file and in the hash
            data, self._buffer = self._buffer, bytearray()
            if data:
                await asyncio.to_thread(self._write, data)

    def _write(self, data: bytearray) -> None:
        with self._lock:
            if self._file == _CLOSED:
                return
            left = memoryview(data)
            while left:
                done = os.pwrite(self._file, left, self._written)
                if self.digest is not None:
                    self.digest.update(left[:done])
                self._written += done
                left = left[done:]

    def _sync(self) -> None:
        with self._lock:
            if self._file == _CLOSED:
                raise OSError(errno.EBADF, "the file was closed before it was on disk")
            file = os.dup(self._file)  # so that nothing waits for the disk but this thread
        try:
            os.fsync(file)
        finally:
            os.close(file)


class _GrowthInBucket:
    def __init__(self, files: Files, name: str, size: int, parts: list[str]) -> None:
        self._files = files
        self._name = name
        self.size = size
        self.parts = parts
        self._unsynced_parts: list[str] = []
        self._synced_parts: list[str] = []
        self._unsynced_bytes = 0
        self._buffer = bytearray()
        self._turn = asyncio.Lock()

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _PART_BYTES:
            await self._put()

    async def sync(self) -> None:
        await self._put()
        self.parts = [*self.parts, *self._unsynced_parts]
        self.size += self._unsynced_bytes
        self._synced_parts, self._unsynced_parts, self._unsynced_bytes = self._unsynced_parts, [], 0

    def take_back(self) -> None:
        self._unsynced_parts, self._synced_parts = [*self._synced_parts, *self._unsynced_parts], []

    async def close(self) -> None:
        for part in self._unsynced_parts:
            await self._files.delete(part)

    async def _put(self) -> None:
        async with self._turn:  # one who writes and one who syncs: each part has its place
            data, self._buffer = self._buffer, bytearray()
            if not data:
                return
            # Named anew each time: of two writers at one place neither overwrites what the other counts on.
            key = f"{_BUCKET_FOLDER}/{self._name}/{self.size + self._unsynced_bytes:015d}-{os.urandom(6).hex()}"

            async def whole() -> AsyncIterator[bytes]:
                yield bytes(data)

            await self._files.put_stream(key, whole(), limit_bytes=len(data))
            self._unsynced_parts.append(key)
            self._unsynced_bytes += len(data)


def _become(path: Path, folder: Path, key: str, size: int, known: str | None) -> StoredFile:
    target = folder / key
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):  # a stop came after the last time it was done
        os.truncate(path, size)
        path.replace(target)
    if not target.is_file():
        raise FileMissing(_MISSING)
    for above in target.relative_to(folder).parents:
        sync_folder(folder / above)
    sync_folder(path.parent)
    return StoredFile(key, size, known or _sha256(target, size))


def _sha256(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                digest.update(piece)
            if file.tell() != size:
                raise FileMissing(_MISSING)
    except FileNotFoundError:
        raise FileMissing(_MISSING) from None
    return digest.hexdigest()
