"""What waits to be sent: events on disk until the server has them, and the recorder's memory, in one SQLite file.

Events and memory are written in one transaction that is on disk before it returns: a process killed at any moment
leaves each event either whole or not begun, and the memory that fits.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import apsw
import msgspec

from callfloor_agent.clock import instant_ms
from callfloor_agent.events import Event, decode, encode, shifted
from callfloor_agent.recorder import Memory

KEPT_MS = 30 * 24 * 3_600_000
"""Events older than this are given up: the server forgets their ids, and could count them twice."""
REJECTED_KEPT = 1_000
BUSY_MS = 5_000
PRUNED_AT_ONCE = STAMPED_AT_ONCE = 1_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, is_stamped INTEGER NOT NULL, content BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS unstamped ON event (seq) WHERE is_stamped = 0;
CREATE TABLE IF NOT EXISTS rejected (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS total (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
_COUNT = "INSERT INTO total VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = total.value + excluded.value"


class SpoolBroken(Exception):
    """The file cannot be read or written: the disk is full, or not ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits; `content` is what goes over the wire."""

    seq: int
    content: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Rejection:
    """An event that the server will never take, and why."""

    waiting: Waiting
    code: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class SpoolCounts:
    """What the file holds, and what became of what it held."""

    waiting: int
    oldest_at: int | None
    delivered: int
    rejected: int
    dropped: int


class Spool:
    """The file; one process writes, others may look.

    Args:
        path: made if absent; one that is no database any more is put aside as `*.damaged`, and a new one begun.
        max_events: the oldest are given up beyond it.
    """

    def __init__(self, path: Path, *, max_events: int = 1_000_000) -> None:
        self._path = path
        self._max_events = max_events
        self._connection = _open_or_begin(path)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def memory(self) -> Memory:
        """Return what the recorder remembered last; an empty memory if there is none."""
        content = self._note("memory")
        if content is None:
            return Memory()
        try:
            return msgspec.json.decode(content, type=Memory)
        except msgspec.DecodeError:  # of another version
            return Memory()

    def append(self, events: Sequence[Event], memory: Memory, *, is_stamped: bool) -> None:
        """Write the events and the memory that goes with them; on disk when it returns.

        Args:
            events: oldest first.
            memory: of the recorder, after these events.
            is_stamped: whether the server's clock was known when they were stamped.

        Raises:
            SpoolBroken: nothing of it was written.
        """
        with self._writing():
            for event in events:
                row = (instant_ms(event.at), is_stamped, encode(event))
                self._connection.execute("INSERT INTO event (at, is_stamped, content) VALUES (?, ?, ?)", row)
            self._keep("memory", msgspec.json.encode(memory))

    def oldest(self, count: int) -> list[Waiting]:
        """Return the events that wait longest, at most so many, oldest first.

        Raises:
            SpoolBroken: the file cannot be read.
        """
        try:
            rows = self._connection.execute("SELECT seq, content FROM event ORDER BY seq LIMIT ?", (count,))
            return [Waiting(seq, content) for seq, content in rows]
        except apsw.Error as error:
            raise SpoolBroken(f"{self._path} cannot be read: {error}") from error

    def settle(self, sent: Sequence[Waiting], rejections: Sequence[Rejection], *, now: int) -> None:
        """Forget what the server has; set aside what it will never take.

        Args:
            sent: what was answered, the rejected among it.
            rejections: of these.
            now: milliseconds by the server's clock.

        Raises:
            SpoolBroken: nothing of it was written; the server will know the events when they are sent again.
        """
        with self._writing():
            self._connection.executemany("DELETE FROM event WHERE seq = ?", [(one.seq,) for one in sent])
            for one in rejections:
                row = (now, one.code, one.message, one.waiting.content)
                self._connection.execute("INSERT INTO rejected (at, code, message, content) VALUES (?, ?, ?, ?)", row)
            self._connection.execute(
                "DELETE FROM rejected WHERE seq <= (SELECT max(seq) FROM rejected) - ?", (REJECTED_KEPT,)
            )
            self._connection.execute(_COUNT, ("delivered", len(sent) - len(rejections)))
            self._connection.execute(_COUNT, ("rejected", len(rejections)))

    def prune(self, *, now: int) -> int:
        """Give up what is older than 30 days, or more than the file may hold; return how many it gave up.

        Args:
            now: milliseconds by the server's clock.

        Raises:
            SpoolBroken: the file cannot be written.
        """
        dropped = 0
        with self._writing():
            dropped += self._drop("SELECT seq FROM event WHERE at < ?1 ORDER BY seq LIMIT ?2", now - KEPT_MS)
            surplus = int(self._single("SELECT count(*) FROM event")) - self._max_events
            if surplus > 0:
                dropped += self._drop("SELECT seq FROM event ORDER BY seq LIMIT min(?1, ?2)", surplus)
            if dropped:
                self._connection.execute(_COUNT, ("dropped", dropped))
        return dropped

    def stamp(self, by_ms: int, *, after: int = 0, kept: Collection[int] = ()) -> None:
        """Move what was recorded before the server's clock was known, none of which was sent, by the offset now known.

        Args:
            by_ms: the correction.
            after: events up to this number stay as they are.
            kept: instants that stay as they are, in whatever event.

        Raises:
            SpoolBroken: nothing was moved.
        """
        with self._writing():
            stays = "UPDATE event SET is_stamped = 1 WHERE is_stamped = 0 AND (seq <= ? OR ? = 0)"
            self._connection.execute(stays, (after, by_ms))  # without a correction all do, which may be many
            while rows := self._unstamped():
                for seq, content in rows:
                    event = shifted(decode(content), by_ms, kept=kept)
                    row = (instant_ms(event.at), encode(event), seq)
                    self._connection.execute("UPDATE event SET is_stamped = 1, at = ?, content = ? WHERE seq = ?", row)

    def note_offset(self, offset_ms: int) -> None:
        """Keep how far the server's clock is ahead of this machine's."""
        with self._writing():
            self._keep("offset_ms", str(offset_ms).encode())

    def offset_ms(self) -> int:
        """Return the offset last kept; 0 if the server was never heard."""
        return int(self._note("offset_ms") or 0)

    @property
    def has_heard(self) -> bool:
        """Return whether an offset was ever kept."""
        return self._note("offset_ms") is not None

    def newest(self) -> int:
        """Return the number of the event recorded last; 0 if none waits."""
        return self._single("SELECT coalesce(max(seq), 0) FROM event")

    def probe(self) -> None:
        """Write nothing, as far as the disk.

        Raises:
            SpoolBroken: the file cannot be written.
        """
        with self._writing():
            self._connection.execute(_COUNT, ("delivered", 0))

    def counts(self) -> SpoolCounts:
        """Return what the file holds, and what became of what it held."""
        waiting, oldest_at = next(iter(self._connection.execute("SELECT count(*), min(at) FROM event")))
        kept = dict(self._connection.execute("SELECT name, value FROM total"))
        return SpoolCounts(
            waiting, oldest_at, kept.get("delivered", 0), kept.get("rejected", 0), kept.get("dropped", 0)
        )

    def rejections(self) -> Iterator[tuple[str, str, bytes]]:
        """Return code, message and content of what the server would not take, oldest first."""
        yield from self._connection.execute("SELECT code, message, content FROM rejected ORDER BY seq")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise SpoolBroken(f"{self._path} cannot be written: {error}") from error

    def _drop(self, which: str, *values: int) -> int:
        self._connection.execute(f"DELETE FROM event WHERE seq IN ({which})", (*values, PRUNED_AT_ONCE))  # noqa: S608  # constants of this module
        return self._connection.changes()

    def _unstamped(self) -> list[tuple[int, bytes]]:
        some = "SELECT seq, content FROM event WHERE is_stamped = 0 ORDER BY seq LIMIT ?"
        return list(self._connection.execute(some, (STAMPED_AT_ONCE,)))

    def _keep(self, name: str, value: bytes) -> None:
        self._connection.execute(
            "INSERT INTO note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value)
        )

    def _note(self, name: str) -> bytes | None:
        rows: Iterable[tuple[bytes]] = self._connection.execute("SELECT value FROM note WHERE name = ?", (name,))
        return next((value for (value,) in rows), None)

    def _single(self, statement: str) -> int:
        (value,) = next(iter(self._connection.execute(statement)))
        return int(value)


def _open_or_begin(path: Path) -> apsw.Connection:
    try:
        return _opened(path)
    except (apsw.NotADBError, apsw.CorruptError):
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.replace(path.with_name(f"{path.name}{suffix}.damaged"))
        return _opened(path)
    except apsw.Error as error:
        raise SpoolBroken(f"{path} cannot be opened: {error}") from error


def _opened(path: Path) -> apsw.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = apsw.Connection(str(path))
    with contextlib.ExitStack() as undo:
        undo.callback(connection.close)
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -2000")
        connection.execute(_SCHEMA)
        undo.pop_all()
    path.chmod(0o600)
    return connection
