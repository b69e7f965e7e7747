"""What the running agent tells of itself: a small file that `status` and `doctor` read, and a lock that it holds."""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw
import msgspec

from callfloor_agent.private_files import PrivateFile

LOCK_MS = 2_000


class SpoolStatus(msgspec.Struct):
    """The events: how many wait, since when, and what became of the others."""

    waiting: int
    oldest_at: str | None
    delivered: int
    rejected: int
    dropped: int


class Status(msgspec.Struct):
    """The running agent; instants are of the wire."""

    pid: int
    version: str
    started_at: str
    written_at: str
    server: str
    connected: bool
    problem: str | None
    last_contact_at: str | None
    device_id: int | None
    seat_id: int | None
    heartbeat_seconds: float
    clock_offset_ms: int
    clock_is_known: bool
    state: str | None
    reason: str | None
    in_call_since: str | None
    desktop_port: int | None
    audio_problem: str | None
    recording_problem: str | None
    spool: SpoolStatus


class AlreadyRunning(Exception):
    """Another agent works in this folder."""


class StatusFile:
    """The file, in the agent's folder."""

    def __init__(self, folder: Path) -> None:
        self._file = PrivateFile(folder / "status.json")

    def write(self, status: Status) -> None:
        """Replace what is told; not worth waiting for the disk."""
        self._file.write(msgspec.json.encode(status).decode(), is_durable=False)

    def read(self) -> Status | None:
        """Return what was told last; None if there is nothing that can be read."""
        try:
            return msgspec.json.decode(self._file.read() or "null", type=Status | None)
        except msgspec.DecodeError:
            return None


class FolderLock:
    """Held by the one agent that works in a folder; the operating system frees it when the process ends, however.

    A transaction on a database of its own is a lock on every system; it holds no data.

    Raises:
        AlreadyRunning: another holds it.
        OSError: the folder is not ours to write.
    """

    def __init__(self, folder: Path, *, wait_ms: int = LOCK_MS) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with contextlib.ExitStack() as undo:
                self._connection = apsw.Connection(str(folder / "lock"))
                undo.callback(self._connection.close)
                self._connection.set_busy_timeout(wait_ms)
                self._connection.execute("BEGIN EXCLUSIVE")
                undo.pop_all()
        except apsw.BusyError as error:
            raise AlreadyRunning(f"an agent already works in {folder}") from error
        except apsw.Error as error:
            raise OSError(f"{folder} cannot be locked: {error}") from error

    def release(self) -> None:
        """Let others work in the folder."""
        self._connection.close()


def is_running(folder: Path) -> bool:
    """Return whether an agent works in the folder.

    Raises:
        OSError: the folder is not ours to look into.
    """
    if not folder.is_dir():
        return False
    try:
        FolderLock(folder, wait_ms=0).release()
    except AlreadyRunning:
        return True
    return False
