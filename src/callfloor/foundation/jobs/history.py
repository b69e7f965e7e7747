"""Look at jobs: how far they are, and why they failed."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.foundation.jobs.tables import JobState, job

_c = job.c
_STATUS = (
    *(_c.id, _c.team_id, _c.kind, _c.queue, _c.args, _c.priority, _c.state, _c.run_at, _c.attempt, _c.max_attempts),
    *(_c.cancel_requested, _c.lease_owner, _c.lease_until, _c.progress, _c.errors),
    *(_c.created_at, _c.started_at, _c.finished_at),
)
_by_id = select(*_STATUS).where(_c.id == param("job_id"))
_by_keys = select(_c.unique_key, *_STATUS).where(_c.kind == param("of_kind"), any_of(_c.unique_key, "keys"))


@dataclasses.dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as people look at it."""

    id: str
    team_id: int | None
    kind: str
    queue: str
    args: dict[str, Any]
    priority: int
    state: JobState
    run_at: Millis
    attempt: int
    max_attempts: int | None
    cancel_requested: bool
    lease_owner: str | None
    lease_until: Millis | None
    progress: dict[str, Any] | None
    errors: list[dict[str, Any]]
    created_at: Millis
    started_at: Millis | None
    finished_at: Millis | None


def job_by_id(tx: Tx, job_id: str) -> JobStatus | None:
    """Return the job."""
    row = tx.one(_by_id, {"job_id": job_id})
    return None if row is None else _status(row)


def unfinished_jobs(tx: Tx, *, kind: str, unique_keys: Sequence[str]) -> dict[str, JobStatus]:
    """Return the unfinished jobs of the kind that have one of the keys, by key."""
    rows = tx.all(_by_keys, {"of_kind": kind, "keys": unique_keys})
    return {row[0]: _status(row[1:]) for row in rows}


def newest_jobs(
    tx: Tx,
    *,
    team_id: int | None = None,
    state: JobState | None = None,
    before: str | None = None,
    count: int = 50,
) -> list[JobStatus]:
    """Return jobs, newest first.

    Args:
        team_id: only this team's.
        before: the id of the last job of the page before.
    """
    params: dict[str, Any] = {"count": count}
    if team_id is not None:
        params["of_team"] = team_id
    if state is not None:
        params["in_state"] = state
    if before is not None:
        params["before"] = before
    statement = _newest(of_team=team_id is not None, in_state=state is not None, has_before=before is not None)
    return [_status(row) for row in tx.all(statement, params)]


@functools.cache
def _newest(*, of_team: bool, in_state: bool, has_before: bool) -> Select[Any]:
    statement = select(*_STATUS).order_by(_c.id.desc()).limit(param("count", Integer))
    if of_team:
        statement = statement.where(_c.team_id == param("of_team"))
    if in_state:
        statement = statement.where(_c.state == param("in_state"))
    if has_before:
        statement = statement.where(_c.id < param("before"))
    return statement


def _status(row: tuple[Any, ...]) -> JobStatus:
    status = JobStatus(*row)
    return dataclasses.replace(status, state=JobState(status.state))
