"""Durable jobs: rows in the caller's transaction, claimed under a lease, ended together with their result.

A verb enqueues: ``enqueue(tx, Enqueue(kind="transcribe_call", args={…}, team_id=…, now=…))``. A `Worker` claims jobs
and runs them. A handler runs with no transaction open and may be killed at any point: the lease runs out and the job is
run again. The verb it returns is committed together with the job's end, so what it writes is there exactly once;
anything a handler does outside the database may happen again.
"""

from callfloor.foundation.jobs.attempts import (
    ClaimedJob,
    JobCancelled,
    JobInterrupted,
    JobStopped,
    LeaseLost,
    PermanentFailure,
    Verb,
)
from callfloor.foundation.jobs.ending import cancel, retry_now
from callfloor.foundation.jobs.history import JobStatus, job_by_id, newest_jobs, unfinished_jobs
from callfloor.foundation.jobs.kinds import HasDatabase, JobKind
from callfloor.foundation.jobs.pruning import PRUNE_JOBS, prune, prune_kind
from callfloor.foundation.jobs.queueing import (
    BACKGROUND_PRIORITY,
    USUAL_PRIORITY,
    Enqueue,
    enqueue,
    enqueue_all,
    hasten,
)
from callfloor.foundation.jobs.running import RunningJob
from callfloor.foundation.jobs.schedules import Daily, Every, Schedule
from callfloor.foundation.jobs.tables import JobState
from callfloor.foundation.jobs.worker import Worker

__all__ = [
    "BACKGROUND_PRIORITY",
    "PRUNE_JOBS",
    "USUAL_PRIORITY",
    "ClaimedJob",
    "Daily",
    "Enqueue",
    "Every",
    "HasDatabase",
    "JobCancelled",
    "JobInterrupted",
    "JobKind",
    "JobState",
    "JobStatus",
    "JobStopped",
    "LeaseLost",
    "PermanentFailure",
    "RunningJob",
    "Schedule",
    "Verb",
    "Worker",
    "cancel",
    "enqueue",
    "enqueue_all",
    "hasten",
    "job_by_id",
    "newest_jobs",
    "prune",
    "prune_kind",
    "retry_now",
    "unfinished_jobs",
]
