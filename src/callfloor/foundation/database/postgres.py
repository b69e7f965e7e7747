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


class _Readers:
    """Connections for single selects, autocommit; the pool is opened by the first select in a loop."""

    def __init__(self, url: str, *, at_least: int, at_most: int, timeout_ms: int) -> None:
        self._url = url
        self._at_least, self._at_most = at_least, at_most
        self._kwargs = {**_options(timeout_ms), "autocommit": True}
        self._pool: AsyncConnectionPool[_Reader] | None = None
        self._opening: asyncio.Lock | None = None
        self.is_closed = False

    async def _opened(self) -> AsyncConnectionPool[_Reader]:
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self.is_closed:
                raise Gone("the database is closed")
            if self._pool is None:
                pool = AsyncConnectionPool(
                    self._url,
                    connection_class=_Reader,
                    min_size=self._at_least,
                    max_size=self._at_most,
                    timeout=_POOL_WAIT_SECONDS,
                    kwargs=self._kwargs,
                    open=False,
                )
                await pool.open()
                self._pool = pool
        return self._pool

    async def fetch(self, sql: str, bound: Params) -> list[Any]:
        pool = self._pool or await self._opened()
        try:
            return await _fetch(pool, sql, bound)
        except Gone as error:
            if isinstance(error.__cause__, PoolTimeout | PoolClosed):
                raise
        # A pooled connection may have died since its last use (server restart): once more, with a fresh one.
        await pool.check()
        return await _fetch(pool, sql, bound)

    async def close(self) -> None:
        self.is_closed = True
        if self._pool is not None:
            await self._pool.close()


async def _fetch(pool: AsyncConnectionPool[_Reader], sql: str, params: Params) -> list[Any]:
    with translated():
        # Not `pool.connection()`: it would commit, and there is no transaction.
        connection = await pool.getconn()
        try:
            await connection.reading.execute(sql, params)
            return await connection.reading.fetchall()
        finally:
            await pool.putconn(connection)


class PostgresDatabase:
    """See `database.Database`."""

    name = "postgresql"

    def __init__(self, url: str) -> None:
        self._url = url
        self._plans = Plans(psycopg_dialect.dialect(dbapi=psycopg))  # type: ignore[no-untyped-call]  # dialect is untyped
        self._readers = _Readers(url, at_least=1, at_most=READ_CONNECTIONS, timeout_ms=5_000)
        self._long_readers = _Readers(url, at_least=0, at_most=REPORT_THREADS, timeout_ms=300_000)
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

    async def read(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Run one short indexed select on a pooled connection, autocommit."""
        plan = self._plans.of(statement, params)
        return plan.decode(await self._readers.fetch(plan.sql, plan.bind(params)))

    async def select(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Run one select on a connection of those for long ones, autocommit."""
        plan = self._plans.of(statement, params)
        return plan.decode(await self._long_readers.fetch(plan.sql, plan.bind(params)))

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
        await self._readers.close()
        await self._long_readers.close()
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Finish the writes under way, then close."""
        self._readers.is_closed = self._long_readers.is_closed = True
        self._write_threads.shutdown()
        self._report_threads.shutdown()
        self._writers.close()
        self._readers_now.close()
        self._reporters.close()
