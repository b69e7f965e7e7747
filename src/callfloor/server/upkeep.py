"""What a server does beside answering: it beats, hears of lifted blocks, writes down blocks and the use of keys."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools

import structlog

from callfloor.access.keys import record_uses
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.limits.blocks import (
    BLOCKS,
    FORGOTTEN_AT_ONCE,
    KNOWN,
    LIFTS,
    LOOKED_BACK,
    forget_old_clients,
    write_blocks,
)
from callfloor.foundation.limits.of_apis import Limits
from callfloor.foundation.limits.opening import open_limits
from callfloor.foundation.live_servers import BEAT_SECONDS, beat, leave, register, this_server
from callfloor.foundation.rate_limit import Api, Block
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
        self._blocks: list[tuple[Api, Block]] = []
        self._limits: Limits | None = None
        self._heard_until = clock.now()
        self._task: asyncio.Task[None] | None = None

    async def take_place(self) -> Services:
        """Take the place of a server on this database; return the services with the limits open.

        Raises:
            AnotherServerRuns: another one runs that counts requests elsewhere.
            StoreNotSet, Unavailable: as `open_limits`.
        """
        services = self._services
        await register(services.db, self._mine)
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_callback(leave, services.db, self._mine)
            limits = await open_limits(services.settings, services.db, on_block=self._note_block, now=clock.now())
            undo.pop_all()
        self._limits = limits
        self._task = asyncio.create_task(self._run(limits))
        return dataclasses.replace(services, limits=limits)

    async def end(self) -> None:
        """Write down what is left, and give the place up."""
        if self._task is None or self._limits is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        try:
            await self._write_blocks()
            await self._write_uses()
            await leave(self._services.db, self._mine)
        except Unavailable as error:
            log.warning("upkeep_not_ended", reason=str(error))
        await self._limits.close()

    def _note_block(self, api: Api, block: Block) -> None:
        self._blocks.append((api, block))

    async def _run(self, limits: Limits) -> None:
        tick = 0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            tick += 1
            try:
                await self._once(tick, limits)
            except Unavailable as error:
                log.warning("upkeep_waits", reason=str(error))
            except Exception:  # the loop's edge: one bad round must not end them all
                log.exception("upkeep_failed")

    async def _once(self, tick: int, limits: Limits) -> None:
        await self._write_blocks()
        await self._hear(limits, clock.now())
        if tick % _BEAT_EVERY == 0:
            await beat(self._services.db, self._mine)
        if tick % _USES_EVERY == 0:
            await self._write_uses()
        if tick % _FORGET_EVERY == 0:
            await self._forget_clients()

    async def _hear(self, limits: Limits, now: Millis) -> None:
        """Hear of blocks that other servers began, and of those that were lifted, since the last time."""
        db, since = self._services.db, self._heard_until - LOOKED_BACK
        if limits.is_shared:
            for api, client, blocked_at, ends_at in await db.read(BLOCKS, {"since": since, "now": now}):
                if api in KNOWN:
                    limits[Api(api)].hear_of(Block(client, blocked_at or 0, ends_at))
        for api, client, lifted_at in await db.read(LIFTS, {"since": since}):
            if api in KNOWN:
                await limits[Api(api)].lift(client, lifted_at or 0)
        self._heard_until = now

    async def _forget_clients(self) -> None:
        forget, forgotten = functools.partial(forget_old_clients, now=clock.now()), FORGOTTEN_AT_ONCE
        while forgotten == FORGOTTEN_AT_ONCE:
            forgotten = await self._services.db.write(forget)

    async def _write_blocks(self) -> None:
        blocks = list(self._blocks)
        if blocks:
            await self._services.db.write(functools.partial(write_blocks, blocks=blocks))
            for api, block in blocks:
                log.info("client_blocked", api=api.value, client=block.client, until=clock.iso(block.ends_at))
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
