"""The jobs a worker is running, and the heartbeat that keeps them its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Generic

import structlog

from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.jobs import ending
from callfloor.foundation.jobs.attempts import LeaseLost
from callfloor.foundation.jobs.claiming import renew
from callfloor.foundation.jobs.execution import Execution
from callfloor.foundation.jobs.kinds import JobKind, S
from callfloor.foundation.jobs.running import RunningJob

BEATS_PER_LEASE = 3

log = structlog.get_logger(__name__)


class Leases(Generic[S]):
    """Shared by the threads of one worker.

    The heartbeat has a thread of its own: the handlers' threads may be inside a long native call.
    """

    def __init__(
        self, execution: Execution[S], kinds: Mapping[str, JobKind[S]], *, owner: str, clock: Callable[[], Millis]
    ) -> None:
        self._execution = execution
        self._kinds = kinds
        self._owner = owner
        self._clock = clock
        self._changed = threading.Condition()
        self._held: dict[str, RunningJob] = {}
        self._interrupting = False
        self._ended = threading.Event()

    def add(self, running: RunningJob) -> None:
        """Take note of a claimed job."""
        with self._changed:
            self._held[running.id] = running
            if self._interrupting:
                running.interrupted.set()

    def drop(self, running: RunningJob) -> None:
        """Forget a job whose attempt has ended."""
        with self._changed:
            del self._held[running.id]
            self._changed.notify_all()

    def count(self, queue: str) -> int:
        """Return how many jobs of the queue are held."""
        with self._changed:
            return sum(running.claimed.queue == queue for running in self._held.values())

    def of_queue(self, queue: str) -> list[RunningJob]:
        """Return the jobs of the queue that are held."""
        with self._changed:
            return [running for running in self._held.values() if running.claimed.queue == queue]

    def interrupt(self) -> None:
        """Ask every handler to stop at its next sign of progress, those that are still to come included."""
        with self._changed:
            self._interrupting = True
            for running in self._held.values():
                running.interrupted.set()

    def wait_until_free(self, *, within_seconds: float) -> bool:
        """Wait for the handlers; what is left then is handed back.

        Returns:
            whether nothing was left.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._held, within_seconds)
            left = list(self._held.values())
        for running in left:
            self._hand_back(running)
        return not left

    def end(self) -> None:
        """End the heartbeat."""
        self._ended.set()

    def beat(self) -> None:
        """Renew the leases again and again until `end`."""
        shortest = min((kind.lease_seconds for kind in self._kinds.values()), default=30.0)
        while not self._ended.wait(shortest / BEATS_PER_LEASE):
            try:
                self._renew_all()
            except Unavailable as error:
                log.warning("heartbeat_waits", reason=str(error))
            except Exception:  # the loop's edge: the next beat renews the leases
                log.exception("heartbeat_failed")

    def _renew_all(self) -> None:
        now = self._clock()
        with self._changed:
            held = [running for running in self._held.values() if not running.lost.is_set()]
        late = [running for running in held if self._is_late(running, now)]
        for running in late:
            self._time_out(running)
        held = [running for running in held if running not in late]
        for lease_ms in {running.lease_ms for running in held}:
            self._renew([running for running in held if running.lease_ms == lease_ms], until=now + lease_ms)

    def _renew(self, held: list[RunningJob], *, until: Millis) -> None:
        ids = [running.id for running in held]
        kept = self._execution.db.write_now(partial(renew, ids=ids, owner=self._owner, until=until))
        for running in held:
            is_cancelled = kept.get((running.id, running.claimed.claim))
            if is_cancelled is None:
                # Also of a job that has ended since: nobody looks at its flags any more.
                running.lost.set()
            elif is_cancelled:
                running.cancelled.set()

    def _is_late(self, running: RunningJob, now: Millis) -> bool:
        return now - running.began_at > self._kinds[running.kind].timeout_seconds * 1000

    def _time_out(self, running: RunningJob) -> None:
        kind = self._kinds[running.kind]
        self._execution.fail(kind, running, TimeoutError(f"took longer than {kind.timeout_seconds:g} s"))
        running.lost.set()

    def _hand_back(self, running: RunningJob) -> None:
        log.warning("job_handed_back", job=running.id, kind=running.kind)
        try:
            self._execution.db.write_now(partial(ending.hand_back, job=running.claimed, now=self._clock()))
        except LeaseLost:
            log.info("job_had_ended", job=running.id)
        except Unavailable as error:
            log.warning("job_not_handed_back", job=running.id, reason=str(error))
        running.lost.set()
