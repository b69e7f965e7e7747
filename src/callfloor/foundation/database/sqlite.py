"""SQLite behind the seam: reads in the loop, one writer thread, long reads on a small pool; apsw only."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import apsw
import structlog
from sqlalchemy.dialects import sqlite

from callfloor.foundation.database.errors import Busy, Gone, translated
from callfloor.foundation.database.plan import Plans
from callfloor.foundation.database.sqlite_connection import connect
from callfloor.foundation.database.sqlite_writer import SqliteWriter
from callfloor.foundation.database.threads import run_in
from callfloor.foundation.database.tx import Tx

if TYPE_CHECKING:
    from callfloor.foundation.database.plan import Params

T = TypeVar("T")

STEPS_PER_CALL = 1000
STEP_CALLS_ALLOWED = 50
"""A read in the loop may take 50,000 virtual-machine steps: a page of 50 takes 800, OFFSET 50000 takes 200,000."""
_REPORT_THREADS = 2
_LOOK_SECONDS = 0.1
_NOTHING: Params = {}

log = structlog.get_logger(__name__)


class SqliteDatabase:
    """See `database.Database`."""

    name = "sqlite"

    def __init__(self, path: Path, *, strict_reads: bool) -> None:
        self._path = path
        self._strict = strict_reads
        self._plans = Plans(sqlite.dialect(paramstyle="named"))
        with translated():
            self._writer = SqliteWriter(path, self._plans)
            self._reader = connect(path, read_only=True)
        self._reader.set_busy_handler(None)
        self._step_calls = 0
        self._reader.set_progress_handler(self._count_steps, STEPS_PER_CALL)
        self._reports = ThreadPoolExecutor(_REPORT_THREADS, thread_name_prefix="report")
        self._idle: queue.LifoQueue[apsw.Connection] = queue.LifoQueue()
        self._is_closed = threading.Event()

    def _count_steps(self) -> bool:
        self._step_calls += 1
        return self._strict and self._step_calls > STEP_CALLS_ALLOWED

    async def read(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Run one short indexed select in the loop."""
        plan = self._plans.of(statement, params)
        self._step_calls = 0
        try:
            with translated():
                rows = self._reader.execute(plan.sql, plan.bind(params)).fetchall()
        except apsw.InterruptError as error:
            raise Busy(f"a read in the loop went over its step budget: {plan.sql}") from error
        if self._step_calls > STEP_CALLS_ALLOWED:
            log.warning("slow_read_in_loop", thousand_steps=self._step_calls, sql=plan.sql)
        return plan.decode(rows)

    async def select(self, statement: Any, params: Params = _NOTHING) -> list[Any]:
        """Run one select on the report pool."""
        plan = self._plans.of(statement, params)
        return plan.decode(await run_in(self._reports, partial(self._rows, plan.sql, plan.bind(params))))

    def _rows(self, sql: str, bound: Params) -> list[Any]:
        with self._borrowed_reader() as connection, translated():
            return connection.execute(sql, bound).fetchall()

    async def write(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb on the writer thread; shielded, since what has started may commit."""
        answer: T = await asyncio.shield(asyncio.wrap_future(self._writer.submit(verb)))
        return answer

    async def report(self, work: Callable[[Tx], T]) -> T:
        """Run a long read on the report pool."""
        return await run_in(self._reports, partial(self.read_now, work))

    async def listen(self, channel: str, heard: Callable[[str | None], None]) -> None:  # noqa: ARG002  # it has none
        """Look for commits; a look takes two microseconds."""
        with translated():
            connection = connect(self._path, read_only=True)
        try:
            seen = None
            while True:
                version = connection.execute("PRAGMA data_version").fetchall()
                if version != seen:
                    seen = version
                    heard(None)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            connection.close()

    def read_now(self, work: Callable[[Tx], T]) -> T:
        """Run reads on a read-only connection of their own, in one snapshot."""
        with self._borrowed_reader() as connection:
            with translated():
                connection.execute("BEGIN")
            try:
                return work(Tx(connection, self._plans))
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _borrowed_reader(self) -> Iterator[apsw.Connection]:
        """Lend a connection: as many are opened as are in use at once, and kept."""
        if self._is_closed.is_set():
            raise Gone("the database is closed")
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            with translated():
                connection = connect(self._path, read_only=True)
        try:
            yield connection
        finally:
            self._idle.put(connection)
            if self._is_closed.is_set():
                self._close_idle()

    def write_now(self, verb: Callable[[Tx], T]) -> T:
        """Run the verb on the writer thread and wait."""
        result: T = self._writer.submit(verb).result()
        return result

    async def close(self) -> None:
        """Drain the queue, then close."""
        await asyncio.to_thread(self.close_now)

    def close_now(self) -> None:
        """Drain the queue, then close."""
        self._writer.close()
        self._reports.shutdown()
        self._is_closed.set()
        self._close_idle()
        self._reader.close()

    def _close_idle(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
