"""Where an import's recordings lie: a folder of this machine, or a prefix of a bucket."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

import obstore
from obstore.exceptions import BaseError as StoreError
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from callfloor.conversations.imports.rows import Found, Wanted
from callfloor.foundation.clock import from_datetime
from callfloor.foundation.errors import DomainError, Unavailable

_UNIQUE_ID = re.compile(r"(?<![\d.])1\d{9}\.\d+")
_READ_BYTES = 2 * 1024 * 1024


class LocationUnreadable(DomainError):
    """The folder or the bucket is not there, or may not be read."""

    code = "location_unreadable"
    status = 409


class LocationGone(Unavailable):
    """The bucket does not answer now."""


class RecordingUnreadable(Exception):
    """One file cannot be read."""


class Recordings(Protocol):
    """A place with recordings, in folders or without."""

    def find(self, wanted: Wanted) -> Found | None:
        """Return the recording of a row."""

    def listed(self, after: str | None) -> Iterator[Found]:
        """Yield every file, in an order that stays, those behind the path `after` only."""

    def as_local(self, found: Found, scratch: Path) -> contextlib.AbstractContextManager[Path]:
        """Lend a path with the recording's bytes, to be read only; a copy lies in `scratch`.

        Raises:
            RecordingUnreadable: they cannot be read.
        """


class _Index:
    """Every file by its name, and by the unique id that its name holds; about 250 bytes a file."""

    def __init__(self, files: Iterator[Found]) -> None:
        self._by_name: dict[str, Found] = {}
        self._by_unique_id: dict[str, Found] = {}
        self._by_path: dict[str, Found] = {}
        for found in files:
            name = found.path.rpartition("/")[2]
            self._by_path[found.path] = found
            self._by_name.setdefault(name, found)
            for unique_id in _UNIQUE_ID.findall(name):
                self._by_unique_id.setdefault(unique_id, found)

    def find(self, wanted: Wanted) -> Found | None:
        if wanted.name is not None:
            for path in paths_of(wanted):
                if path in self._by_path:
                    return self._by_path[path]
            return self._by_name.get(PurePosixPath(wanted.name).name)
        return None if wanted.unique_id is None else self._by_unique_id.get(wanted.unique_id)


class FolderOfRecordings:
    """A folder and all below it; nothing outside is reached, whatever a row or a link says.

    Raises:
        LocationUnreadable: it is no folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        if not folder.is_dir():
            raise LocationUnreadable("the folder with the recordings is not there, or may not be read")
        self._real = self._folder.resolve()
        self._index: _Index | None = None

    def find(self, wanted: Wanted) -> Found | None:
        """Return the recording where telephony systems put it, else the file of its name, or with its unique id."""
        for path in paths_of(wanted):
            inside = path.removeprefix(f"{self._folder}/")
            if (found := self._found(inside)) is not None:
                return found
        if self._index is None:
            self._index = _Index(self.listed(None))
        return self._index.find(wanted)

    def listed(self, after: str | None) -> Iterator[Found]:
        """Yield the files by folder and name; hidden ones are passed over."""
        yield from self._below("", None if after is None else after.split("/"))

    @contextlib.contextmanager
    def as_local(self, found: Found, scratch: Path) -> Iterator[Path]:  # noqa: ARG002  # nothing is copied
        """Yield the file itself."""
        path = self._folder / found.path
        if not os.access(path, os.R_OK):
            raise RecordingUnreadable
        yield path

    def _below(self, folder: str, after: list[str] | None) -> Iterator[Found]:
        try:
            with os.scandir(self._folder / folder) as listing:
                entries = sorted((entry for entry in listing if not entry.name.startswith(".")), key=lambda e: e.name)
        except OSError as error:
            raise LocationUnreadable(f"the recordings' folder {folder or 'itself'} cannot be read") from error
        for entry in entries:
            if after is not None and entry.name < after[0]:
                continue
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_on_the_way = after is not None and entry.name == after[0]
            if entry.is_dir(follow_symlinks=False):
                yield from self._below(path, after[1:] or None if is_on_the_way and after else None)
            elif not is_on_the_way and (found := self._found(path)) is not None:
                yield found

    def _found(self, path: str) -> Found | None:
        try:
            real = (self._folder / path).resolve()
            if not real.is_relative_to(self._real) or not real.is_file():
                return None
            return Found(path, int(real.stat().st_mtime * 1000))
        except (OSError, ValueError):
            return None


class BucketOfRecordings:
    """A prefix of a bucket; listed once when rows ask for recordings."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._index: _Index | None = None

    def find(self, wanted: Wanted) -> Found | None:
        """Return the recording where telephony systems put it, else the file of its name, or with its unique id."""
        if self._index is None:
            self._index = _Index(self.listed(None))
        return self._index.find(wanted)

    def listed(self, after: str | None) -> Iterator[Found]:
        """Yield the objects by their keys."""
        with _translated():
            for page in obstore.list(self._store, offset=after, chunk_size=1000):
                for one in page:
                    if not one["path"].rpartition("/")[2].startswith("."):
                        yield Found(one["path"], from_datetime(one["last_modified"]))

    @contextlib.contextmanager
    def as_local(self, found: Found, scratch: Path) -> Iterator[Path]:
        """Yield a copy in `scratch`."""
        handle, name = tempfile.mkstemp(dir=scratch)
        try:
            with os.fdopen(handle, "wb") as copy, _translated():
                size = obstore.head(self._store, found.path)["size"]
                for at in range(0, size, _READ_BYTES):
                    copy.write(obstore.get_range(self._store, found.path, start=at, end=min(at + _READ_BYTES, size)))
            yield Path(name)
        except FileNotFoundError as error:
            raise RecordingUnreadable from error
        finally:
            Path(name).unlink()


def paths_of(wanted: Wanted) -> Iterator[str]:
    """Yield where a row's recording may lie: as the row says, below its day's folder, or at the top."""
    if wanted.name is not None:
        path = PurePosixPath(wanted.name.replace("\\", "/"))
        yield str(path)
        for day in wanted.days:
            yield f"{day}/{path.name}"
        yield path.name


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise LocationUnreadable("the bucket may not be read with this key and secret") from error
    except StoreError as error:
        if "NoSuchBucket" in str(error):
            raise LocationUnreadable("there is no such bucket") from error
        raise LocationGone("The bucket with the recordings does not answer.") from error
