"""Kill workers with SIGKILL at every step of a job, and see that each job has done its work exactly once.

    python -m tests.fault.kill_jobs --database URL [--kills 200] [--seed 1]

The database must be migrated and not be used by anything else. Prints one table; ends with 1 when a job did its work
twice, not at all, or is stuck.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from functools import partial
from random import Random

from sqlalchemy import text

from callfloor.foundation import clock
from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.jobs import Enqueue, JobState, enqueue_all, newest_jobs
from callfloor.foundation.outbox import OUTBOX, events_after
from callfloor.foundation.sequence import number_waiting, prepare
from tests.fault import job_worker
from tests.fault.killing import Crew, pause, preload, print_table

PLACES = 3
KEPT_WAITING = 60
SETTLE_SECONDS = 60.0
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
        while self._crew.kills.total() < self._kills:
            self._crew.tend(at=time.monotonic())
            self._look(refill=True)
        self._crew.end()
        for _ in range(PLACES):
            self._crew.add_immortal()
        until = time.monotonic() + SETTLE_SECONDS
        while self._db.read_now(waiting) and time.monotonic() < until:
            self._look(refill=False)
        self._crew.end()
        is_well = self._report(time.monotonic() - began)
        self._db.close_now()
        return is_well

    def _look(self, *, refill: bool) -> None:
        overdue = self._db.read_now(partial(overdue_ms, now=clock.now()))
        self._worst_overdue_ms = max(self._worst_overdue_ms, overdue)
        if refill and self._db.read_now(waiting) < KEPT_WAITING:
            add_jobs(self._db, KEPT_WAITING, self._random)
        pause(0.02)

    def _report(self, seconds: float) -> bool:
        db = self._db
        db.write_now(partial(prepare, what=OUTBOX))
        number_waiting(db, OUTBOX)
        rows = collections.Counter(each.event.subject for each in db.read_now(partial(events_after, seq=0, count=FAR)))
        jobs = db.read_now(partial(newest_jobs, count=FAR))
        stuck = [job for job in jobs if job.state is not JobState.DONE]
        lost = [job for job in jobs if rows[job.id] == 0]
        twice = [job_id for job_id, count in rows.items() if count > 1]
        strange = rows.keys() - {job.id for job in jobs}
        damage = "" if db.name == "postgresql" else db.read_now(integrity)
        print_table(
            f"{db.name}: {self._crew.kills.total()} kills in {seconds:.0f} s",
            [
                *((f"killed at {step}", count) for step, count in sorted(self._crew.kills.items())),
                ("jobs", len(jobs)),
                ("attempts of the unluckiest", max(job.attempt for job in jobs)),
                ("done, with one row", sum(rows[job.id] == 1 and job.state is JobState.DONE for job in jobs)),
                ("done twice", len(twice)),
                ("not done", len(lost)),
                ("stuck", len(stuck)),
                ("rows of no job", len(strange)),
                ("longest a job lay after its lease, s", f"{self._worst_overdue_ms / 1000:.2f}"),
                ("damage to the file", damage or "none"),
            ],
        )
        return not (stuck or lost or twice or strange or damage)


def integrity(tx: Tx) -> str:
    """Return what SQLite finds wrong with its file."""
    ((verdict,),) = tx.all(text("PRAGMA integrity_check"))
    return "" if verdict == "ok" else str(verdict)


def main() -> int:
    """Run the trial of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    preload("tests.fault.job_worker")
    return 0 if Trial(asked.database, kills=asked.kills, seed=asked.seed).run() else 1


if __name__ == "__main__":
    sys.exit(main())
