"""One simulation from the first log-in to the summary."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import msgspec

from callfloor_agent.api import TIMEOUT_SECONDS, AgentApi, Refused, trust
from callfloor_agent.clock import ServerClock, instant, wall_ms
from callfloor_agent.settings import Settings
from callfloor_agent.simulator.desk import ENDS_DEVICE, Line, Truth
from callfloor_agent.simulator.engine import Course, Engine
from callfloor_agent.simulator.facts import DAY, HOUR
from callfloor_agent.simulator.figures import Progress, Summary, reached
from callfloor_agent.simulator.history import Historian
from callfloor_agent.simulator.lives import Fleet, LogIn

PROGRESS_SECONDS, LIVE_PROGRESS_SECONDS = 2.0, 60.0
"""Between two lines of progress: while it is in a hurry, and while it follows the clock."""
HISTORY_DAYS_MAX = 119
IDLE_CONNECTION_SECONDS = 20.0
"""Shorter than the server keeps one, so that none is used that it is closing."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is simulated.

    Args:
        devices: how many.
        speed: simulated seconds in a second.
        hours: from so many hours ago until now; None: from now on, at speed 1, with shifts round the clock.
        start: the instant (ms) from which on, instead of so many hours ago: a run that is done once more.
        seed: the same one is the same fleet.
        connections: requests under way at once.
        history_days: calls of so many days before that.
        cut_after: simulated hours until the network is cut; None: never.
        cut_hours: how long it is.
        truth: a file for every call revision that arrived.
        ends_with_stdin: whether it stops when standard input does, which the program that started it holds open.
    """

    devices: int
    speed: float = 1.0
    hours: float | None = None
    start: int | None = None
    seed: int = 1
    connections: int = 32
    history_days: int = 0
    cut_after: float | None = None
    cut_hours: float = 1.0
    truth: Path | None = None
    ends_with_stdin: bool = False

    def fleet(self, start: int) -> Fleet:
        """Return the fleet of a simulation that starts then (ms)."""
        return Fleet(self.seed, round_the_clock=True) if self.hours is None else Fleet(self.seed, start)

    def course(self, now: int) -> Course:
        """Return how its time goes when it is begun at `now` (ms)."""
        if self.hours is None:
            return Course(now, None, 1.0)
        length = round(self.hours * HOUR)
        start = now - length if self.start is None else self.start
        if self.cut_after is None:
            return Course(start, start + length, self.speed)
        cut_from = start + round(self.cut_after * HOUR)
        return Course(start, start + length, self.speed, cut_from, cut_from + round(self.cut_hours * HOUR))


async def simulate(settings: Settings, plan: Plan, tell: Callable[[Progress], None]) -> Summary:
    """Simulate, until the end or a signal; return what was done.

    Args:
        settings: of the server and the team's secret.
        plan: what is simulated.
        tell: called every few seconds.

    Raises:
        Refused: the team's secret is not the right one.
        ServerUnreachable: there was no answer to the first request.
        OSError: the truth cannot be written, or the secret or the authority not be read.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows, which ends the process instead
            loop.add_signal_handler(number, stop.set)
    if plan.ends_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(loop, stop), daemon=True).start()
    connector = aiohttp.TCPConnector(
        limit=plan.connections, ssl=trust(settings.ca_file), keepalive_timeout=IDLE_CONNECTION_SECONDS
    )
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    truth = Truth(plan.truth)
    try:
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            api = AgentApi(settings.server, ServerClock(), session=session)
            longest = settings.retry_longest_seconds
            randomness = random.Random(plan.seed)  # noqa: S311  # spreads load, keeps no secret
            line = Line(api, settings.secret, truth, longest_pause_seconds=longest, randomness=randomness)
            return await _Simulation(line, plan, tell).run(stop)
    finally:
        truth.close()


def _wait_for_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    with contextlib.suppress(RuntimeError):  # it has ended meanwhile
        loop.call_soon_threadsafe(stop.set)


class _Simulation:
    def __init__(self, line: Line, plan: Plan, tell: Callable[[Progress], None]) -> None:
        self._line = line
        self._plan = plan
        self._tell = tell

    async def run(self, stop: asyncio.Event) -> Summary:
        plan, figures, loop = self._plan, self._line.figures, asyncio.get_running_loop()
        await self._learn_time(plan.fleet(0))
        course = plan.course(self._line.api.clock.now())
        fleet = plan.fleet(course.start)
        await self._write_history(fleet, course.start, stop)
        history_calls = figures.calls
        began = loop.time()
        engine = Engine(self._line, fleet, plan.devices, course, connections=plan.connections)
        if not stop.is_set():
            async with self._telling(course, lambda: (engine.now, engine.is_cut), is_history=False):
                await engine.run(stop)
        seconds = loop.time() - began
        return Summary(
            is_complete=engine.is_over,
            devices=plan.devices,
            simulated_from=instant(course.start),
            simulated_to=instant(engine.now),
            speed=round(reached(course.start, engine.now, seconds), 1),
            speed_asked=course.speed,
            seconds=round(seconds, 1),
            history_days=plan.history_days,
            history_calls=history_calls,
            figures=figures,
        )

    async def _write_history(self, fleet: Fleet, end: int, stop: asyncio.Event) -> None:
        plan = self._plan
        if not plan.history_days:
            return
        start = end - plan.history_days * DAY
        historian = Historian(self._line, fleet, plan.devices, start, end)

        def where() -> tuple[int, bool]:
            return start + (end - start) * historian.written // plan.devices, False

        async with self._telling(Course(start, end, 0.0), where, is_history=True):
            await historian.run(stop, connections=plan.connections)

    async def _learn_time(self, fleet: Fleet) -> None:
        """Log the first device in: the answer tells whether the secret is right, and what time it is there."""
        lives = fleet.life(0).happenings(wall_ms())
        machine = next(one.machine for one in lives if isinstance(one, LogIn))
        try:
            await self._line.api.log_in(machine, self._line.team_secret())
        except Refused as refusal:
            if refusal.code not in ENDS_DEVICE:
                raise

    @contextlib.asynccontextmanager
    async def _telling(
        self, course: Course, where: Callable[[], tuple[int, bool]], *, is_history: bool
    ) -> AsyncIterator[None]:
        """Tell of progress meanwhile; `where` gives the simulated time, and whether the network is cut."""
        task = asyncio.create_task(self._tell_on(course, where, is_history=is_history))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _tell_on(self, course: Course, where: Callable[[], tuple[int, bool]], *, is_history: bool) -> None:
        figures, loop = self._line.figures, asyncio.get_running_loop()
        began = last = loop.time()
        acknowledged = figures.acknowledged
        while True:
            await asyncio.sleep(LIVE_PROGRESS_SECONDS if course.end is None else PROGRESS_SECONDS)
            at, (now, is_cut) = loop.time(), where()
            told = Progress(
                simulated_at=instant(now),
                simulated_hours=round((now - course.start) / HOUR, 3),
                speed=round(reached(course.start, now, at - began), 1),
                speed_asked=course.speed,
                events_per_second=round((figures.acknowledged - acknowledged) / (at - last), 1),
                acknowledged=figures.acknowledged,
                waiting=figures.waiting,
                failures=figures.failures,
                is_cut=is_cut,
                is_history=is_history,
            )
            acknowledged, last = figures.acknowledged, at
            self._tell(told)
