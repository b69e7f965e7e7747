"""The server processes on one database, so that two which would count requests apart do not both serve.

Each has a row, and beats by writing it anew. A row of this machine is alive while its process is; one of another
machine while it changes, whatever the clocks of the two say.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import os
import socket
from pathlib import Path

from sqlalchemy import BigInteger, Column, Table, Text, TypedColumns, delete, insert, select, update

from callfloor.foundation.database import Database, Tx, any_of, metadata, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_id
from callfloor.foundation.numbers import take_numbers

BEAT_SECONDS = 5.0
_WATCH_SECONDS = 2.5 * BEAT_SECONDS


class ServerProcessColumns(TypedColumns):
    """A server that runs, or ended without saying so."""

    id: Column[str] = Column(Text, primary_key=True)
    place: Column[str] = Column(Text)
    """Machine, and what separates its process ids from those of other containers."""
    process: Column[str] = Column(Text)
    """Process id, and when the process began."""
    store: Column[str] = Column(Text)
    """Of the rate limit: `memory`, `database` or `valkey`."""
    beats: Column[int] = Column(BigInteger)


server_process = Table("server_process", metadata, ServerProcessColumns)
_c = server_process.c
_all = select(_c.id, _c.place, _c.process, _c.store, _c.beats)
_add = insert(server_process)
_beat = update(server_process).where(_c.id == param("the_id")).values(beats=_c.beats + 1)
_remove = delete(server_process).where(any_of(_c.id, "ids"))


class AnotherServerRuns(DomainError):
    """Two servers on one database need one store to count requests in."""

    code = "another_server_runs"


@dataclasses.dataclass(frozen=True, slots=True)
class LiveServer:
    """One row."""

    id: str
    place: str
    process: str
    store: str
    beats: int = 0

    def counts_apart_from(self, other: LiveServer) -> bool:
        """Return whether the two would allow an address twice the requests."""
        return "memory" in {self.store, other.store} or self.store != other.store


def this_server(store: str) -> LiveServer:
    """Return the row of this process."""
    return LiveServer(new_id(), _place(), _process(os.getpid()) or str(os.getpid()), store)


async def register(db: Database, mine: LiveServer, *, watch_seconds: float = _WATCH_SECONDS) -> None:
    """Write this server's row, unless another runs with which it shares no store.

    A row of another machine is watched for `watch_seconds`, which is longer than two beats.

    Raises:
        AnotherServerRuns: another runs.
    """
    gone: list[str] = []
    watched: dict[str, int] = {}
    while True:
        others = await db.write(functools.partial(_join, mine=mine, gone=gone))
        if not others:
            return
        for other in others:
            if other.place == mine.place and _is_running(other, mine):
                raise _refusal(other)
            if other.place != mine.place and watched.get(other.id, other.beats) != other.beats:
                raise _refusal(other)
        gone = [other.id for other in others if other.place == mine.place or other.id in watched]
        if any(other.id not in gone for other in others):
            watched = {other.id: other.beats for other in others}
            await asyncio.sleep(watch_seconds)


async def beat(db: Database, mine: LiveServer) -> None:
    """Say that this server runs."""
    await db.write(functools.partial(_say, server_id=mine.id))


async def leave(db: Database, mine: LiveServer) -> None:
    """Remove this server's row."""
    await db.write(functools.partial(_forget, ids=[mine.id]))


def _join(tx: Tx, mine: LiveServer, gone: list[str]) -> list[LiveServer]:
    """Return the servers in the way; when there are none, this one is in."""
    # The counter's row is held until the commit: of two that start at once the second sees the first.
    take_numbers(tx, "server_process")
    _forget(tx, gone)
    others = [LiveServer(*row) for row in tx.all(_all)]
    in_the_way = [other for other in others if mine.counts_apart_from(other)]
    if not in_the_way:
        tx.run(_add, {field.name: getattr(mine, field.name) for field in dataclasses.fields(mine)})
    return in_the_way


def _say(tx: Tx, server_id: str) -> None:
    tx.run(_beat, {"the_id": server_id})


def _forget(tx: Tx, ids: list[str]) -> None:
    if ids:
        tx.run(_remove, {"ids": ids})


def _refusal(other: LiveServer) -> AnotherServerRuns:
    return AnotherServerRuns(
        f"Another server runs on this database (on {other.place.partition(' ')[0]}, its rate limit in {other.store}). "
        "Several need one store to count requests in: set CALLFLOOR_RATE_LIMIT_STORE to database or valkey, the same "
        "for all of them, or stop the other one."
    )


def _is_running(other: LiveServer, mine: LiveServer) -> bool:
    return other.process != mine.process and _process(int(other.process.partition(":")[0])) == other.process


def _place() -> str:
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = 0
    return f"{socket.gethostname()} {namespace}"


def _process(pid: int) -> str | None:
    """Return the process's id and when it began, or None when it has ended; without /proc the id alone."""
    try:
        # The name of the program, in brackets, may itself hold spaces and brackets.
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except FileNotFoundError:
        return str(pid) if not Path("/proc/self/stat").exists() and _can_be_signaled(pid) else None
    return None if state[0] in "ZX" else f"{pid}:{state[19]}"


def _can_be_signaled(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
