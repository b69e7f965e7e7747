"""What happens to each device of a simulated fleet, in order; the same seed gives the same lives, event ids included.

A shift follows from the seed, the device's number and the instant at which it begins, and from nothing else: a run that
looks at it once more tells the same events, which a server knows already.
"""

from __future__ import annotations

import dataclasses
import heapq
import random
import uuid
from collections.abc import Iterator

from callfloor_agent.api import Machine
from callfloor_agent.events import Event, StateEvent
from callfloor_agent.simulator import facts
from callfloor_agent.simulator.calls import Caller, call, state
from callfloor_agent.simulator.facts import DAY, HOUR, MINUTE, SECOND

SHIFT_LONGEST = 14 * HOUR
"""From the log-in to the end of the last call, and to the last correction."""
UPGRADE_BREAK, HANDOVER_BREAK = 0, 1


@dataclasses.dataclass(frozen=True, slots=True)
class LogIn:
    """Somebody begins to work at the machine, or it comes back as another version."""

    at: int
    machine: Machine


@dataclasses.dataclass(frozen=True, slots=True)
class Tell:
    """The agent has something to tell."""

    at: int
    event: Event


@dataclasses.dataclass(frozen=True, slots=True)
class Leave:
    """The machine is switched off."""

    at: int


Happening = LogIn | Tell | Leave


@dataclasses.dataclass(frozen=True, slots=True)
class _Later:
    """What is known now and told later, between what else happens."""

    tell: Tell


@dataclasses.dataclass(frozen=True, slots=True)
class Fleet:
    """Which lives there are.

    Args:
        seed: another one is another fleet.
        base: the instant (ms) around which the first shifts begin, one a day; before it, fewer at weekends.
        round_the_clock: shifts begin at every hour of the day, every day.
    """

    seed: int
    base: int = 0
    round_the_clock: bool = False

    def life(self, number: int) -> Life:
        """Return the life of the device of this number."""
        return Life(self, number)


