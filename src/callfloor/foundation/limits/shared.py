"""A limit that several server processes share; while the store of the counts is away, each counts by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.limits.batches import Counter, Counting
from callfloor.foundation.rate_limit import Block, Limit, MemoryRateLimit, Verdict, seconds_until

RETRY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class StoreWatch:
    """Whether the store answers; once it does not, it is asked again each second until it does."""

    def __init__(self, reach: Callable[[], Awaitable[None]], *, retry_seconds: float = RETRY_SECONDS) -> None:
        self._reach = reach
        self._retry_seconds = retry_seconds
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        """Return whether the store did not answer when last asked."""
        return self._asking is not None

    def lost(self, error: Unavailable) -> None:
        """Take note that the store did not answer."""
        if self._asking is None:
            log.warning("limit_store_lost", reason=str(error))
            self._asking = asyncio.get_running_loop().create_task(self._until_it_answers())

    async def back(self) -> None:
        """Wait until the store answers."""
        if self._asking is not None:
            await asyncio.wait([self._asking])

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await self.back()

    async def _until_it_answers(self) -> None:
        while True:
            await asyncio.sleep(self._retry_seconds)
            try:
                await self._reach()
            except Unavailable:
                continue
            except Exception:  # the loop's edge: a store that answers nonsense is as good as away
                log.exception("limit_store_not_reached")
                continue
            log.info("limit_store_back")
            self._asking = None
            return


class SharedRateLimit:
    """See `RateLimit`. Who is shut out costs the store nothing."""

    def __init__(
        self,
        limit: Limit,
        counting: Counting,
        counter: Counter,
        watch: StoreWatch,
        *,
        on_block: Callable[[Block], None],
        has_rows_of_blocks: bool = False,
    ) -> None:
        self.limit = limit
        self._counting = counting
        self._counter = counter
        self._watch = watch
        self._on_block = on_block
        self._has_rows_of_blocks = has_rows_of_blocks
        self._alone = MemoryRateLimit(limit, on_block=self._begin)
        self._blocked: dict[str, Millis] = {}
        """When the block of a client ends."""
        self._swept_at: Millis = 0

    async def taken(self, client: str, now: Millis) -> Verdict:
        """See `RateLimit.taken`."""
        ends_at = self._blocked.get(client)
        if ends_at is not None and now < ends_at:
            return Verdict(allowed=False, remaining=0, reset_seconds=seconds_until(ends_at, now))
        if self._watch.is_away:
            return self._alone.take(client, now)
        try:
            taken = await self._counting.take(client, now)
        except Unavailable as error:
            self._watch.lost(error)
            return self._alone.take(client, now)
        if taken.has_begun_block and not self._has_rows_of_blocks:
            self._begin(Block(client, taken.ends_at - self._block_ms, taken.ends_at))
        elif not taken.allowed:
            self._remember(client, taken.ends_at)
        return Verdict(taken.allowed, taken.remaining, seconds_until(taken.ends_at, now))

    def hear_of(self, block: Block) -> None:
        """See `RateLimit.hear_of`."""
        self._remember(block.client, block.ends_at)

    async def lift(self, client: str, before: Millis) -> None:
        """See `RateLimit.lift`."""
        await self._alone.lift(client, before)
        ends_at = self._blocked.get(client)
        if ends_at is not None and ends_at - self._block_ms <= before:
            del self._blocked[client]
            self._counting.forget(client)
        await self._counter.lift(client, before)

    @property
    def _block_ms(self) -> Millis:
        return self.limit.block_seconds * 1000

    def _begin(self, block: Block) -> None:
        self._remember(block.client, block.ends_at)
        self._on_block(block)

    def _remember(self, client: str, ends_at: Millis) -> None:
        begun_at = ends_at - self._block_ms
        if begun_at - self._swept_at > self._block_ms:
            self._swept_at = begun_at
            self._blocked = {one: known for one, known in self._blocked.items() if known > begun_at}
        self._blocked[client] = ends_at
