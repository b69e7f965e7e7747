"""The client of the agent API: log-in, events, log-out, over one connection that is kept open."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec

from callfloor_agent.clock import ServerClock
from callfloor_agent.events import batch

TIMEOUT_SECONDS = 30.0
LOG_IN = "/api/v2/agent/login"
EVENTS = "/api/v2/agent/events"
LOG_OUT = "/api/v2/agent/logout"
AUTHORIZE = "/api/v2/agent/authorize"
TOKEN = "/api/v2/agent/token"  # noqa: S105  # an address
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

Answer = TypeVar("Answer")


class Machine(msgspec.Struct, frozen=True):
    """What a log-in tells of the machine."""

    machine_id: str
    hostname: str
    username: str
    os: str
    os_version: str
    app_version: str


class LoggedIn(msgspec.Struct, frozen=True):
    """What a log-in gives."""

    device_id: int
    seat_id: int
    token: str
    heartbeat_seconds: float


class Authorization(msgspec.Struct, frozen=True):
    """What the person is shown, and what the agent asks with; every `interval` seconds, for `expires_in` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    interval: float


class Rejected(msgspec.Struct, frozen=True):
    """One event of a batch that the server will not take; `index` is its place."""

    index: int
    code: str
    id: str | None = None
    field: str | None = None
    message: str = ""


class Receipt(msgspec.Struct, frozen=True):
    """What became of a batch: everything that is not rejected is on the server's disk."""

    accepted: int
    duplicates: int
    rejected: list[Rejected] = []
    heartbeat_seconds: float | None = None


class ServerUnreachable(Exception):
    """No answer: the network, TLS, or a server that is away."""


class Refused(Exception):
    """The server answered that it will not.

    Args:
        status: of HTTP.
        code: stable, as the agent API names it; `http_STATUS` when the answer has none.
        detail: for people.
        retry_after_seconds: when it says so.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class _Problem(msgspec.Struct):
    code: str = ""
    detail: str = ""
    title: str = ""


class AgentApi:
    """A client of one server; what it hears sets the clock.

    Args:
        server: the address, such as `https://callfloor.example`.
        clock: told the Date header of each answer.
        ca_file: the authority to trust, instead of the system's.
        session: of another owner, to share connections between many agents; left out, one of its own.
    """

    def __init__(
        self,
        server: str,
        clock: ServerClock,
        *,
        ca_file: Path | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self.clock = clock
        self._ssl = trust(ca_file) if session is None else None
        self._session = session
        self._owns_session = session is None

    async def log_in(self, machine: Machine, team_secret: str) -> LoggedIn:
        """Log the machine in.

        Raises:
            Refused: as the agent API tells: `team_secret_invalid`, `device_blocked`, `no_empty_seat` and others.
            ServerUnreachable: there was no answer.
        """
        body = msgspec.json.encode({"team_secret": team_secret, **msgspec.structs.asdict(machine)})
        return _decoded(await self._post(LOG_IN, body, token=None), LoggedIn)

    async def authorize(self, machine: Machine) -> Authorization:
        """Begin to sign in without a secret: in a team of people, a person confirms the machine (RFC 8628).

        Raises:
            Refused: too many begin.
            ServerUnreachable: there was no answer.
        """
        return _decoded(await self._post(AUTHORIZE, msgspec.json.encode(machine), token=None), Authorization)

    async def redeem(self, device_code: str) -> LoggedIn:
        """Ask whether the person has confirmed the machine.

        Raises:
            Refused: `authorization_pending` and `slow_down`: ask again later; others: begin anew.
            ServerUnreachable: there was no answer.
        """
        body = msgspec.json.encode({"grant_type": DEVICE_CODE_GRANT, "device_code": device_code})
        return _decoded(await self._post(TOKEN, body, token=None), LoggedIn)

    async def log_in_by_code(self, machine: Machine, code: str) -> LoggedIn:
        """Sign in with a code that an administrator made.

        Raises:
            Refused: `agent_code_invalid`, or as a log-in.
            ServerUnreachable: there was no answer.
        """
        body = msgspec.json.encode({"code": code, **msgspec.structs.asdict(machine)})
        return _decoded(await self._post(AUTHORIZE, body, token=None), LoggedIn)

    async def send(self, token: str, contents: Sequence[bytes]) -> Receipt:
        """Send encoded events; return what became of them.

        Args:
            token: of the log-in.
            contents: 1 to 500 encoded events.

        Raises:
            Refused: `token_invalid`, `device_blocked`, or for now: 429 and 503.
            ServerUnreachable: there was no answer; the events may have arrived.
        """
        return _decoded(await self._post(EVENTS, batch(contents), token=token), Receipt)

    async def log_out(self, token: str) -> None:
        """End the token; the seat stays.

        Raises:
            Refused: the token is not known.
            ServerUnreachable: there was no answer.
        """
        await self._post(LOG_OUT, b"", token=token)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None and self._owns_session:
            await self._session.close()
            self._session = None

    async def _post(self, path: str, body: bytes, *, token: str | None) -> bytes:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(
                timeout=timeout, trust_env=True, connector=aiohttp.TCPConnector(ssl=self._ssl or True)
            )
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        sent_ms = self.clock.wall()
        try:
            url = f"{self.server}{path}"
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ServerUnreachable(str(error) or type(error).__name__) from error
        self.clock.observe(answer.headers.get("Date"), sent_ms=sent_ms, received_ms=self.clock.wall())
        if 200 <= answer.status < 300:
            return content
        raise _refusal(answer.status, content, answer.headers.get("Retry-After"))


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts this authority alone, or the system's without one.

    Raises:
        OSError: the file cannot be read, or is no certificate.
    """
    if ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:  # which does not say of what file
        raise OSError(f"ca_file {ca_file} cannot be used: {error.strerror or error}") from error


def _decoded(content: bytes, type_: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(content, type=type_)
    except msgspec.DecodeError as error:
        raise ServerUnreachable(f"what answers there is no Callfloor server: {error}") from error


def _refusal(status: int, content: bytes, retry_after: str | None) -> Refused:
    try:
        problem = msgspec.json.decode(content, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Problem()
    seconds = float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else None
    return Refused(status, problem.code or f"http_{status}", problem.detail or problem.title, seconds)
