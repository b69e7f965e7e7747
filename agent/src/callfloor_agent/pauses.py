"""How long to wait before the next try: longer each time, spread, and never shorter than the server asks."""

from __future__ import annotations

import random

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
SLOW_SECONDS = 300.0
ASKED_MAX_SECONDS = 3_600.0
"""An answer that asks for a longer pause is not believed."""


class Pauses:
    """The pauses of one agent.

    Args:
        longest_seconds: between two tries of what may mend itself.
        slow_seconds: between two tries of what only an administrator can change: a block, a full team, a wrong secret.
        randomness: seeded, for pauses that are the same each time.
    """

    def __init__(
        self,
        *,
        longest_seconds: float = LONGEST_SECONDS,
        slow_seconds: float = SLOW_SECONDS,
        randomness: random.Random | None = None,
    ) -> None:
        self._longest_seconds = longest_seconds
        self._slow_seconds = slow_seconds
        self._random = randomness or random.Random()  # noqa: S311  # spreads load, keeps no secret
        self._failures = 0

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0

    def after_failure(self, *, asked_seconds: float | None = None) -> float:
        """Return the seconds to wait: at most twice as long as the last time, with jitter.

        Args:
            asked_seconds: what the server's Retry-After says; up to a quarter is added, to spread them.
        """
        self._failures += 1
        if asked_seconds is not None:
            return min(asked_seconds, ASKED_MAX_SECONDS) * self._random.uniform(1.0, 1.25)
        ceiling = min(SHORTEST_SECONDS * 2.0 ** min(self._failures, 12), self._longest_seconds)
        return self._random.uniform(ceiling / 2, ceiling)

    def slow(self) -> float:
        """Return the seconds to wait for an administrator."""
        return self._slow_seconds * self._random.uniform(0.75, 1.25)

    def within(self, seconds: float) -> float:
        """Return a moment within this time, to spread the first heartbeats of many agents."""
        return self._random.uniform(0.0, seconds)
