"""Delivery: what waits in the spool goes to the server, oldest first, again and again until the server has it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable

import msgspec

from callfloor_agent.api import AgentApi, Authorization, LoggedIn, Machine, Receipt, Refused, ServerUnreachable
from callfloor_agent.clock import ServerClock
from callfloor_agent.events import BATCH_MAX, encode, heartbeat
from callfloor_agent.pauses import Pauses
from callfloor_agent.private_files import PrivateFile
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
ASK_AGAIN = frozenset({"authorization_pending", "slow_down"})
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
        machine: who logs in.
        team_secret: reads the secret anew at each log-in, so that a rotated one is found.
        enrolment: the file of what the last log-in gave.
        pauses: how long to wait after a failure.
    """

    def __init__(
        self,
        api: AgentApi,
        spool: Spool,
        recording: Recording,
        *,
        machine: Machine,
        team_secret: Callable[[], str],
        enrolment: PrivateFile,
        pauses: Pauses,
    ) -> None:
        self.contact = Contact()
        self._api = api
        self._spool = spool
        self._recording = recording
        self._machine = machine
        self._team_secret = team_secret
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
        try:
            logged_in = self._enrolled() or await self.log_in()
            self._recording.forget_events()
            if self._clock.is_known:  # else a heartbeat first, whose answer tells the time
                waiting = self._spool.oldest(self._limit)
            receipt = await self._send(logged_in.token, waiting)
            self._accept(waiting, receipt)
        except Refused as refusal:
            return self._after_refusal(refusal, waiting)
        except (ServerUnreachable, SpoolBroken, OSError) as error:
            self._lost(str(error))
            return self._pauses.after_failure()
        if self._spool.oldest(1):
            return 0.0
        is_first, self._is_first = self._is_first, False
        seconds = self.contact.heartbeat_seconds
        return self._pauses.within(seconds) if is_first else seconds

    async def log_in(self) -> LoggedIn:
        """Log in, keep the token, and return what the server gave.

        Raises:
            Refused: the server will not have this machine.
            ServerUnreachable: there was no answer.
            OSError: the secret cannot be read, or the token not be kept.
        """
        secret = self._team_secret()
        if not secret:
            raise Refused(
                0,
                "team_secret_missing",
                "no team secret is set; a person's machine signs in by callfloor-agent login --person",
            )
        return self._enroll(await self._api.log_in(self._machine, secret))

    async def sign_in(self, *, code: str | None, show: Callable[[Authorization], None]) -> LoggedIn:
        """Sign in as a person's machine, and return what the server gave.

        Args:
            code: of an administrator; without one a person confirms the machine.
            show: tells the person where, and by which code.

        Raises:
            Refused: nobody confirmed it in time, somebody refused, or the code is none.
            ServerUnreachable: there was no answer.
        """
        if code is not None:
            return self._enroll(await self._api.log_in_by_code(self._machine, code))
        authorization = await self._api.authorize(self._machine)
        show(authorization)
        pause = authorization.interval
        while True:
            await asyncio.sleep(pause)
            try:
                return self._enroll(await self._api.redeem(authorization.device_code))
            except Refused as refusal:
                if refusal.code not in ASK_AGAIN:
                    raise
                pause = max(pause, refusal.retry_after_seconds or 0.0)

    def _enroll(self, logged_in: LoggedIn) -> LoggedIn:
        self._enrolment.write(msgspec.json.encode(logged_in).decode())
        self._recording.follow_clock()
        self._show(logged_in)
        log.info("logged in: device %d on seat %d", logged_in.device_id, logged_in.seat_id)
        return logged_in

    async def log_out(self) -> None:
        """End the token, if there is one; the seat stays.

        Raises:
            Refused: the server does not know the token.
            ServerUnreachable: there was no answer; the token is kept.
        """
        logged_in = self._enrolled()
        if logged_in is not None:
            await self._api.log_out(logged_in.token)
            self._enrolment.remove()

    def _enrolled(self) -> LoggedIn | None:
        content = self._enrolment.read()
        if not content:
            return None
        try:
            logged_in = msgspec.json.decode(content, type=LoggedIn)
        except msgspec.DecodeError:
            return None
        if self.contact.device_id is None:
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

    def _after_refusal(self, refusal: Refused, waiting: list[Waiting]) -> float:
        self._recording.follow_clock()
        self._lost(str(refusal))
        if refusal.code in LOST_TOKEN:
            self._enrolment.remove()
        if refusal.status in NOT_FOR_A_BATCH and waiting:
            self._narrow(refusal, waiting)
        if refusal.code in WAITS_FOR_PEOPLE or refusal.status == 0:
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
