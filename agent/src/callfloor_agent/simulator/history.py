"""The calls of days that are over, of the same fleet, through the same API, as fast as the server takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from callfloor_agent.api import Machine
from callfloor_agent.events import BATCH_MAX, CallEvent
from callfloor_agent.simulator.desk import Desk, Line
from callfloor_agent.simulator.lives import Fleet, Life, LogIn, Tell


class Historian:
    """Writes the past of a fleet.

    Args:
        line: to the server.
        fleet: whose lives.
        devices: how many.
        start: the instant (ms) from which on calls are told.
        end: the instant before which they are told.
    """

    def __init__(self, line: Line, fleet: Fleet, devices: int, start: int, end: int) -> None:
        self.written = 0
        """Devices that are done."""
        self._line = line
        self._start = start
        self._end = end
        self._lives: Iterator[Life] = map(fleet.life, range(devices))

    async def run(self, stop: asyncio.Event, *, connections: int) -> None:
        """Write all of it, or until told to stop.

        Raises:
            Refused: the team's secret is not the right one.
        """
        writers = [asyncio.create_task(self._write(stop)) for _ in range(connections)]
        try:
            await asyncio.gather(*writers)
        finally:
            for writer in writers:
                writer.cancel()

    async def _write(self, stop: asyncio.Event) -> None:
        for life in self._lives:
            await self._write_life(life, stop)
            if stop.is_set():
                return
            self.written += 1

    async def _write_life(self, life: Life, stop: asyncio.Event) -> None:
        desks: dict[str, Desk] = {}  # one for each person: what is told counts for who is logged in
        machine: Machine | None = None
        for one in life.happenings(self._start, self._end):
            if isinstance(one, LogIn):
                machine = one.machine
            elif isinstance(one, Tell) and isinstance(one.event, CallEvent) and machine is not None:
                desk = desks.get(machine.username)
                if desk is None:
                    desk = desks[machine.username] = Desk(self._line)
                    desk.put(machine)
                desk.put(one.event)
                if len(desk.outbox) > BATCH_MAX:
                    await _deliver(desk, stop)
                if stop.is_set():
                    return
        for desk in desks.values():
            await _deliver(desk, stop)


async def _deliver(desk: Desk, stop: asyncio.Event) -> None:
    while desk.outbox and not stop.is_set():
        pause = await desk.step()
        if pause:
            await asyncio.sleep(pause)
