"""Run due jobs in the calling thread, for tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import partial
from random import Random

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.foundation.jobs.attempts import DEFAULT_QUEUE
from callfloor.foundation.jobs.claiming import claim, claim_of_team
from callfloor.foundation.jobs.execution import Execution
from callfloor.foundation.jobs.kinds import JobKind, S, by_name
from callfloor.foundation.jobs.queueing import stage_due
from callfloor.foundation.jobs.running import RunningJob

OWNER = "drain"


@dataclasses.dataclass(frozen=True, slots=True)
class OnlyDatabase:
    """What handlers that need nothing but the database are given."""

    db: Database


def drain(
    services: S, kinds: Iterable[JobKind[S]], *, now: Millis, team_id: int | None = None, limit: int = 1000
) -> list[str]:
    """Run jobs that are due at `now`, one after the other, until none is left, those they enqueue included.

    Args:
        team_id: only jobs of this team; a test that shares its database with others wants it.

    Returns:
        the ids of the attempted jobs, in order; read how they ended with `job_by_id`.

    Raises:
        AssertionError: more than `limit` attempts, or a job of a kind that was not given.
    """
    known = by_name(kinds)
    queues = [DEFAULT_QUEUE, *sorted({kind.queue for kind in known.values()} - {DEFAULT_QUEUE})]
    execution = Execution(services, clock=lambda: now, random=Random(0))  # noqa: S311  # spreads retries
    take = claim if team_id is None else partial(claim_of_team, share=team_id)
    attempted: list[str] = []
    while len(attempted) < limit:
        while services.db.write_now(partial(stage_due, now=now)):
            pass
        for queue in queues:
            claimed = services.db.write_now(
                partial(take, queue=queue, count=1, owner=OWNER, now=now, until=now + 60_000)
            )
            if claimed:
                break
        else:
            return attempted
        (job,) = claimed
        if job.kind not in known:
            raise AssertionError(f"job {job.id} is of kind {job.kind!r}, which was not given")
        kind = known[job.kind]
        running = RunningJob(
            job, services.db, lease_ms=60_000, clock=lambda: now, attempts_allowed=kind.attempts_allowed(job)
        )
        execution.run(kind, running)
        attempted.append(job.id)
    raise AssertionError(f"more than {limit} attempts")
