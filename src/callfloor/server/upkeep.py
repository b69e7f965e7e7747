"""What a server does beside answering: it beats, hears of lifted blocks, writes down blocks and the use of keys."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools

import structlog

from callfloor.access.keys import record_uses
from callfloor.foundation import clock
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.limits.blocks import LIFTS, LIFTS_LOOKED_BACK, forget_old_clients, write_blocks
from callfloor.foundation.limits.opening import open_limit
from callfloor.foundation.live_servers import BEAT_SECONDS, beat, leave, register, this_server
from callfloor.foundation.rate_limit import Block, RateLimit
from callfloor.foundation.services import Services

TICK_SECONDS = 1.0
_USES_EVERY, _BEAT_EVERY, _FORGET_EVERY = 60, int(BEAT_SECONDS), 600
"""In ticks."""

log = structlog.get_logger(__name__)


class Upkeep:
    """One server's, from before it listens until after its last answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._mine = this_server(services.settings.rate_limit.store)
        self._blocks: list[Block] = []
        self._limit: RateLimit | None = None
        self._task: asyncio.Task[None] | None = None

    async def take_place(self) -> Services:
        """Take the place of a server on this database; return the services with the limit open.

        Raises:
            AnotherServerRuns: another one runs that counts requests elsewhere.
            StoreNotSet, Unavailable: as `open_limit`.
        """
        services = self._services
        await register(services.db, self._mine)
        settings = services.settings.rate_limit
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(leave, services.db, self._mine)
            self._limit = await open_limit(settings, services.db, on_block=self._blocks.append, now=clock.now())
            undo.pop_all()
        self._task = asyncio.create_task(self._run())
        return dataclasses.replace(services, portal_limit=self._limit)

    async def end(self) -> None:
        """Write down what is left, and give the place up."""
        if self._task is None or self._limit is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        try:
            await self._write_blocks()
            await self._write_uses()
            await leave(self._services.db, self._mine)
        except Unavailable as error:
            log.warning("upkeep_not_ended", reason=str(error))
        await self._limit.close()

    async def _run(self) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            tick += 1
            try:
                await self._once(tick)
            except Unavailable as error:
                log.warning("upkeep_waits", reason=str(error))
            except Exception:  # the loop's edge: one bad round must not end them all
                log.exception("upkeep_failed")

    async def _once(self, tick: int) -> None:
        await self._write_blocks()
        await self._hear_of_lifts()
        if tick % _BEAT_EVERY == 0:
            await beat(self._services.db, self._mine)
        if tick % _USES_EVERY == 0:
            await self._write_uses()
        if tick % _FORGET_EVERY == 0:
            await self._services.db.write(functools.partial(forget_old_clients, now=clock.now()))

    async def _hear_of_lifts(self) -> None:
        assert self._limit is not None  # noqa: S101  # open before the first round
        for client, lifted_at in await self._services.db.read(LIFTS, {"since": clock.now() - LIFTS_LOOKED_BACK}):
            await self._limit.lift(client, lifted_at or 0)

    async def _write_blocks(self) -> None:
        blocks = list(self._blocks)
        if blocks:
            await self._services.db.write(functools.partial(write_blocks, blocks=blocks))
            for block in blocks:
                log.info("client_blocked", client=block.client, until=clock.iso(block.ends_at))
            del self._blocks[: len(blocks)]

    async def _write_uses(self) -> None:
        uses = self._services.key_uses.take()
        if not uses:
            return
        try:
            await self._services.db.write(functools.partial(record_uses, uses=uses))
        except Unavailable:
            self._services.key_uses.put_back(uses)
            raise
