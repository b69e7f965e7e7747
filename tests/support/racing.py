"""Works that all begin at the same moment, and works that wait for each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import column, func, select, table

from callfloor.foundation.database import Database, Tx
from callfloor.foundation.errors import DomainError

_DEADLINE_SECONDS = 60.0
_activity = table("pg_stat_activity", column("wait_event_type"), column("datname"))
_waiting = (
    select(func.count())
    .select_from(_activity)
    .where(_activity.c.wait_event_type == "Lock", _activity.c.datname == func.current_database())
)


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Run them all at the same moment; return what each returned, or its refusal."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        start.wait(timeout=30)
        try:
            return work()
        except DomainError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def between(db: Database, verb: Callable[[Tx], Any], other: Callable[[Tx], Any]) -> Any:
    """Run a verb, and another that begins before it is committed; return what the other returned, or what it raised."""
    others: list[Future[Any]] = []
    with ThreadPoolExecutor() as pool:

        def both(tx: Tx) -> None:
            verb(tx)
            others.append(pool.submit(db.write_now, other))
            wait_until_somebody_waits(db)

        db.write_now(both)
    return others[0].exception() or others[0].result()


def wait_until_somebody_waits(db: Database) -> None:
    """Wait until a transaction waits for another's lock; SQLite lets it wait before it begins."""
    if db.name != "postgresql":
        return
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while db.read_now(lambda tx: tx.all(_waiting)[0][0]) == 0:
        assert time.monotonic() < deadline, "nobody waits"
        threading.Event().wait(0.01)
