"""Requests counted by client in fixed windows; who goes over is shut out for a set time."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Protocol

from callfloor.foundation.clock import Millis


class Api(enum.StrEnum):
    """An API that has a limit of its own, or a door of one where something could be guessed."""

    PORTAL = "portal"
    """By client address."""
    CONVERSATIONS = "conversations"
    """By key."""
    CALLFLOOR = "callfloor"
    """By key, or by person."""
    AGENT = "agent"
    """By agent, which is a device and an OS user."""
    EVENTS = "events"
    """As AGENT, for what devices report."""
    SIGN_IN = "sign-in"
    """By client address and account."""
    INVITATION = "invitation"
    """By client address and invitation: the password of the account it is for."""
    AGENT_SIGN_IN = "agent-sign-in"
    """By client address: codes asked for."""
    AGENT_CODE = "agent-code"
    """By client address: codes tried that an administrator made."""
    CONFIRMATION = "confirmation"
    """By person: codes looked at."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """`requests` in `window_seconds`; then refused for `block_seconds`."""

    requests: int
    window_seconds: int
    block_seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What the limit says of one request."""

    allowed: bool
    remaining: int
    reset_seconds: int


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A client that is shut out."""

    client: str
    blocked_at: Millis
    ends_at: Millis


class RateLimit(Protocol):
    """One limit, shared by every request it is asked about."""

    limit: Limit

    async def taken(self, client: str, now: Millis) -> Verdict:
        """Count one request of the client; a refused one neither counts nor lengthens the block."""

    def hear_of(self, block: Block) -> None:
        """Shut the client out: another server, or this one before it was started anew, has begun the block."""

    async def lift(self, client: str, before: Millis) -> None:
        """End the client's block, if it began before this instant; the count starts at zero.

        Raises:
            Unavailable: the store of the counts does not answer.
        """


class MemoryRateLimit:
    """The limit of a single server process, exact."""

    def __init__(self, limit: Limit, *, on_block: Callable[[Block], None] | None = None) -> None:
        self.limit = limit
        self._on_block = on_block
        self._window = limit.window_seconds * 1000
        self._block = limit.block_seconds * 1000
        self._clients: dict[str, list[int]] = {}
        """By client: when the window or the block ends, and the count, which is -1 in a block."""
        self._swept_at = 0

    def hear_of(self, block: Block) -> None:
        """See `RateLimit.hear_of`."""
        self._clients[block.client] = [block.ends_at, -1]

    async def taken(self, client: str, now: Millis) -> Verdict:
        """See `RateLimit.taken`."""
        return self.take(client, now)

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""
        entry = self._clients.get(client)
        if entry is not None and entry[1] < 0 and entry[0] - self._block <= before:
            del self._clients[client]

    def take(self, client: str, now: Millis) -> Verdict:
        """Count one request, as `RateLimit.taken` does."""
        if now - self._swept_at > self._window:
            self._sweep(now)
        entry = self._clients.get(client)
        if entry is None or now >= entry[0]:
            entry = self._clients[client] = [now + self._window, 0]
        elif entry[1] < 0:
            return Verdict(allowed=False, remaining=0, reset_seconds=seconds_until(entry[0], now))
        entry[1] += 1
        if entry[1] > self.limit.requests:
            entry[0], entry[1] = now + self._block, -1
            if self._on_block is not None:
                self._on_block(Block(client, now, entry[0]))
            return Verdict(allowed=False, remaining=0, reset_seconds=self.limit.block_seconds)
        remaining = self.limit.requests - entry[1]
        return Verdict(allowed=True, remaining=remaining, reset_seconds=seconds_until(entry[0], now))

    def _sweep(self, now: Millis) -> None:
        self._swept_at = now
        self._clients = {client: entry for client, entry in self._clients.items() if now < entry[0]}


def seconds_until(instant: Millis, now: Millis) -> int:
    """Return the whole seconds until the instant, at least 1."""
    return max(1, -(-(instant - now) // 1000))


def limit_fields(limit: Limit, verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return the header fields that tell of a limit (IETF draft-ietf-httpapi-ratelimit-headers-10)."""
    return [
        (b"ratelimit-policy", b'"default";q=%d;w=%d' % (limit.requests, limit.window_seconds)),
        (b"ratelimit", b'"default";r=%d;t=%d' % (verdict.remaining, verdict.reset_seconds)),
    ]
