"""The simulation that lives: a clock that runs faster, devices to which things happen, and what they send."""

from __future__ import annotations

import asyncio
import dataclasses
import heapq
from collections.abc import Iterator

from callfloor_agent.events import BATCH_MAX
from callfloor_agent.simulator.desk import Desk, Line
from callfloor_agent.simulator.lives import Fleet, Happening, LogIn, Tell

TICK_SECONDS = 0.02
LINGER_SECONDS, LINGER_SPEED = 10.0, 6.0
"""At most so long an event waits for others to go with it; for one second at this speed."""
LINGER_MOST = 1_200.0
"""Simulated seconds in which a device has some eight events to tell: enough to go together."""
TOGETHER = 100
"""Events that do not wait for others."""
WAITING_A_DEVICE = 12
"""As many events may wait for each device before the simulated time is held."""
WAITING_AT_LEAST = 1_000
AT_ONCE = 200
"""Happenings before the requests get their turn."""
FAREWELL_SECONDS = 5.0


@dataclasses.dataclass(frozen=True, slots=True)
class Course:
    """How the simulated time goes; instants are milliseconds.

    Args:
        start: the simulated time at which it begins.
        end: at which it ends; None: never.
        speed: asked for.
        cut_from: from when to `cut_to` nothing reaches the server.
    """

    start: int
    end: int | None
    speed: float
    cut_from: int | None = None
    cut_to: int = 0


class _Seat:
    """A device in the engine: its desk, what happens to it, and when it is to send.

    It is in one of three places: among those with a time to send (`due`), among those that send (`is_busy`), or idle.
    """

    __slots__ = ("desk", "due", "is_busy", "life", "not_before")

    def __init__(self, desk: Desk, life: Iterator[Happening]) -> None:
        self.desk = desk
        self.life = life
        self.due: float | None = None
        self.not_before = 0.0
        self.is_busy = False


class Engine:
    """Lets the fleet live.

    Args:
        line: to the server.
        fleet: whose lives.
        devices: how many.
        course: of the time.
        connections: requests under way at once.
    """

    def __init__(self, line: Line, fleet: Fleet, devices: int, course: Course, *, connections: int) -> None:
        self.now = course.start
        self._line = line
        self._course = course
        self._connections = connections
        self._linger = min(course.speed / LINGER_SPEED, LINGER_SECONDS, LINGER_MOST / course.speed)
        self._waiting_most = max(WAITING_A_DEVICE * devices, WAITING_AT_LEAST)
        lives = (fleet.life(number).happenings(course.start, course.end) for number in range(devices))
        self._seats = [_Seat(Desk(line), life) for life in lives]
        self._next: list[tuple[int, int, Happening]] = []
        self._due: list[tuple[float, int]] = []
        self._ready: asyncio.Queue[int | None] = asyncio.Queue()
        self._network = asyncio.Event()
        self._network.set()

    @property
    def is_cut(self) -> bool:
        """Return whether nothing reaches the server now."""
        return not self._network.is_set()

    @property
    def is_over(self) -> bool:
        """Return whether everything has happened and was sent."""
        return self._course.end is not None and self.now >= self._course.end and not self._line.figures.waiting

    async def run(self, stop: asyncio.Event) -> None:
        """Live until the end, or until told to stop.

        Raises:
            Refused: the team's secret is not the right one.
        """
        for number in range(len(self._seats)):
            self._look_ahead(number)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        senders = [asyncio.create_task(self._send_on()) for _ in range(self._connections)]
        try:
            while not stop.is_set() and not self.is_over:
                await self._let_happen(began)
                self._call_up()
                for sender in senders:
                    if sender.done():
                        sender.result()
                await asyncio.sleep(TICK_SECONDS)
        finally:
            self._network.set()
            for _ in senders:
                self._ready.put_nowait(None)
            await asyncio.wait(senders, timeout=FAREWELL_SECONDS)
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _let_happen(self, began: float) -> None:
        """Let happen what is due: the time goes on as asked, but neither past the present nor past what can wait."""
        course, elapsed = self._course, asyncio.get_running_loop().time() - began
        until = min(course.start + round(elapsed * 1000 * course.speed), self._line.api.clock.now())
        until = until if course.end is None else min(until, course.end)
        count = 0
        while self._next and self._next[0][0] <= until:
            at, number, happening = self._next[0]
            self.now = max(self.now, at)
            self._switch_network()
            if not self.is_cut and self._line.figures.waiting > self._waiting_most:
                return
            heapq.heappop(self._next)
            self._happen(number, happening)
            self._look_ahead(number)
            count += 1
            if count % AT_ONCE == 0:
                self._call_up()
                await asyncio.sleep(0)
        self.now = max(self.now, until)
        self._switch_network()
        if self._linger and self.now == course.end:  # nothing follows that the last events could wait for
            self._linger = 0.0
            for number, seat in enumerate(self._seats):
                if seat.desk.outbox:
                    self._plan(number, asyncio.get_running_loop().time())

    def _look_ahead(self, number: int) -> None:
        happening = next(self._seats[number].life, None)
        if happening is not None:
            heapq.heappush(self._next, (happening.at, number, happening))

    def _happen(self, number: int, happening: Happening) -> None:
        seat = self._seats[number]
        if isinstance(happening, LogIn):
            seat.desk.is_on_shift = True
            seat.desk.put(happening.machine)
        elif isinstance(happening, Tell):
            seat.desk.put(happening.event)
        else:
            seat.desk.is_on_shift = False
            return
        linger = 0.0 if len(seat.desk.outbox) >= TOGETHER else self._linger
        self._plan(number, asyncio.get_running_loop().time() + linger)

    def _switch_network(self) -> None:
        cut_from = self._course.cut_from
        if cut_from is not None and cut_from <= self.now < self._course.cut_to:
            self._network.clear()
        else:
            self._network.set()

    def _plan(self, number: int, at: float) -> None:
        seat = self._seats[number]
        if not seat.is_busy and seat.desk.ended is None and (seat.due is None or at < seat.due):
            seat.due = max(at, seat.not_before)
            heapq.heappush(self._due, (seat.due, number))

    def _call_up(self) -> None:
        """Let those send whose time has come."""
        now = asyncio.get_running_loop().time()
        while not self.is_cut and self._due and self._due[0][0] <= now:
            at, number = heapq.heappop(self._due)
            seat = self._seats[number]
            if seat.due == at:
                seat.due, seat.is_busy = None, True
                self._ready.put_nowait(number)

    async def _send_on(self) -> None:
        while (number := await self._ready.get()) is not None:
            await self._network.wait()
            seat = self._seats[number]
            pause = await seat.desk.step()
            seat.is_busy = False
            now = asyncio.get_running_loop().time()
            seat.not_before = now + pause
            if seat.desk.outbox:
                self._plan(number, now + (0 if pause or len(seat.desk.outbox) >= BATCH_MAX else self._linger))
            elif seat.desk.is_on_shift:
                self._plan(number, now + seat.desk.heartbeat_seconds)
