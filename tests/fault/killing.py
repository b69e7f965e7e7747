"""Processes that kill themselves at a chosen step, and their replacement."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from random import Random
from typing import Any, TypeVar

from callfloor.foundation.database import Database, Params, Tx

T = TypeVar("T")

ANY_MOMENT = "any moment"
LONGEST_LIFE_SECONDS = 2.0

_processes = multiprocessing.get_context("forkserver")
_nap = threading.Event()


def pause(seconds: float) -> None:
    """Let time pass."""
    _nap.wait(seconds)


def die() -> None:
    """End as by kill -9: no cleaning up, no buffers written."""
    os.kill(os.getpid(), signal.SIGKILL)


@dataclasses.dataclass(slots=True)
class Doom:
    """Dies when a step has come for the `countdown`-th time; never at a step that is not its own."""

    step: str
    countdown: int
    first: Connection | None = None
    """Told when the first step has come: from then on the process is at work."""
    _lock: Any = dataclasses.field(default_factory=threading.Lock)

    def at(self, step: str) -> None:
        """Say that the step has come."""
        with self._lock:
            if self.first is not None:
                self.first.send_bytes(b"!")
                self.first = None
        if step == self.step:
            with self._lock:
                self.countdown -= 1
            if self.countdown <= 0:
                die()


class DeadlyDatabase:
    """A database whose owner may die inside a verb, with its change made and not committed, or right after the commit.

    Steps are named after the verb: ``claim: inside``, ``claim: after``.
    """

    def __init__(self, db: Database, doom: Doom) -> None:
        self._db = db
        self._doom = doom
        self.name = db.name

    async def read(self, statement: Any, params: Params = {}) -> list[Any]:  # noqa: B006  # as the protocol has it
        """See `Database.read`."""
        return await self._db.read(statement, params)

    async def select(self, statement: Any, params: Params = {}) -> list[Any]:  # noqa: B006  # as the protocol has it
        """See `Database.select`."""
        return await self._db.select(statement, params)

    async def write(self, verb: Callable[[Tx], T]) -> T:
        """See `Database.write`."""
        return await self._db.write(verb)

    async def report(self, work: Callable[[Tx], T]) -> T:
        """See `Database.report`."""
        return await self._db.report(work)

    def read_now(self, work: Callable[[Tx], T]) -> T:
        """See `Database.read_now`."""
        return self._db.read_now(work)

    def write_now(self, verb: Callable[[Tx], T]) -> T:
        """See `Database.write_now`."""
        name = getattr(getattr(verb, "func", verb), "__name__", "verb")

        def deadly(tx: Tx) -> T:
            result = verb(tx)
            self._doom.at(f"{name}: inside")
            return result

        result = self._db.write_now(deadly)
        self._doom.at(f"{name}: after")
        return result

    async def listen(self, channel: str, heard: Callable[[str | None], None]) -> None:
        """See `Database.listen`."""
        await self._db.listen(channel, heard)

    async def close(self) -> None:
        """See `Database.close`."""
        await self._db.close()

    def close_now(self) -> None:
        """See `Database.close_now`."""
        self._db.close_now()


Program = Callable[[Doom, int], None]
"""What a process does: given its doom and a seed of its own; runs until it is killed."""


def _run(program: Program, doom: tuple[str, int], first: Connection, seed: int) -> None:
    parent = multiprocessing.parent_process()

    def end_with_parent() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    # What a dying process logs is no news.
    with contextlib.redirect_stdout(open(os.devnull, "w", encoding="utf-8")):  # noqa: PTH123
        program(Doom(*doom, first), seed)


@dataclasses.dataclass(slots=True)
class _Member:
    process: BaseProcess
    step: str
    first: Connection
    life: float
    until: float = float("inf")


class Crew:
    """Keeps as many processes of one program alive as there are places, counting who was killed at which step."""

    def __init__(self, program: Program, *, places: int, steps: Sequence[str], random: Random) -> None:
        self._program = program
        self._steps = steps
        self._random = random
        self._alive: list[_Member] = []
        self._places = places
        self.kills: collections.Counter[str] = collections.Counter()

    def tend(self, *, at: float) -> None:
        """Count the dead, kill whose time has come, fill the places.

        Args:
            at: seconds, of a clock that only goes forward.
        """
        for member in list(self._alive):
            self._look_at(member, at)
        while len(self._alive) < self._places:
            step = self._random.choice([*self._steps, ANY_MOMENT])
            self._add(step, self._random.uniform(0, 0.8) if step == ANY_MOMENT else LONGEST_LIFE_SECONDS)

    def add_immortal(self) -> None:
        """Add a process that nothing kills before `end`."""
        self._add("never", float("inf"))

    def end(self) -> None:
        """Kill all."""
        for member in self._alive:
            member.process.kill()
            member.process.join()
        self._alive.clear()

    def _look_at(self, member: _Member, at: float) -> None:
        if member.until == float("inf") and member.first.poll():
            member.until = at + member.life
        if member.process.exitcode is None and at >= member.until:
            member.process.kill()
            member.process.join()
            member.step = ANY_MOMENT
        if member.process.exitcode is not None:
            self._alive.remove(member)
            if member.process.exitcode != -signal.SIGKILL:
                raise RuntimeError(f"a process ended by itself with {member.process.exitcode}")
            self.kills[member.step] += 1

    def _add(self, step: str, life: float) -> None:
        doom = (step, self._random.randint(1, 6))
        heard, told = _processes.Pipe(duplex=False)
        process = _processes.Process(
            target=_run, args=(self._program, doom, told, self._random.getrandbits(32)), daemon=True
        )
        process.start()
        told.close()
        self._alive.append(_Member(process, step, heard, life))


def preload(*modules: str) -> None:
    """Import the modules once, before the first process is started."""
    _processes.set_forkserver_preload(list(modules))


def print_table(title: str, rows: Sequence[tuple[str, object]]) -> None:
    """Print two columns."""
    width = max(len(name) for name, _ in rows)
    sys.stdout.write(f"{title}\n" + "".join(f"  {name:<{width}}  {value}\n" for name, value in rows))
