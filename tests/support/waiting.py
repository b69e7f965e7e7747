"""Wait until two transactions meet."""

from __future__ import annotations

import threading
import time

from sqlalchemy import column, func, select, table

from callfloor.foundation.database import Database


def wait_until_somebody_waits(db: Database) -> None:
    """Wait until a transaction waits for another's lock; SQLite lets it wait before it begins."""
    if db.name != "postgresql":
        return
    activity = table("pg_stat_activity", column("wait_event_type"), column("datname"))
    waiting = select(func.count()).select_from(activity)
    waiting = waiting.where(activity.c.wait_event_type == "Lock", activity.c.datname == func.current_database())
    deadline = time.monotonic() + 60
    while db.read_now(lambda tx: tx.all(waiting)[0][0]) == 0:
        assert time.monotonic() < deadline, "nobody waits"
        threading.Event().wait(0.01)
