"""What the tests of jobs look at: states, effects, and waiting for either."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import Enqueue, JobStatus, RunningJob, Verb, enqueue, job_by_id
from callfloor.foundation.jobs.testing import OnlyDatabase
from callfloor.foundation.outbox import OUTBOX, Event, events_after, publish
from callfloor.foundation.sequence import number_waiting, prepare

DEADLINE_SECONDS = 30.0
NOON: Millis = 1_700_049_600_000


def added(services: OnlyDatabase, kind: str = "work", **fields: Any) -> str:
    """Enqueue a job of no team at noon, unless told otherwise; return its id."""
    order = Enqueue(**{"kind": kind, "args": {}, "team_id": None, "now": NOON, **fields})
    return services.db.write_now(partial(enqueue, order=order))


def status(services: OnlyDatabase, job_id: str) -> JobStatus:
    """Return the job; it must be there."""
    found = services.db.read_now(partial(job_by_id, job_id=job_id))
    assert found is not None
    return found


def leave_effect(job_id: str, tx: Tx) -> None:
    """Leave a row that tells of the job."""
    publish(tx, Event(kind="work.done", team_id=None, subject=job_id, payload={}, at=NOON))


def effect_of(job: RunningJob, _services: OnlyDatabase) -> Verb:
    """Be a handler whose result is one row."""
    return partial(leave_effect, job.id)


def effects(services: OnlyDatabase) -> list[str]:
    """Return the ids of the jobs whose effects are in the database, one for each effect."""
    services.db.write_now(partial(prepare, what=OUTBOX))
    number_waiting(services.db, OUTBOX)
    return [each.event.subject for each in services.db.read_now(partial(events_after, seq=0, count=100_000))]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look again and again until it is so, or fail."""
    nap = threading.Event()
    for _ in range(int(DEADLINE_SECONDS / 0.02)):
        if is_so():
            return
        nap.wait(0.02)
    raise AssertionError("it never came")
