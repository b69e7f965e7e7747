"""A running job as its handler sees it: what to do, how to tell of progress, when to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.jobs.attempts import ClaimedJob, JobCancelled, JobInterrupted, LeaseLost
from callfloor.foundation.jobs.claiming import tell_progress

WRITE_EVERY_MS = 500
"""Progress within a stage is written at most this often."""

log = structlog.get_logger(__name__)


class RunningJob:
    """Handed to the handler; the flags are set by the worker's other threads."""

    def __init__(
        self, claimed: ClaimedJob, db: Database, *, lease_ms: int, clock: Callable[[], Millis], attempts_allowed: int
    ) -> None:
        self.claimed = claimed
        self.max_attempts = attempts_allowed
        self.lease_ms = lease_ms
        self.began_at = clock()
        self.cancelled = threading.Event()
        self.interrupted = threading.Event()
        self.lost = threading.Event()
        self._db = db
        self._clock = clock
        self._stage: str | None = None
        self._told_at = 0

    @property
    def id(self) -> str:
        """Return the job's id."""
        return self.claimed.id

    @property
    def team_id(self) -> int | None:
        """Return the team it is done for."""
        return self.claimed.team_id

    @property
    def kind(self) -> str:
        """Return the name of its kind."""
        return self.claimed.kind

    @property
    def args(self) -> Mapping[str, Any]:
        """Return what it was enqueued with."""
        return self.claimed.args

    @property
    def attempt(self) -> int:
        """Return which attempt this is, from 1."""
        return self.claimed.attempt

    def now(self) -> Millis:
        """Return the present instant, by the worker's clock."""
        return self._clock()

    def stop_if_asked(self) -> None:
        """Raise if the handler shall end now; costs nothing.

        Raises:
            LeaseLost, JobCancelled, JobInterrupted: see `JobStopped`.
        """
        if self.lost.is_set():
            raise LeaseLost
        if self.cancelled.is_set():
            raise JobCancelled
        if self.interrupted.is_set():
            raise JobInterrupted

    def progress(self, stage: str, done: int = 0, total: int | None = None) -> None:
        """Tell how far the work is; also renews the lease. Call it as often as is handy.

        Raises:
            LeaseLost, JobCancelled, JobInterrupted: see `JobStopped`; let them pass.
        """
        self.stop_if_asked()
        now = self._clock()
        if stage == self._stage and done != total and now - self._told_at < WRITE_EVERY_MS:
            return
        self._stage, self._told_at = stage, now
        verb = partial(
            tell_progress,
            job=self.claimed,
            progress={"stage": stage, "done": done, "total": total},
            until=now + self.lease_ms,
        )
        try:
            is_cancelled = self._db.write_now(verb)
        except Unavailable as error:
            # Progress is for the eyes: the work goes on, the end of the lease decides.
            log.warning("progress_not_written", job=self.id, reason=str(error))
            return
        except LeaseLost:
            self.lost.set()
            raise
        if is_cancelled:
            self.cancelled.set()
        self.stop_if_asked()
