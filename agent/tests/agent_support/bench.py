"""A delivery without a loop around it, and the server of its tests."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

from agent_support.sights import seen
from agent_support.wire import SECRET, Wire, listening
from callfloor_agent.api import AgentApi, Machine
from callfloor_agent.clock import ServerClock, wall_ms
from callfloor_agent.delivery import Delivery
from callfloor_agent.enrolment import Enrolment
from callfloor_agent.pauses import Pauses
from callfloor_agent.recorder import Names
from callfloor_agent.recording import Recording
from callfloor_agent.spool import Spool

MACHINE = Machine("m-1", "ws-1", "ada", "linux", "12", "0.1.0")


class Bench:
    """A delivery without a loop around it: each step is one request, or a log-in and one."""

    def __init__(self, folder: Path, server: str, *, secret: str = SECRET, set_by_ms: int = 0) -> None:
        self.secret = secret
        self.spool = Spool(folder / "spool.db")
        self.set_by_ms = set_by_ms
        self.clock = ServerClock(self.spool.offset_ms(), wall=lambda: wall_ms() + self.set_by_ms)
        self.api = AgentApi(server, self.clock)
        self.recording = Recording(self.spool, self.clock, Names())
        self.delivery = Delivery(
            self.api,
            self.spool,
            self.recording,
            enrolment=Enrolment(self.api, MACHINE, lambda: self.secret, folder),
            pauses=Pauses(randomness=random.Random(1)),
        )

    def record(self, count: int) -> None:
        """Record so many states and a third as many calls."""
        for number in range(count):
            self.recording.look(seen(in_call=number % 3 == 1, fault=None if number % 3 else f"fault {number}"))

    async def deliver(self, *, steps: int = 50) -> None:
        """Take steps until nothing waits; without the pauses."""
        for _ in range(steps):
            await self.delivery.step()
            if not self.spool.oldest(1):
                return

    async def close(self) -> None:
        await self.api.close()
        self.spool.close()


@contextlib.contextmanager
def served() -> Iterator[tuple[Wire, str]]:
    """Run a server."""
    wire = Wire()
    with listening(wire) as url:
        yield wire, url
