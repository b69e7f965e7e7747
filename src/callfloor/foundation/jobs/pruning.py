"""Forget jobs that ended long ago."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Integer, delete, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.jobs.kinds import HasDatabase, JobKind
from callfloor.foundation.jobs.running import RunningJob
from callfloor.foundation.jobs.tables import JobState, job

PRUNE_JOBS = "prune_jobs"
BATCH = 1000

_c = job.c
_old = (
    select(_c.id)
    .where(_c.state == param("in_state"), _c.finished_at < param("before"))
    .order_by(_c.finished_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_prune = delete(job).where(_c.id.in_(select(_old.c.id))).returning(_c.id)


def prune(tx: Tx, *, state: JobState, finished_before: Millis, count: int = BATCH) -> int:
    """Forget up to `count` jobs that ended in the state before the instant.

    Returns:
        how many.
    """
    return len(tx.all(_prune, {"in_state": state, "before": finished_before, "count": count}))


def prune_kind(keep_ms: Mapping[JobState, Millis]) -> JobKind[Any]:
    """Return the kind of job that prunes; a program schedules it daily.

    Args:
        keep_ms: for how long jobs are kept after they ended, by the state they ended in; a state left out is kept.
    """

    def handler(running: RunningJob, services: HasDatabase) -> None:
        for state, kept_ms in keep_ms.items():
            verb = partial(prune, state=state, finished_before=running.now() - kept_ms)
            while services.db.write_now(verb) == BATCH:
                running.stop_if_asked()

    return JobKind(PRUNE_JOBS, handler)
