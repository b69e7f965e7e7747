"""Counts in Valkey: one call of a script for each client of a batch, exact since scripts run one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valkey.asyncio import Valkey
from valkey.exceptions import NoScriptError, ValkeyError

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.limits.shared import Counted
from callfloor.foundation.rate_limit import Limit

TIMEOUT_SECONDS = 3.0
_KEY = "callfloor:limit:portal:{}"

_COUNT = """
local wanted, now, allowed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'total', 'ends_at', 'blocked_at')
local total, ends_at, blocked_at = tonumber(kept[1]), tonumber(kept[2]), kept[3]
if ends_at and now < ends_at then
  if blocked_at and blocked_at ~= '' then return {total, ends_at, 1} end
  total = total + wanted
else
  total, ends_at = wanted, now + tonumber(ARGV[4])
end
blocked_at = ''
if total > allowed then ends_at, blocked_at = now + tonumber(ARGV[5]), ARGV[2] end
redis.call('HSET', KEYS[1], 'total', string.format('%.0f', total), 'ends_at', string.format('%.0f', ends_at),
  'blocked_at', blocked_at)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends_at - now + 60000))
return {total, ends_at, 0}
"""
_LIFT = """
local blocked_at = redis.call('HGET', KEYS[1], 'blocked_at')
if blocked_at and blocked_at ~= '' and tonumber(blocked_at) <= tonumber(ARGV[1]) then redis.call('DEL', KEYS[1]) end
return 0
"""


class StoreNotReached(Unavailable):
    """Valkey does not answer."""


class ValkeyCounter:
    """See `Counter`."""

    def __init__(self, url: str, limit: Limit) -> None:
        self._client: Any = Valkey.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, decode_responses=True
        )
        self._arguments = (limit.requests, limit.window_seconds * 1000, limit.block_seconds * 1000)
        self._sha = ""

    async def prepare(self) -> None:
        """Load the script.

        Raises:
            StoreNotReached: Valkey does not answer.
        """
        try:
            self._sha = await self._client.script_load(_COUNT)
        except (ValkeyError, OSError) as error:
            raise _not_reached(error) from error

    async def count(self, wanted: Mapping[str, int], now: Millis) -> dict[str, Counted]:
        """See `Counter.count`."""
        try:
            return await self._count(wanted, now)
        except NoScriptError:
            # Valkey was started anew, and has none of it executed.
            await self.prepare()
            return await self.count(wanted, now)
        except (ValkeyError, OSError) as error:
            raise _not_reached(error) from error

    async def _count(self, wanted: Mapping[str, int], now: Millis) -> dict[str, Counted]:
        pipeline = self._client.pipeline(transaction=False)
        for client, requests in wanted.items():
            pipeline.evalsha(self._sha, 1, _KEY.format(client), requests, now, *self._arguments)
        answers = await pipeline.execute()
        return {
            client: Counted(total, ends_at, was_blocked=bool(was_blocked))
            for client, (total, ends_at, was_blocked) in zip(wanted, answers, strict=True)
        }

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""
        try:
            await self._client.eval(_LIFT, 1, _KEY.format(client), before)
        except (ValkeyError, OSError) as error:
            raise _not_reached(error) from error

    async def close(self) -> None:
        """See `Counter.close`."""
        await self._client.aclose()


def _not_reached(error: Exception) -> StoreNotReached:
    return StoreNotReached(f"the Valkey of CALLFLOOR_RATE_LIMIT_URL does not answer: {error}")