class Life:
    """One device's; its instants are milliseconds."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        steady = random.Random(f"{fleet.seed} {number}")  # noqa: S311  # a simulation
        self.fleet = fleet
        self.number = number
        self.hostname = f"SIM{fleet.seed}-{number:05}"
        self.caller = Caller(
            language=steady.choices(facts.LANGUAGES, facts.LANGUAGE_WEIGHTS)[0],
            app_name=steady.choices(facts.APPS, facts.APP_WEIGHTS)[0],
            headset=steady.choice(facts.HEADSETS),
            converts_accents=steady.random() < facts.CONVERTS_ACCENTS_SHARE,
        )
        self.people = facts.person(number), facts.person(number + 7)
        self.is_hot_desk = steady.random() < facts.HOT_DESK_SHARE
        self.release_lag = steady.randrange(facts.RELEASE_DAYS)
        hours = steady.uniform(0, 24) if fleet.round_the_clock else steady.uniform(-4, 2)
        self._first = fleet.base + round(hours * HOUR)

    def happenings(self, start: int, end: int | None = None) -> Iterator[Happening]:
        """Yield what happens from `start` to before `end`, in order; who is at work at `start` logs in then."""
        begins = self._first + (start - SHIFT_LONGEST - self._first) // DAY * DAY
        while end is None or begins < end:
            yield from _from(start, end, _in_order(_Shift(self, begins).happenings()))
            begins += DAY

    def machine(self, username: str, release: int) -> Machine:
        """Return what a log-in tells."""
        return Machine(
            machine_id=f"simulated-{self.hostname}",
            hostname=self.hostname,
            username=username,
            os="windows",
            os_version="11",
            app_version=facts.version(release),
        )

    def works(self, begins: int, dice: random.Random) -> bool:
        """Return whether the shift that would begin then takes place."""
        is_weekend = (begins // DAY + 3) % 7 >= 5  # 1970 began with a Thursday
        rests = is_weekend and not self.fleet.round_the_clock and begins < self._first
        return dice.random() < (facts.WEEKEND_SHARE if rests else 1.0)


class _Shift:
    """One shift of a life, from the log-in to the last word."""

    def __init__(self, life: Life, begins: int) -> None:
        dice = random.Random(f"{life.fleet.seed} {life.number} {begins}")  # noqa: S311  # a simulation
        self._life = life
        self._dice = dice
        self._begins = self._at = begins
        self._last_correction = begins
        self._is_late = dice.random() < facts.LATE_SHARE
        days = begins // DAY + life.release_lag
        self._release = days // facts.RELEASE_DAYS
        self._upgrades = days % facts.RELEASE_DAYS == 0

    def happenings(self) -> Iterator[Happening | _Later]:
        """Yield what happens; what is later stands where it becomes known."""
        dice = self._dice
        if not self._life.works(self._begins, dice):
            return
        yield self._log_in()
        yield self._tell("online")
        length = round(dice.uniform(*facts.SHIFT_HOURS) * HOUR)
        breaks = [self._begins + share * length // 4 for share in (1, 2, 3)]
        while self._at < self._begins + length:
            self._pass(5 + dice.expovariate(1 / facts.GAP_SECONDS))
            if breaks and self._at >= breaks[0]:
                yield from self._break(3 - len(breaks))
                breaks.pop(0)
            elif dice.random() < facts.FAULT_SHARE:
                yield self._tell("unhealthy", reason=dice.choice(facts.FAULTS))
                self._pass(60 * dice.uniform(*facts.FAULT_MINUTES))
                yield self._tell("online")
            else:
                yield from self._call()
        self._at = max(self._at, self._last_correction) + SECOND
        yield self._tell("offline")
        yield Leave(self._at)

    def _pass(self, seconds: float) -> None:
        self._at += round(seconds * SECOND)

    def _log_in(self) -> LogIn:
        release = self._release - self._upgrades
        return LogIn(self._at, self._life.machine(self._life.people[self._is_late], release))

    def _tell(self, name: str, reason: str | None = None) -> Tell:
        return Tell(self._at, state(self._id(), self._at, name, self._life.caller, reason=reason))

    def _id(self) -> str:
        return str(uuid.UUID(int=self._dice.getrandbits(128), version=4))

    def _break(self, number: int) -> Iterator[Happening]:
        yield self._tell("unavailable", reason="break")
        self._pass(60 * self._dice.uniform(*facts.BREAK_MINUTES))
        if number == UPGRADE_BREAK and self._upgrades:
            self._upgrades = False
            yield self._log_in()
        if number == HANDOVER_BREAK and self._life.is_hot_desk:
            self._is_late = not self._is_late
            yield self._log_in()
        yield self._tell("online")

    def _call(self) -> Iterator[Happening | _Later]:
        dice = self._dice
        made = call(dice, self._life.caller, self._at, self._id)
        for at, event in made.events:
            yield Tell(at, event)
        self._at = made.ended_at
        if dice.random() < facts.CORRECTION_SHARE:
            at = self._at + round(dice.uniform(*facts.CORRECTION_MINUTES) * MINUTE)
            longer_by = round(dice.uniform(*facts.CORRECTION_ADDS_SECONDS) * SECOND)
            yield _Later(Tell(at, made.corrected(self._id(), at, longer_by)))
            self._last_correction = max(self._last_correction, at)


def _in_order(known: Iterator[Happening | _Later]) -> Iterator[Happening]:
    waiting: list[tuple[int, int, Tell]] = []
    for number, one in enumerate(known):
        if isinstance(one, _Later):
            heapq.heappush(waiting, (one.tell.at, number, one.tell))
            continue
        while waiting and waiting[0][0] <= one.at:
            yield heapq.heappop(waiting)[2]
        yield one


def _from(start: int, end: int | None, shift: Iterator[Happening]) -> Iterator[Happening]:
    """Yield of a shift what is in the window; one that is under way begins with a log-in and the last state."""
    log_in: LogIn | None = None
    last: Tell | None = None
    for one in shift:
        if end is not None and one.at >= end:
            return
        if one.at >= start:
            if log_in is not None:
                yield LogIn(start, log_in.machine)
                log_in = None
            if last is not None:
                yield Tell(start, last.event)
                last = None
            yield one
        elif isinstance(one, LogIn):
            log_in = one
        elif isinstance(one, Leave):
            return
        elif isinstance(one.event, StateEvent):
            last = one
