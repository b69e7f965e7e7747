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
        self._closed = threading.Lock()
        self._connection = connect(path)
        self._thread = threading.Thread(target=self._loop, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, verb: Callable[[Tx], Any]) -> Future[Any]:
        """Queue the verb; the future is answered after COMMIT, or with what the verb raised."""
        if self._closed.locked():
            raise Gone("the database is closed")
        answer: Future[Any] = Future()
        self._queue.put(_Work(verb, contextvars.copy_context(), answer))
        return answer

    def close(self) -> None:
        """Finish what is queued, then close the connection."""
        if self._closed.acquire(blocking=False):
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
            if group:
                self._run_group(group)
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

    def _run_group(self, group: list[_Work]) -> None:
        group = [work for work in group if work.answer.set_running_or_notify_cancel()]
        try:
            outcomes = self._attempt(group)
        except Exception as error:  # noqa: BLE001  # the loop's edge: whatever failed the group is answered to its members
            self._end_transaction()
            if len(group) == 1:
                group[0].answer.set_exception(error)
                return
            for work in group:
                self._run_alone(work)
            return
        for work, (result, failure) in zip(group, outcomes, strict=True):
            if failure is None:
                work.answer.set_result(result)
            else:
                work.answer.set_exception(failure)

    def _run_alone(self, work: _Work) -> None:
        try:
            ((result, failure),) = self._attempt([work])
        except Exception as error:  # noqa: BLE001  # the loop's edge, as above
            self._end_transaction()
            result, failure = None, error
        if failure is None:
            work.answer.set_result(result)
        else:
            work.answer.set_exception(failure)

    def _attempt(self, group: list[_Work]) -> list[tuple[Any, BaseException | None]]:
        """Run the group in one transaction; raises when the transaction as a whole is lost."""
        with translated():
            self._connection.execute("BEGIN IMMEDIATE")
        outcomes = [self._run_in_savepoint(work) for work in group]
        with translated():
            self._connection.execute("COMMIT")
        return outcomes

    def _run_in_savepoint(self, work: _Work) -> tuple[Any, BaseException | None]:
        self._connection.execute("SAVEPOINT verb")
        try:
            result = work.context.run(work.verb, Tx(self._connection, self._plans))
        except Exception as error:
            if not self._connection.in_transaction:
                raise
            self._connection.execute("ROLLBACK TO verb")
            self._connection.execute("RELEASE verb")
            if isinstance(error, Busy | Gone):
                raise
            return None, error
        self._connection.execute("RELEASE verb")
        return result, None

    def _end_transaction(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except apsw.Error:
                self._connection.close()
                self._connection = connect(self._path)
