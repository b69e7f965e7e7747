"""Claim jobs for a worker, keep their leases, and find what a dead worker left."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable, Integer, Select, null, select, true, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.foundation.jobs.attempts import ClaimedJob, LeaseLost
from callfloor.foundation.jobs.tables import JobState, job

_c = job.c
_CLAIMED = (
    *(_c.id, _c.team_id, _c.kind, _c.queue, _c.priority, _c.args),
    *(_c.attempt, _c.max_attempts, _c.claim, _c.lease_owner, _c.created_at),
)


def _head(*, of_one_team: bool) -> Select[str]:
    statement = (
        select(_c.id)
        .where(_c.queue == param("in_queue"), _c.turn.is_not(None))
        .order_by(_c.priority, _c.turn, _c.id)
        .limit(param("count", Integer))
        .with_for_update(skip_locked=True)
    )
    return statement.where(_c.share == param("of_share")) if of_one_team else statement


def _claim(*, of_one_team: bool) -> Executable:
    # A CTE, not a plain subquery: PostgreSQL may run a subquery with a LIMIT more than once.
    picked = _head(of_one_team=of_one_team).cte("picked")
    return (
        update(job)
        .where(_c.id.in_(select(picked.c.id)))
        .values(
            state=JobState.RUNNING.value,
            turn=null(),
            attempt=_c.attempt + 1,
            claim=_c.claim + 1,
            lease_owner=param("owner"),
            lease_until=param("until"),
            started_at=param("at"),
        )
        .returning(*_CLAIMED)
    )


head = _head(of_one_team=False)
"""The jobs that are next; parameters in_queue, count."""
_claim_any = _claim(of_one_team=False)
_claim_of_team = _claim(of_one_team=True)
_renew = (
    update(job)
    .where(any_of(_c.id, "ids"), _c.lease_owner == param("owner"))
    .values(lease_until=param("until"))
    .returning(_c.id, _c.claim, _c.cancel_requested)
)
_tell = (
    update(job)
    .where(_c.id == param("job_id"), _c.lease_owner == param("owner"), _c.claim == param("of_claim", Integer))
    .values(progress=param("new_progress"), lease_until=param("until"))
    .returning(_c.cancel_requested)
)
_most_urgent = (
    select(_c.priority).where(_c.queue == param("in_queue"), _c.turn.is_not(None)).order_by(_c.priority).limit(1)
)
_is_in_line = select(true()).where(_c.queue == param("in_queue"), _c.turn.is_not(None)).limit(1)
_is_due = (
    select(true())
    .where(_c.turn.is_(None), _c.lease_until.is_(None), _c.finished_at.is_(None), _c.run_at <= param("until"))
    .limit(1)
)
_is_lost = select(true()).where(_c.lease_until < param("before")).limit(1)
_lost = (
    select(*_CLAIMED, _c.cancel_requested)
    .where(_c.lease_until < param("before"))
    .order_by(_c.lease_until)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def claim(tx: Tx, *, queue: str, count: int, owner: str, now: Millis, until: Millis) -> list[ClaimedJob]:
    """Take the next jobs of the queue: by priority, then by fair turn.

    Args:
        owner: who holds the lease; another text for every start of a worker.
        until: the end of the first lease.
    """
    params = {"in_queue": queue, "count": count, "owner": owner, "until": until, "at": now}
    return [ClaimedJob(*row) for row in tx.all(_claim_any, params)]


def claim_of_team(
    tx: Tx, *, share: int, queue: str, count: int, owner: str, now: Millis, until: Millis
) -> list[ClaimedJob]:
    """As `claim`, of one team only: for tests that share a database."""
    params = {"of_share": share, "in_queue": queue, "count": count, "owner": owner, "until": until, "at": now}
    return [ClaimedJob(*row) for row in tx.all(_claim_of_team, params)]


def renew(tx: Tx, *, ids: Sequence[str], owner: str, until: Millis) -> dict[tuple[str, int], bool]:
    """Lengthen the leases that the owner still has.

    Returns:
        by (job id, claim), whether its cancelling was asked for.
    """
    rows = tx.all(_renew, {"ids": list(ids), "owner": owner, "until": until})
    return {(id_, claimed): asked for id_, claimed, asked in rows}


def tell_progress(tx: Tx, job: ClaimedJob, *, progress: Mapping[str, Any], until: Millis) -> bool:
    """Write how far the work is, and lengthen the lease.

    Returns:
        whether the job's cancelling was asked for.

    Raises:
        LeaseLost: the job is no longer this owner's.
    """
    params = {"job_id": job.id, "owner": job.owner, "of_claim": job.claim, "new_progress": progress, "until": until}
    row = tx.one(_tell, params)
    if row is None:
        raise LeaseLost
    return row[0]


@dataclasses.dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to do, seen by reads alone: an idle worker never takes the write lock."""

    in_line: list[str]
    """Queues with a job in line."""
    is_any_due: bool
    """A waiting job's time has come."""
    is_any_lost: bool
    """A lease has run out."""


def outlook(tx: Tx, *, queues: Sequence[str], now: Millis) -> Outlook:
    """Look at the queues."""
    return Outlook(
        in_line=[queue for queue in queues if tx.one(_is_in_line, {"in_queue": queue}) is not None],
        is_any_due=tx.one(_is_due, {"until": now}) is not None,
        is_any_lost=is_any_lost(tx, now=now),
    )


def most_urgent(tx: Tx, *, queue: str) -> int | None:
    """Return the priority of the job that is next in the queue, or None when none is in line."""
    row = tx.one(_most_urgent, {"in_queue": queue})
    return None if row is None else row[0]


def is_any_lost(tx: Tx, *, now: Millis) -> bool:
    """Return whether a lease has run out."""
    return tx.one(_is_lost, {"before": now}) is not None


def lost_job(tx: Tx, *, now: Millis) -> tuple[ClaimedJob, bool] | None:
    """Return, and lock, a job whose lease has run out, with whether its cancelling was asked for."""
    row = tx.one(_lost, {"before": now})
    return None if row is None else (ClaimedJob(*row[:-1]), row[-1])
