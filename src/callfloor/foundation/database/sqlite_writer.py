"""The one writer of a SQLite file in this process: a thread that groups commits."""

from __future__ import annotations

import contextvars
import dataclasses
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import apsw

from callfloor.foundation.database.errors import Busy, Gone, translated
from callfloor.foundation.database.plan import Plans
from callfloor.foundation.database.sqlite_connection import connect
from callfloor.foundation.database.tx import Tx

GROUP_LIMIT = 64
"""Verbs that share one COMMIT, and with it one fsync."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Work:
    verb: Callable[[Tx], Any]
    context: contextvars.Context
    answer: Future[Any]


class SqliteWriter:
    """Runs verbs one after the other; answers each once its group is on disk."""

    def __init__(self, path: Path, plans: Plans) -> None:
        self._path = path
        self._plans = plans
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._is_closed = False
        self._connection: apsw.Connection | None = connect(path)
        self._thread = threading.Thread(target=self._loop, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, verb: Callable[[Tx], Any]) -> Future[Any]:
        """Queue the verb; the future is answered after COMMIT, or with what the verb raised."""
        work = _Work(verb, contextvars.copy_context(), Future())
        with self._gate:
            if self._is_closed:
                raise Gone("the database is closed")
            self._queue.put(work)
        return work.answer

    def close(self) -> None:
        """Finish what is queued, then close the connection."""
        with self._gate:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        self._thread.join()

    def _loop(self) -> None:
        running = True
        while running:
            first = self._queue.get()
            group: list[_Work] = []
            running = first is not None
            if first is not None:
                group.append(first)
                running = self._gather(group)
            started = [work for work in group if work.answer.set_running_or_notify_cancel()]
            if started:
                self._run(started)
        if self._connection is not None:
            self._connection.close()

    def _gather(self, group: list[_Work]) -> bool:
        while len(group) < GROUP_LIMIT:
            try:
                work = self._queue.get_nowait()
            except queue.Empty:
                return True
            if work is None:
                return False
            group.append(work)
        return True

    def _run(self, group: list[_Work]) -> None:
        """Run the group in one transaction and answer each; when the transaction as a whole is lost, run each alone."""
        try:
            connection = self._begin()
        except BaseException as error:  # noqa: BLE001  # the loop's edge: nobody waits for the same lock again
            for work in group:
                work.answer.set_exception(error)
            return
        try:
            outcomes = [self._run_in_savepoint(connection, work) for work in group]
            with translated():
                connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001  # the loop's edge: what failed the group is answered to its members
            self._roll_back(connection)
            if len(group) == 1:
                group[0].answer.set_exception(error)
                return
            for work in group:
                self._run([work])
            return
        for work, (result, failure) in zip(group, outcomes, strict=True):
            if failure is None:
                work.answer.set_result(result)
            else:
                work.answer.set_exception(failure)

    def _begin(self) -> apsw.Connection:
        with translated():
            if self._connection is None:
                self._connection = connect(self._path)
            self._connection.execute("BEGIN IMMEDIATE")
            return self._connection

    def _run_in_savepoint(self, connection: apsw.Connection, work: _Work) -> tuple[Any, BaseException | None]:
        """Return what the verb returned or raised; raises when its transaction is lost."""
        connection.execute("SAVEPOINT verb")
        try:
            result = work.context.run(work.verb, Tx(connection, self._plans))
        except BaseException as error:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO verb")
            connection.execute("RELEASE verb")
            if isinstance(error, Busy | Gone):
                raise
            return None, error
        connection.execute("RELEASE verb")
        return result, None

    def _roll_back(self, connection: apsw.Connection) -> None:
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except apsw.Error:
                connection.close()
                self._connection = None
