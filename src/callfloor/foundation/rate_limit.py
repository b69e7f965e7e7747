"""Requests counted by client in fixed windows; who goes over is shut out for a set time."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from callfloor.foundation.clock import Millis


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


class RateLimit(Protocol):
    """One limit, shared by every request it is asked about."""

    limit: Limit

    def take(self, client: str, now: Millis) -> Verdict:
        """Count one request of the client; a refused one neither counts nor lengthens the block."""


class MemoryRateLimit:
    """The limit of a single server process, exact, forgotten at its end."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._window = limit.window_seconds * 1000
        self._clients: dict[str, list[int]] = {}
        self._swept_at = 0

    def take(self, client: str, now: Millis) -> Verdict:
        """See `RateLimit.take`."""
        if now - self._swept_at > self._window:
            self._sweep(now)
        entry = self._clients.get(client)
        if entry is None or now >= entry[0]:
            entry = self._clients[client] = [now + self._window, 0]
        elif entry[1] < 0:
            return Verdict(allowed=False, remaining=0, reset_seconds=_seconds(entry[0] - now))
        entry[1] += 1
        if entry[1] > self.limit.requests:
            entry[0], entry[1] = now + self.limit.block_seconds * 1000, -1
            return Verdict(allowed=False, remaining=0, reset_seconds=self.limit.block_seconds)
        return Verdict(allowed=True, remaining=self.limit.requests - entry[1], reset_seconds=_seconds(entry[0] - now))

    def _sweep(self, now: Millis) -> None:
        self._swept_at = now
        self._clients = {client: entry for client, entry in self._clients.items() if now < entry[0]}


def _seconds(millis: Millis) -> int:
    return max(1, -(-millis // 1000))
