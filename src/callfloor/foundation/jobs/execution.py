"""Run one attempt of one job, and write how it ended."""

from __future__ import annotations

import dataclasses
import threading
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Generic

import structlog

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.jobs import ending
from callfloor.foundation.jobs.attempts import (
    ClaimedJob,
    JobCancelled,
    JobInterrupted,
    LeaseLost,
    PermanentFailure,
    Verb,
)
from callfloor.foundation.jobs.claiming import is_any_lost, lost_job
from callfloor.foundation.jobs.ending import Failure
from callfloor.foundation.jobs.kinds import JobKind, S
from callfloor.foundation.jobs.running import RunningJob

LOST = Failure("the worker was lost")
_WRITE_AGAIN_SECONDS = 0.5

log = structlog.get_logger(__name__)


class Execution(Generic[S]):
    """What the attempts of one worker share."""

    def __init__(self, services: S, *, clock: Callable[[], Millis], random: Random) -> None:
        self._services = services
        self._clock = clock
        self._random = random
        self._pause = threading.Event()

    @property
    def db(self) -> Database:
        """Return the database."""
        return self._services.db

    def run(self, kind: JobKind[S], running: RunningJob) -> None:
        """Run the handler, then write the end of the attempt; whatever the handler raises ends here."""
        job = running.claimed
        try:
            running.stop_if_asked()
            verb = kind.handler(running, self._services)
        except LeaseLost:
            log.warning("lease_lost", job=job.id, kind=job.kind, attempt=job.attempt)
        except JobCancelled:
            self._write(running, partial(ending.end_cancelled, job=job, now=self._clock()))
        except JobInterrupted:
            self._write(running, partial(ending.hand_back, job=job, now=self._clock()))
        except Exception as error:  # noqa: BLE001  # the job's edge: the failure is written into its row
            self.fail(kind, running, error)
        else:
            self._complete(kind, running, verb)

    def fail(self, kind: JobKind[S], running: RunningJob, error: Exception) -> None:
        """Write a failed attempt: again later, or never when it was the last or `error` is permanent."""
        job = running.claimed
        log.warning("job_attempt_failed", job=job.id, kind=job.kind, attempt=job.attempt, error=_line(error))
        failure = Failure(_line(error), "".join(traceback.format_exception(error)))
        allowed = kind.attempts_allowed(job)
        now = self._clock()
        if isinstance(error, PermanentFailure) or job.attempt >= allowed:
            self._give_up(kind, running, failure)
            return
        at = now + kind.pause_ms(job.attempt, self._random)
        self._write(running, partial(ending.retry_later, job=job, failure=failure, allowed=allowed, at=at, now=now))

    def settle_lost(self, kinds: Mapping[str, JobKind[S]]) -> int:
        """Write the ends of attempts whose worker gave no sign of life; returns how many."""
        settled = 0
        while self.db.read_now(partial(is_any_lost, now=self._clock())):
            now = self._clock()
            try:
                found = self.db.write_now(partial(settle_one, kinds, now, with_verb=True))
            except Unavailable:
                raise
            except Exception:  # the job's edge: what the kind does on failure must not keep the job from ending
                log.exception("on_failed_failed")
                found = self.db.write_now(partial(settle_one, kinds, now, with_verb=False))
            if not found:
                break
            settled += 1
        return settled

    def _complete(self, kind: JobKind[S], running: RunningJob, verb: Verb | None) -> None:
        try:
            self._write(running, partial(ending.complete, job=running.claimed, verb=verb, now=self._clock()))
        except Exception as error:  # noqa: BLE001  # the job's edge: a result that cannot be stored is a failed attempt
            self.fail(kind, running, error)

    def _give_up(self, kind: JobKind[S], running: RunningJob, failure: Failure) -> None:
        now = self._clock()
        try:
            self._write(running, _last_end(kind, running.claimed, failure, now=now))
        except Exception as error:  # the job's edge: what the kind does on failure must not keep the job from ending
            log.exception("on_failed_failed", job=running.id, kind=running.kind)
            both = Failure(failure.error, f"{failure.detail}\nand on_failed: {_line(error)}")
            bare = dataclasses.replace(kind, on_failed=None)
            self._write(running, _last_end(bare, running.claimed, both, now=now))

    def _write(self, running: RunningJob, verb: Verb) -> None:
        """Write an end. While the database does not answer it is tried for the length of a lease."""
        until = self._clock() + running.lease_ms
        while not running.lost.is_set():
            try:
                self.db.write_now(verb)
            except LeaseLost:
                log.warning("lease_lost", job=running.id, kind=running.kind, attempt=running.attempt)
            except Unavailable as error:
                log.warning("job_end_not_written", job=running.id, reason=str(error))
                if self._clock() < until:
                    self._pause.wait(_WRITE_AGAIN_SECONDS)
                    continue
            return


def _last_end(kind: JobKind[S], job: ClaimedJob, failure: Failure, *, now: Millis) -> Verb:
    verb = None if kind.on_failed is None else kind.on_failed(job, failure.error, now)
    allowed = kind.attempts_allowed(job)
    return partial(ending.end_failed, job=job, failure=failure, allowed=allowed, verb=verb, now=now)


def settle_one(kinds: Mapping[str, JobKind[S]], now: Millis, tx: Tx, *, with_verb: bool) -> bool:
    """End the attempt of one job whose lease has run out.

    Args:
        with_verb: also do what the kind does on failure.

    Returns:
        whether there was one.
    """
    lost = lost_job(tx, now=now)
    if lost is None:
        return False
    job, is_cancelled = lost
    kind = kinds.get(job.kind)
    allowed = job.max_attempts if kind is None else kind.attempts_allowed(job)
    if is_cancelled:
        ending.end_cancelled(tx, job, now=now)
    elif kind is not None and job.attempt >= kind.attempts_allowed(job):
        _last_end(kind if with_verb else dataclasses.replace(kind, on_failed=None), job, LOST, now=now)(tx)
    else:
        # At once and without a pause: the lease that has run out was the pause.
        ending.retry_later(tx, job, LOST, allowed=allowed, at=now, now=now)
    log.warning("worker_lost", job=job.id, kind=job.kind, attempt=job.attempt, owner=job.owner)
    return True


def _line(error: Exception) -> str:
    if isinstance(error, PermanentFailure):
        return error.reason
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
