"""Delivery: what waits in the spool goes to the server, oldest first, again and again until the server has it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging

from callfloor_agent.api import AgentApi, LoggedIn, Receipt, Refused, ServerUnreachable
from callfloor_agent.clock import ServerClock
from callfloor_agent.enrolment import Enrolment
from callfloor_agent.events import BATCH_MAX, encode, heartbeat
from callfloor_agent.pauses import Pauses
from callfloor_agent.recording import Recording
from callfloor_agent.spool import Rejection, Spool, SpoolBroken, Waiting

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 30.0
"""Until the server says another."""
HEARTBEAT_RANGE_SECONDS = (1.0, 3_600.0)
WAITS_FOR_PEOPLE = frozenset({"device_blocked", "no_empty_seat", "team_secret_invalid", "device_conflict"})
"""Refusals that only an administrator can lift: asked again slowly."""
LOST_TOKEN = frozenset({"token_invalid", "device_blocked"})
"""The token is dead; the next log-in tells whether the device is still blocked."""
OWN_FILES_SECONDS = 5.0
"""Between two looks for a log-in that somebody is to bring: the server is not asked."""
NOT_FOR_A_BATCH = frozenset({400, 413, 422})
"""The server read the request and will not take it as it is: a smaller one shows which event is at fault."""


@dataclasses.dataclass(slots=True)
class Contact:
    """What `status` tells of the server; instants are milliseconds by the server's clock."""

    is_connected: bool = False
    device_id: int | None = None
    seat_id: int | None = None
    last_contact_at: int | None = None
    problem: str | None = None
    heartbeat_seconds: float = HEARTBEAT_SECONDS


class Delivery:
    """Sends what waits, and heartbeats while nothing does.

    Args:
        api: the server.
        spool: what waits.
        recording: told when the clock was corrected.
        enrolment: what the last log-in gave, and how to get another.
        pauses: how long to wait after a failure.
    """

    def __init__(
        self,
        api: AgentApi,
        spool: Spool,
        recording: Recording,
        *,
        enrolment: Enrolment,
        pauses: Pauses,
    ) -> None:
        self.contact = Contact()
        self._api = api
        self._spool = spool
        self._recording = recording
        self._enrolment = enrolment
        self._pauses = pauses
        self._limit = BATCH_MAX
        self._is_first = True

    @property
    def _clock(self) -> ServerClock:
        return self._api.clock

    async def run(self) -> None:
        """Deliver until canceled."""
        while True:
            pause = await self.step()
            await self._recording.wait_for_events(pause) if self.contact.is_connected else await asyncio.sleep(pause)

    async def step(self) -> float:
        """Send one batch or one heartbeat; return the seconds until the next is due, unless something happens."""
        waiting: list[Waiting] = []
        token = ""
        try:
            token = (self._enrolled() or await self._log_in()).token
            self._recording.forget_events()
            if self._clock.is_known:  # else a heartbeat first, whose answer tells the time
                waiting = self._spool.oldest(self._limit)
            receipt = await self._send(token, waiting)
            self._accept(waiting, receipt)
            if self._spool.oldest(1):
                return 0.0
        except Refused as refusal:
            return self._after_refusal(refusal, token, waiting)
        except (ServerUnreachable, SpoolBroken, OSError) as error:
            self._lost(str(error))
            return self._pauses.after_failure()
        is_first, self._is_first = self._is_first, False
        seconds = self.contact.heartbeat_seconds
        return self._pauses.within(seconds) if is_first else seconds

    def _enrolled(self) -> LoggedIn | None:
        logged_in = self._enrolment.known()
        shown = self.contact.device_id, self.contact.seat_id
        if logged_in is not None and (logged_in.device_id, logged_in.seat_id) != shown:
            self._show(logged_in)
        return logged_in

    async def _log_in(self) -> LoggedIn:
        logged_in = await self._enrolment.log_in()
        self._recording.follow_clock()
        self._show(logged_in)
        return logged_in

    def _show(self, logged_in: LoggedIn) -> None:
        self._set_heartbeat(logged_in.heartbeat_seconds)
        self.contact.device_id, self.contact.seat_id = logged_in.device_id, logged_in.seat_id

    async def _send(self, token: str, waiting: list[Waiting]) -> Receipt:
        contents = [one.content for one in waiting] or [encode(heartbeat(self._clock.now()))]
        return await self._api.send(token, contents)

    def _accept(self, waiting: list[Waiting], receipt: Receipt) -> None:
        self._recording.follow_clock()
        rejections = [
            Rejection(waiting[one.index], one.code, f"{one.field}: {one.message}" if one.field else one.message)
            for one in receipt.rejected
            if 0 <= one.index < len(waiting)
        ]
        for rejection in rejections:
            log.warning("the server will not take an event: %s, %s", rejection.code, rejection.message)
        if waiting:
            self._spool.settle(waiting, rejections, now=self._clock.now())
        if receipt.heartbeat_seconds is not None:
            self._set_heartbeat(receipt.heartbeat_seconds)
        if not self.contact.is_connected:
            log.info("connected to %s", self._api.server)
        self.contact.is_connected, self.contact.problem = True, None
        self.contact.last_contact_at = self._clock.now()
        self._limit = min(self._limit * 2, BATCH_MAX)
        self._pauses.succeeded()

    def _after_refusal(self, refusal: Refused, token: str, waiting: list[Waiting]) -> float:
        self._recording.follow_clock()
        self._lost(str(refusal))
        if refusal.code in LOST_TOKEN:
            self._enrolment.forget(token)
        if refusal.status in NOT_FOR_A_BATCH and waiting:
            self._narrow(refusal, waiting)
        if refusal.status == 0:
            return OWN_FILES_SECONDS
        if refusal.code in WAITS_FOR_PEOPLE:
            return self._pauses.slow()
        return self._pauses.after_failure(asked_seconds=refusal.retry_after_seconds)

    def _narrow(self, refusal: Refused, waiting: list[Waiting]) -> None:
        if len(waiting) > 1:
            self._limit = len(waiting) // 2
            return
        log.warning("the server will not take an event: %s", refusal)
        rejections = [Rejection(one, refusal.code, refusal.detail) for one in waiting]
        with contextlib.suppress(SpoolBroken):
            self._spool.settle(waiting, rejections, now=self._clock.now())

    def _lost(self, problem: str) -> None:
        if self.contact.is_connected or self.contact.problem != problem:
            log.warning("not delivered: %s", problem)
        self.contact.is_connected, self.contact.problem = False, problem

    def _set_heartbeat(self, seconds: float) -> None:
        lowest, highest = HEARTBEAT_RANGE_SECONDS
        self.contact.heartbeat_seconds = min(max(seconds, lowest), highest)
