"""This machine's place with the server: how it gets in, by a secret or a person, and the file of what that gave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec

from callfloor_agent.api import AgentApi, Authorization, LoggedIn, Machine, Refused
from callfloor_agent.clock import ServerClock
from callfloor_agent.events import encode, heartbeat
from callfloor_agent.machine import this_machine
from callfloor_agent.private_files import PrivateFile
from callfloor_agent.settings import Settings

log = logging.getLogger(__name__)

LOG_IN_FILE = "log-in.json"
ASK_AGAIN = frozenset({"authorization_pending", "slow_down"})


class Enrolment:
    """What the last log-in gave, and how to get another; the file may be replaced by another process at any time.

    Args:
        api: the server.
        machine: who logs in.
        team_secret: reads the secret anew at each log-in, so that a rotated one is found.
        folder: of what the agent keeps.
    """

    def __init__(self, api: AgentApi, machine: Machine, team_secret: Callable[[], str], folder: Path) -> None:
        self.team_secret = team_secret
        self._api = api
        self._machine = machine
        self._file = PrivateFile(folder / LOG_IN_FILE)

    def known(self) -> LoggedIn | None:
        """Return what the last log-in gave; None without one, or when the file cannot be understood."""
        try:
            return msgspec.json.decode(self._file.read() or "null", type=LoggedIn | None)
        except msgspec.DecodeError:
            return None

    def forget(self, token: str) -> None:
        """Forget this token, which has ended; another one that was given meanwhile is kept."""
        known = self.known()
        if known is not None and known.token == token:
            self._file.remove()

    @property
    def clock(self) -> ServerClock:
        """Return the clock that the server's answers set."""
        return self._api.clock

    async def check(self) -> LoggedIn:
        """Give a sign of life with the token that is there, and return what came with it.

        Raises:
            Refused: there is none, or it has ended.
            ServerUnreachable: there was no answer.
        """
        known = self.known()
        if known is None:
            raise _no_secret()
        await self._api.send(known.token, [encode(heartbeat(self.clock.now()))])
        return known

    async def log_in(self) -> LoggedIn:
        """Log in by the team's secret, keep the token, and return what the server gave.

        Raises:
            Refused: the server will not have this machine.
            ServerUnreachable: there was no answer.
            OSError: the secret cannot be read, or the token not be kept.
        """
        secret = self.team_secret()
        if not secret:
            raise _no_secret()
        return self._keep(await self._api.log_in(self._machine, secret))

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
            return self._keep(await self._api.log_in_by_code(self._machine, code))
        authorization = await self._api.authorize(self._machine)
        show(authorization)
        pause = authorization.interval
        while True:
            await asyncio.sleep(pause)
            try:
                return self._keep(await self._api.redeem(authorization.device_code))
            except Refused as refusal:
                if refusal.code not in ASK_AGAIN:
                    raise
                pause = max(pause, refusal.retry_after_seconds or 0.0)

    async def log_out(self) -> None:
        """End the token, if there is one; the seat stays.

        Raises:
            Refused: the server does not know the token.
            ServerUnreachable: there was no answer; the token is kept.
        """
        known = self.known()
        if known is not None:
            await self._api.log_out(known.token)
            self._file.remove()

    def _keep(self, logged_in: LoggedIn) -> LoggedIn:
        self._file.write(msgspec.json.encode(logged_in).decode())
        log.info("logged in: device %d on seat %d", logged_in.device_id, logged_in.seat_id)
        return logged_in


def _no_secret() -> Refused:
    detail = "no team secret is set; a person's machine signs in by callfloor-agent login --person"
    return Refused(0, "team_secret_missing", detail)


@contextlib.asynccontextmanager
async def enrolment_of(settings: Settings) -> AsyncIterator[Enrolment]:
    """Yield this machine's place with the server, for a command that is no running agent."""
    api = AgentApi(settings.server, ServerClock(), ca_file=settings.ca_file)
    try:
        yield Enrolment(api, this_machine(settings), settings.secret, settings.state_folder)
    finally:
        await api.close()
