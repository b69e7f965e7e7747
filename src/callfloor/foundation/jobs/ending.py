"""How an attempt ends: done, again later, failed, cancelled or handed back; always guarded by the lease."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Integer, Update, null, select, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.jobs.attempts import ClaimedJob, LeaseLost, Verb
from callfloor.foundation.jobs.queueing import turn_at_head
from callfloor.foundation.jobs.tables import JobState, job

ERRORS_KEPT = 10
ERROR_LIMIT = 500
DETAIL_LIMIT = 4000

_c = job.c
_mine = (_c.id == param("job_id"), _c.lease_owner == param("owner"), _c.claim == param("of_claim", Integer))
_end = (
    update(job)
    .where(*_mine)
    .values(
        state=param("new_state"),
        finished_at=param("at"),
        lease_owner=null(),
        lease_until=null(),
        unique_key=null(),
    )
    .returning(_c.id)
)
_errors = select(_c.errors).where(*_mine).with_for_update()
_note_errors = update(job).where(*_mine).values(errors=param("new_errors"), max_attempts=param("allowed"))


def _back_into_line(statement: Update) -> Update:
    return statement.values(
        state=param("new_state"),
        queue=param("new_queue"),
        run_at=param("new_run_at"),
        turn=param("new_turn"),
        attempt=param("new_attempt"),
        lease_owner=null(),
        lease_until=null(),
    )


_hand_back = _back_into_line(update(job).where(*_mine)).returning(_c.id)
_locked = select(_c.state, _c.queue, _c.priority, _c.attempt).where(_c.id == param("job_id")).with_for_update()
_cancel_waiting = (
    update(job)
    .where(_c.id == param("job_id"))
    .values(state=JobState.CANCELLED.value, finished_at=param("at"), turn=null(), unique_key=null())
)
_ask_to_cancel = update(job).where(_c.id == param("job_id")).values(cancel_requested=True)
_again = _back_into_line(update(job).where(_c.id == param("job_id"))).values(finished_at=null(), cancel_requested=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: one line for people, and where."""

    error: str
    detail: str = ""


def complete(tx: Tx, job: ClaimedJob, *, verb: Verb | None, now: Millis) -> None:
    """End the job as done, together with its result.

    Raises:
        LeaseLost: another worker has the job now, or it has ended; nothing is written.
    """
    _end_as(tx, job, JobState.DONE, now)
    if verb is not None:
        verb(tx)


def end_cancelled(tx: Tx, job: ClaimedJob, *, now: Millis) -> None:
    """End the job as cancelled.

    Raises:
        LeaseLost: see `complete`.
    """
    _end_as(tx, job, JobState.CANCELLED, now)


def end_failed(tx: Tx, job: ClaimedJob, failure: Failure, *, allowed: int, verb: Verb | None, now: Millis) -> None:
    """End the job as failed, together with what its kind does then.

    Raises:
        LeaseLost: see `complete`.
    """
    _note(tx, job, failure, allowed=allowed, now=now)
    _end_as(tx, job, JobState.FAILED, now)
    if verb is not None:
        verb(tx)


def retry_later(tx: Tx, job: ClaimedJob, failure: Failure, *, allowed: int | None, at: Millis, now: Millis) -> None:
    """Let the job be tried again, not before `at`.

    Raises:
        LeaseLost: see `complete`.
    """
    _note(tx, job, failure, allowed=allowed, now=now)
    _return(tx, job, {"new_state": JobState.RETRYING, "new_attempt": job.attempt}, run_at=at, now=now)


def hand_back(tx: Tx, job: ClaimedJob, *, now: Millis, run_at: Millis | None = None, queue: str | None = None) -> None:
    """Put the job back into line as if this attempt had not been.

    Raises:
        LeaseLost: see `complete`.
    """
    attempt = job.attempt - 1
    state = JobState.AVAILABLE if attempt == 0 else JobState.RETRYING
    back = {"new_state": state, "new_attempt": attempt}
    _return(tx, job, back, run_at=now if run_at is None else run_at, now=now, queue=queue)


def cancel(tx: Tx, job_id: str, *, now: Millis) -> JobState | None:
    """Cancel the job: at once when it waits, at its handler's next sign of progress when it runs.

    Returns:
        its state now (RUNNING: it has been asked to stop), or None when there is no such job.
    """
    row = tx.one(_locked, {"job_id": job_id})
    if row is None:
        return None
    state = JobState(row[0])
    if state is JobState.RUNNING:
        tx.run(_ask_to_cancel, {"job_id": job_id})
    elif state in {JobState.AVAILABLE, JobState.RETRYING}:
        tx.run(_cancel_waiting, {"job_id": job_id, "at": now})
        return JobState.CANCELLED
    return state


def retry_now(tx: Tx, job_id: str, *, now: Millis) -> bool:
    """Run the job at the next chance; one that has failed or was cancelled begins again with all its attempts.

    Returns:
        whether it could: not when it is unknown, runs, or is done.
    """
    row = tx.one(_locked, {"job_id": job_id})
    if row is None or row[0] in {JobState.RUNNING, JobState.DONE}:
        return False
    state, queue, priority, attempt = row
    ended = state in {JobState.FAILED, JobState.CANCELLED}
    tx.run(
        _again,
        {
            "job_id": job_id,
            "new_state": JobState.AVAILABLE if ended else state,
            "new_queue": queue,
            "new_run_at": now,
            "new_turn": turn_at_head(tx, queue, priority),
            "new_attempt": 0 if ended else attempt,
        },
    )
    return True


def _identity(job: ClaimedJob) -> dict[str, Any]:
    return {"job_id": job.id, "owner": job.owner, "of_claim": job.claim}


def _end_as(tx: Tx, job: ClaimedJob, state: JobState, now: Millis) -> None:
    if tx.one(_end, {**_identity(job), "new_state": state, "at": now}) is None:
        raise LeaseLost


def _note(tx: Tx, job: ClaimedJob, failure: Failure, *, allowed: int | None, now: Millis) -> None:
    row = tx.one(_errors, _identity(job))
    if row is None:
        raise LeaseLost
    entry = {
        "attempt": job.attempt,
        "at": now,
        "error": failure.error[:ERROR_LIMIT],
        "detail": failure.detail[-DETAIL_LIMIT:],
    }
    kept = [*row[0], entry][-ERRORS_KEPT:]
    tx.run(_note_errors, {**_identity(job), "new_errors": kept, "allowed": allowed})


def _return(
    tx: Tx, job: ClaimedJob, back: dict[str, Any], *, run_at: Millis, now: Millis, queue: str | None = None
) -> None:
    queue = queue or job.queue
    turn = turn_at_head(tx, queue, job.priority) if run_at <= now else None
    params = {**_identity(job), **back, "new_queue": queue, "new_run_at": run_at, "new_turn": turn}
    if tx.one(_hand_back, params) is None:
        raise LeaseLost
