"""PostgreSQL behind the seam: psycopg's async pool for reads, a sync pool and eight threads for verbs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import structlog
from psycopg.sql import SQL, Identifier
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolClosed, PoolTimeout
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from callfloor.foundation.database.errors import Busy, Gone, translated
from callfloor.foundation.database.plan import Plans
from callfloor.foundation.database.postgres_errors import RETRYABLE_ON_POSTGRES
from callfloor.foundation.database.threads import run_in
from callfloor.foundation.database.tx import Tx

if TYPE_CHECKING:
    from callfloor.foundation.database.plan import Params

T = TypeVar("T")

WRITE_THREADS = 8
READ_CONNECTIONS = 8
REPORT_THREADS = 2
ATTEMPTS = 4
log = structlog.get_logger(__name__)

_NOTHING: Params = {}
_POOL_WAIT_SECONDS = 10.0
_LISTEN_AGAIN_SECONDS = 1.0
_LISTENING: dict[str, Any] = {"autocommit": True, "application_name": "callfloor", "keepalives_idle": 30}
_LIMITS = "-c statement_timeout={statement} -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"


def _options(statement_timeout_ms: int) -> dict[str, Any]:
    return {
        "options": _LIMITS.format(statement=statement_timeout_ms) + " -c timezone=UTC",
        "application_name": "callfloor",
    }


def _read_snapshots(connection: psycopg.Connection[Any]) -> None:
    """Let the BEGIN of every transaction say so: a statement of its own is a way to the server and back."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


class _Reader(psycopg.AsyncConnection[Any]):
    """A connection with one cursor for all its reads: making one costs as much as a short statement."""

    @cached_property
    def reading(self) -> psycopg.AsyncCursor[Any]:
        return self.cursor()


async def _fetch(pool: AsyncConnectionPool[_Reader], sql: str, params: Params) -> list[Any]:
    with translated():
        async with pool.connection() as connection:
            await connection.reading.execute(sql, params)
            return await connection.reading.fetchall()


class PostgresDatabase:
    """See `database.Database`."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._plans = Plans(psycopg_dialect.dialect(dbapi=psycopg))  # type: ignore[no-untyped-call]  # dialect is untyped
        self._readers: AsyncConnectionPool[_Reader] | None = None
        self._opening: asyncio.Lock | None = None
        self._is_closed = False
        self._writers = self._pool(WRITE_THREADS, _options(15_000))
        self._readers_now = self._pool(READ_CONNECTIONS, _options(300_000), _read_snapshots)
        self._reporters = self._pool(REPORT_THREADS, _options(300_000), _read_snapshots)
        self._write_threads = ThreadPoolExecutor(WRITE_THREADS, thread_name_prefix="pg-write")
        self._report_threads = ThreadPoolExecutor(REPORT_THREADS, thread_name_prefix="pg-report")

    def _pool(
        self, size: int, kwargs: dict[str, Any], configure: Callable[[psycopg.Connection[Any]], None] | None = None
    ) -> ConnectionPool[Any]:
        return ConnectionPool(
            self._url,
            min_size=0,
            max_size=size,
            timeout=_POOL_WAIT_SECONDS,
            kwargs=kwargs,
            configure=configure,
            open=True,
            check=ConnectionPool.check_connection,
        )

    async def _reader_pool(self) -> AsyncConnectionPool[_Reader]:
        if self._readers is not None:
            return self._readers
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._is_closed:
                raise Gone("the database is closed")
            if self._readers is None:
                pool = AsyncConnectionPool(
                    self._url,
                    connection_class=_Reader,
                    min_size=1,
                    max_size=READ_CONNECTIONS,
                    timeout=_POOL_WAIT_SECONDS,
                    kwargs={**_options(5_000), "autocommit": True},
                    open=False,
                )
                await pool.open()
                self._readers = pool
        return self._readers

    async def read(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Run one short indexed select on a pooled connection, autocommit."""
        plan = self._plans.of(statement, params)
        pool = self._readers or await self._reader_pool()
        bound = plan.bind(params)
        try:
            return plan.decode(await _fetch(pool, plan.sql, bound))
        except Gone as error:
            if isinstance(error.__cause__, PoolTimeout | PoolClosed):
                raise
        # A pooled connection may have died since its last use (server restart): once more, with a fresh one.
        await pool.check()
        return plan.decode(await _fetch(pool, plan.sql, bound))

    async def write(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb on a writer thread; shielded, since what has started may commit."""
        return await run_in(self._write_threads, partial(self.write_now, verb))

    async def report(self, work: Callable[[Tx], T]) -> T:
        """Run a long read on the report pool."""
        return await run_in(self._report_threads, partial(self._read, self._reporters, work))

    async def listen(self, channel: str, heard: Callable[[str | None], None]) -> None:
        """Listen on a connection of its own, made again whenever it breaks."""
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._url, **_LISTENING) as connection:
                    await connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
                    heard(None)
                    async for told in connection.notifies():
                        heard(told.payload)
            except psycopg.OperationalError as error:
                log.warning("listener_waits", reason=str(error))
            await asyncio.sleep(_LISTEN_AGAIN_SECONDS)

    def read_now(self, work: Callable[[Tx], T]) -> T:
        """Run reads in one repeatable-read snapshot."""
        return self._read(self._readers_now, work)

    def _read(self, pool: ConnectionPool[Any], work: Callable[[Tx], T]) -> T:
        with translated(), pool.connection() as connection:
            return work(Tx(connection, self._plans))

    def write_now(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb in one transaction on this thread; run it again when PostgreSQL broke a tie against it."""
        for _ in range(ATTEMPTS):
            try:
                with translated(), self._writers.connection() as connection:
                    return verb(Tx(connection, self._plans))
            except Busy as error:
                if not isinstance(error.__cause__, RETRYABLE_ON_POSTGRES):
                    raise
        raise Busy("the database could not order this among other changes")

    async def close(self) -> None:
        """Finish the writes under way, then close."""
        self._is_closed = True
        if self._readers is not None:
            await self._readers.close()
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Finish the writes under way, then close."""
        self._is_closed = True
        self._write_threads.shutdown()
        self._report_threads.shutdown()
        self._writers.close()
        self._readers_now.close()
        self._reporters.close()
