"""Counts in Valkey: one call of a script for each client of a batch, exact since scripts run one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from valkey.asyncio import Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ConnectionError as ConnectionLost
from valkey.exceptions import NoScriptError, ValkeyError

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.limits.batches import Counted, Wanted
from callfloor.foundation.rate_limit import Api, Block, Limit

TIMEOUT_SECONDS = 1.0
"""For so long a request waits at most, once: then each process counts by itself until Valkey answers again."""
_KEY = "callfloor:limit:{}:{}"

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
_BLOCK = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], 'total', '0', 'ends_at', ARGV[1], 'blocked_at', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return 1
"""

Blocks = Callable[[], Awaitable[list[tuple[Api, Block]]]]


class StoreNotReached(Unavailable):
    """Valkey does not answer."""


class ValkeyStore:
    """See `Store`."""

    is_apart = True

    def __init__(self, url: str, blocks: Blocks) -> None:
        self.client: Any = Valkey.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            # Connections that Valkey closed, by a start anew or since they were idle, are opened again at once.
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
            retry_on_error=[ConnectionLost],
            decode_responses=True,
        )
        self.count_sha = ""
        self._blocks = blocks

    def counter(self, api: Api, limit: Limit) -> ValkeyCounter:
        """See `Store.counter`."""
        return ValkeyCounter(self, api, limit)

    async def reach(self) -> None:
        """See `Store.reach`; a Valkey that was started anew learns who is shut out."""
        with _translated():
            self.count_sha = await self.client.script_load(_COUNT)
            pipeline = self.client.pipeline(transaction=False)
            for api, block in await self._blocks():
                pipeline.eval(_BLOCK, 1, key_of(api, block.client), block.ends_at, block.blocked_at)
            await pipeline.execute()

    async def close(self) -> None:
        """See `Store.close`."""
        await self.client.aclose()


class ValkeyCounter:
    """See `Counter`."""

    def __init__(self, store: ValkeyStore, api: Api, limit: Limit) -> None:
        self._store = store
        self._api = api
        self._limit = limit

    async def count(self, wanted: Mapping[str, Wanted], now: Millis) -> dict[str, Counted]:
        """See `Counter.count`."""
        with _translated():
            try:
                return await self._count(wanted, now)
            except NoScriptError:
                # Valkey was started anew, and has counted none of it.
                await self._store.reach()
                return await self._count(wanted, now)

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""
        with _translated():
            await self._store.client.eval(_LIFT, 1, key_of(self._api, client), before)

    async def _count(self, wanted: Mapping[str, Wanted], now: Millis) -> dict[str, Counted]:
        limit, pipeline = self._limit, self._store.client.pipeline(transaction=False)
        for client, one in wanted.items():
            arguments = (one.requests, now, limit.requests + one.spare)
            seconds = (limit.window_seconds * 1000, limit.block_seconds * 1000)
            pipeline.evalsha(self._store.count_sha, 1, key_of(self._api, client), *arguments, *seconds)
        answers = await pipeline.execute()
        return {
            client: Counted(total, ends_at, was_blocked=bool(was_blocked))
            for client, (total, ends_at, was_blocked) in zip(wanted, answers, strict=True)
        }


def key_of(api: Api, client: str) -> str:
    """Return where Valkey keeps a client's count."""
    return _KEY.format(api.value, client)


async def ping(url: str) -> None:
    """Ask once whether Valkey answers.

    Raises:
        StoreNotReached: it does not.
    """
    with _translated():
        async with Valkey.from_url(url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS) as one:
            await one.ping()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (ValkeyError, OSError) as error:
        raise StoreNotReached(f"the Valkey of CALLFLOOR_RATE_LIMIT_URL does not answer: {error}") from error
