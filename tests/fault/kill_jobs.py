"""Kill workers with SIGKILL at every step of a job, and see that each job has done its work exactly once.

    python -m tests.fault.kill_jobs --database URL [--kills 200] [--seed 1]

The database must be migrated and not be used by anything else. Prints one table; ends with 1 when a job did its work
twice, not at all, or is stuck.
"""

from __future__ import annotations

import collections
import sys
import time
from functools import partial
from random import Random

from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.jobs import Enqueue, JobState, enqueue_all, newest_jobs
from callfloor.foundation.outbox import OUTBOX, events_after
from callfloor.foundation.sequence import number_waiting, prepare
from tests.fault import job_worker
from tests.fault.killing import Crew, pause
from tests.fault.trials import damage_of, kill_until, let_end, print_trial, run_asked

PLACES = 3
KEPT_WAITING = 60
FAR = 10**9


def waiting(tx: Tx) -> int:
    """Return how many jobs have not ended."""
    states = (JobState.AVAILABLE, JobState.RUNNING, JobState.RETRYING)
    return sum(len(newest_jobs(tx, state=state, count=FAR)) for state in states)


def overdue_ms(tx: Tx, *, now: int) -> int:
    """Return for how long the most overdue lease has been over."""
    leases = [job.lease_until or now for job in newest_jobs(tx, state=JobState.RUNNING, count=FAR)]
    return max((now - until for until in leases), default=0)


def add_jobs(db: Database, count: int, random: Random) -> None:
    """Enqueue small jobs of three teams, some of them for a little later."""
    now = clock.now()
    orders = [
        Enqueue(
            kind=job_worker.KIND,
            args={},
            team_id=random.randint(1, 3),
            now=now,
            run_at=now + random.choice([0, 0, 0, 200]),
        )
        for _ in range(count)
    ]
    db.write_now(partial(enqueue_all, orders=orders))


class Trial:
    """One run against one database."""

    def __init__(self, url: str, *, kills: int, seed: int) -> None:
        self._db = open_database(url)
        self._kills = kills
        self._random = Random(seed)  # noqa: S311  # a seed makes a run again
        self._crew = Crew(partial(job_worker.run, url), places=PLACES, steps=job_worker.STEPS, random=self._random)
        self._worst_overdue_ms = 0

    def run(self) -> bool:
        """Kill, let the rest be done, look; returns whether all is well."""
        began = time.monotonic()
        kill_until(lambda: self._crew.kills.total() >= self._kills, [self._crew], self._refill)
        let_end(self._crew, lambda: not self._waiting(), places=PLACES)
        is_well = self._report(began)
        self._db.close_now()
        return is_well

    def _refill(self) -> None:
        if self._waiting() < KEPT_WAITING:
            add_jobs(self._db, KEPT_WAITING, self._random)
        pause(0.02)

    def _waiting(self) -> int:
        overdue = self._db.read_now(partial(overdue_ms, now=clock.now()))
        self._worst_overdue_ms = max(self._worst_overdue_ms, overdue)
        return self._db.read_now(waiting)

    def _report(self, began: float) -> bool:
        db = self._db
        db.write_now(partial(prepare, what=OUTBOX))
        number_waiting(db, OUTBOX)
        rows = collections.Counter(each.event.subject for each in db.read_now(partial(events_after, seq=0, count=FAR)))
        jobs = db.read_now(partial(newest_jobs, count=FAR))
        stuck = [job for job in jobs if job.state is not JobState.DONE]
        lost = [job for job in jobs if rows[job.id] == 0]
        twice = [job_id for job_id, count in rows.items() if count > 1]
        strange = rows.keys() - {job.id for job in jobs}
        damage = damage_of(db)
        print_trial(
            db,
            began,
            {"": self._crew},
            [
                ("jobs", len(jobs)),
                ("attempts of the unluckiest", max(job.attempt for job in jobs)),
                ("done, with one row", sum(rows[job.id] == 1 and job.state is JobState.DONE for job in jobs)),
                ("done twice", len(twice)),
                ("not done", len(lost)),
                ("stuck", len(stuck)),
                ("rows of no job", len(strange)),
                ("longest a job lay after its lease, s", f"{self._worst_overdue_ms / 1000:.2f}"),
                ("damage to the file", damage),
            ],
        )
        return not (stuck or lost or twice or strange) and damage == "none"


def trial(url: str, *, kills: int, seed: int) -> bool:
    """Run one trial; returns whether all is well."""
    return Trial(url, kills=kills, seed=seed).run()


if __name__ == "__main__":
    sys.exit(run_asked(__doc__, job_worker.__name__, trial))
