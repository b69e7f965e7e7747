"""The agent of one device that is not there: what waits, its log-in, and one request at a time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from callfloor_agent.api import AgentApi, Machine, Receipt, Refused, ServerUnreachable
from callfloor_agent.delivery import HEARTBEAT_RANGE_SECONDS, HEARTBEAT_SECONDS, NOT_FOR_A_BATCH
from callfloor_agent.events import BATCH_MAX, CallEvent, Event, encode, heartbeat
from callfloor_agent.pauses import Pauses
from callfloor_agent.simulator.figures import Figures

ENDS_DEVICE = frozenset({"device_blocked", "device_conflict", "no_empty_seat", "validation_error"})
"""Refusals that stay: the device is counted among those that ended."""
FOR_NOW = frozenset({408, 429})


class Waiting(NamedTuple):
    """An event as it goes over the wire; the revision is of a call, 0 for a state."""

    content: bytes
    revision: int


class Truth:
    """A file of every call revision that the server has acknowledged: one JSON object a line.

    Args:
        path: of the file, begun anew; None: nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._file: IO[bytes] | None = None if path is None else path.open("wb")

    def write(self, machine: Machine, content: bytes) -> None:
        """Write the revision of a call that this machine told."""
        if self._file is not None:
            told = f'{{"hostname":"{machine.hostname}","username":"{machine.username}","call":'.encode()
            self._file.write(told + content + b"}\n")

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._file.close()


class Line:
    """What all devices of a simulation share on the way to the server.

    Args:
        api: the server.
        team_secret: reads the secret of the team.
        truth: told each call revision that arrived.
        longest_pause_seconds: between two tries.
        randomness: of the pauses.
    """

    def __init__(
        self,
        api: AgentApi,
        team_secret: Callable[[], str],
        truth: Truth,
        *,
        longest_pause_seconds: float,
        randomness: random.Random,
    ) -> None:
        self.api = api
        self.team_secret = team_secret
        self.truth = truth
        self.figures = Figures()
        self._longest_pause_seconds = longest_pause_seconds
        self._random = randomness

    def pauses(self) -> Pauses:
        """Return the pauses of one device."""
        return Pauses(longest_seconds=self._longest_pause_seconds, randomness=self._random)


class Desk:
    """Sends what it is told, in order; a log-in stands between what was told before and after it.

    Args:
        line: to the server.
    """

    def __init__(self, line: Line) -> None:
        self.outbox: deque[Waiting | Machine] = deque()
        self.is_on_shift = False
        self.heartbeat_seconds = HEARTBEAT_SECONDS
        self.ended: str | None = None
        self._line = line
        self._pauses = line.pauses()
        self._machine: Machine | None = None
        self._token: str | None = None

    def put(self, one: Event | Machine) -> None:
        """Let it wait: an event, or a log-in."""
        if self.ended is not None:
            return
        self._line.figures.waiting += 1
        if isinstance(one, Machine):
            self.outbox.append(one)
        else:
            revision = one.revision if isinstance(one, CallEvent) else 0
            self.outbox.append(Waiting(encode(one), revision))

    async def step(self) -> float:
        """Log in if that is due, and send what waits or a heartbeat; return the pause before the next try, 0 for none.

        Raises:
            Refused: the team's secret is not the right one.
        """
        figures = self._line.figures
        try:
            await self._log_in_if_due()
            if self._token is not None:
                await self._send(self._token)
        except ServerUnreachable:
            figures.failures += 1
            return self._pauses.after_failure()
        except Refused as refusal:
            return self._after_refusal(refusal)
        self._pauses.succeeded()
        return 0.0

    async def _log_in_if_due(self) -> None:
        first = self.outbox[0] if self.outbox else None
        machine = first if isinstance(first, Machine) else self._machine if self._token is None else None
        if machine is None:
            return
        self._line.figures.requests += 1
        logged_in = await self._line.api.log_in(machine, self._line.team_secret())
        self._line.figures.log_ins += 1
        self._machine, self._token = machine, logged_in.token
        self._follow(logged_in.heartbeat_seconds)
        if machine is first:
            self._settle(1)

    async def _send(self, token: str) -> None:
        events = self._next_events()
        if not events and (self.outbox or not self.is_on_shift):
            return
        figures, api = self._line.figures, self._line.api
        figures.requests += 1
        receipt = await api.send(token, [one.content for one in events] or [encode(heartbeat(api.clock.now()))])
        if receipt.heartbeat_seconds is not None:
            self._follow(receipt.heartbeat_seconds)
        self._count(events, receipt)
        self._settle(len(events))

    def _next_events(self) -> list[Waiting]:
        events: list[Waiting] = []
        for one in self.outbox:
            if isinstance(one, Machine) or len(events) == BATCH_MAX:
                break
            events.append(one)
        return events

    def _count(self, events: list[Waiting], receipt: Receipt) -> None:
        figures = self._line.figures
        figures.heartbeats += not events
        figures.duplicates += receipt.duplicates
        figures.rejected += len(receipt.rejected)
        rejected = {one.index for one in receipt.rejected}
        for index, one in enumerate(events):
            if index in rejected:
                continue
            figures.states += one.revision == 0
            figures.calls += one.revision == 1
            figures.corrections += one.revision > 1
            if one.revision and self._machine is not None:
                self._line.truth.write(self._machine, one.content)

    def _settle(self, count: int) -> None:
        for _ in range(count):
            self.outbox.popleft()
        self._line.figures.waiting -= count

    def _after_refusal(self, refusal: Refused) -> float:
        if refusal.code in ENDS_DEVICE or (refusal.status in NOT_FOR_A_BATCH and refusal.status not in FOR_NOW):
            self.ended = refusal.code
            self._line.figures.ended[refusal.code] = self._line.figures.ended.get(refusal.code, 0) + 1
            self._settle(len(self.outbox))
            return 0.0
        if refusal.code == "token_invalid":
            self._token = None
            return self._pauses.after_failure(asked_seconds=0)
        if refusal.status in FOR_NOW or refusal.status >= 500:
            self._line.figures.failures += 1
            return self._pauses.after_failure(asked_seconds=refusal.retry_after_seconds)
        raise refusal

    def _follow(self, heartbeat_seconds: float) -> None:
        lowest, highest = HEARTBEAT_RANGE_SECONDS
        self.heartbeat_seconds = min(max(heartbeat_seconds, lowest), highest)
