"""A worker of small jobs that dies at a chosen step; `kill_jobs` starts it again and again."""

from __future__ import annotations

from functools import partial
from random import Random

from callfloor.foundation.database import Tx, open_database
from callfloor.foundation.jobs import JobKind, RunningJob, Verb, Worker
from callfloor.foundation.jobs.testing import OnlyDatabase
from callfloor.foundation.outbox import Event, publish
from tests.fault.killing import DeadlyDatabase, Doom, pause

KIND = "leave_one_row"
LEASE_SECONDS = 1.0
STEPS = (
    "claim: inside",
    "claim: after",
    "handler",
    "tell_progress: inside",
    "tell_progress: after",
    "renew: inside",
    "complete: inside",
    "complete: after",
    "retry_later: inside",
    "retry_later: after",
    "settle_one: inside",
    "settle_one: after",
    "stage_due: inside",
)


def leave_row(job_id: str, attempt: int, tx: Tx) -> None:
    """Leave the one row that the job is there for."""
    publish(tx, Event(kind="row.left", team_id=None, subject=job_id, payload={"attempt": attempt}, at=0))


def run(url: str, doom: Doom, seed: int) -> None:
    """Work until killed."""
    random = Random(seed)  # noqa: S311  # makes delays

    def handler(job: RunningJob, _services: OnlyDatabase) -> Verb:
        pause(random.uniform(0, 0.02))
        job.progress("half", 1, 2)
        doom.at("handler")
        if random.random() < 0.1:
            raise ValueError("one in ten")
        # Now and then longer than a lease.
        pause(random.uniform(1.0, 1.5) if random.random() < 0.01 else random.uniform(0, 0.02))
        return partial(leave_row, job.id, job.attempt)

    kind = JobKind(
        KIND, handler, max_attempts=10_000, lease_seconds=LEASE_SECONDS, backoff_seconds=0.05, backoff_limit_seconds=0.2
    )
    db = DeadlyDatabase(open_database(url), doom)
    worker = Worker(
        OnlyDatabase(db), [kind], concurrency={"default": 3}, owner="killed", poll_seconds=0.05, random=random
    )
    worker.start()
    while True:
        pause(60)
