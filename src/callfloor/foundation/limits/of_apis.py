"""The limit of each API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from callfloor.foundation.errors import Unavailable
from callfloor.foundation.rate_limit import Api, Limit, MemoryRateLimit, RateLimit

if TYPE_CHECKING:
    from callfloor.foundation.settings import Settings

Asking = Callable[[], Awaitable[None]]


class Limits:
    """One limit for each API, by its name."""

    def __init__(
        self,
        by_api: Mapping[Api, RateLimit],
        *,
        is_shared: bool = False,
        ask_store: Asking | None = None,
        close: Asking | None = None,
    ) -> None:
        self._by_api = dict(by_api)
        self._ask_store = ask_store
        self._close = close
        self.is_shared = is_shared
        """Other processes count the same requests."""

    def __getitem__(self, api: Api) -> RateLimit:
        return self._by_api[api]

    async def store_answers(self) -> bool | None:
        """Return whether the store of the counts answers at this moment; None when it is not a program of its own."""
        if self._ask_store is None:
            return None
        try:
            await self._ask_store()
        except Unavailable:
            return False
        return True

    async def close(self) -> None:
        """Let go of the store."""
        if self._close is not None:
            await self._close()


DOORS = {
    # Slow enough that a password of 12 characters is not guessed.
    Api.SIGN_IN: Limit(requests=10, window_seconds=60, block_seconds=60),
    Api.INVITATION: Limit(requests=60, window_seconds=60, block_seconds=60),
    # A whole office may stand behind the address: nobody has to be known to begin.
    Api.AGENT_SIGN_IN: Limit(requests=240, window_seconds=60, block_seconds=60),
    Api.AGENT_CODE: Limit(requests=60, window_seconds=60, block_seconds=300),
    # At this pace a code of 34 bits that lives some minutes is not guessed.
    Api.CONFIRMATION: Limit(requests=30, window_seconds=60, block_seconds=300),
}
"""Their limits are what makes a guess hopeless, so no setting changes them."""
NOT_GIVEN = Limits({})
"""Stands for the limits in memory of the settings that are only known later."""


def limit_of(settings: Settings, api: Api) -> Limit:
    """Return the limit of an API: a setting, but for the doors."""
    if api in DOORS:
        return DOORS[api]
    one = {
        Api.PORTAL: settings.rate_limit,
        Api.CONVERSATIONS: settings.conversations_limit,
        Api.CALLFLOOR: settings.api_limit,
        Api.AGENT: settings.agent_limit,
        Api.EVENTS: settings.events_limit,
    }[api]
    return Limit(one.requests, one.window_seconds, one.block_seconds)


def limits_in_memory(settings: Settings) -> Limits:
    """Return limits that this process alone counts."""
    return Limits({api: MemoryRateLimit(limit_of(settings, api)) for api in Api})
