"""The worker: claims jobs, runs them on threads, keeps their leases, and hands back what it cannot finish."""

from __future__ import annotations

import queue as queues
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Generic

import structlog

from callfloor.foundation import clock as wall
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import ending
from callfloor.foundation.jobs.claiming import claim, is_any_due, queues_in_line, renew
from callfloor.foundation.jobs.execution import Execution
from callfloor.foundation.jobs.kinds import DEFAULT_QUEUE, ClaimedJob, JobKind, LeaseLost, S, by_name
from callfloor.foundation.jobs.queueing import STAGE_LIMIT, stage_due
from callfloor.foundation.jobs.running import RunningJob

BEATS_PER_LEASE = 3
UNKNOWN_KIND_PAUSE_MS = 60_000
STOP_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Worker(Generic[S]):
    """Runs the given kinds of job until it is stopped.

    Args:
        concurrency: by queue, how many of its jobs run at once in this worker.
        owner: a name for people, kept in the row of a running job; a part that is new with every start is added.
        poll_seconds: how long a job that another process enqueued may stay unseen.
        clock: leases are compared across workers by it, so their clocks may differ by less than a lease.

    Raises:
        ValueError: two kinds of one name, or a kind whose queue has no place in `concurrency`.
    """

    def __init__(
        self,
        services: S,
        kinds: Iterable[JobKind[S]],
        *,
        concurrency: Mapping[str, int],
        owner: str,
        poll_seconds: float = 0.2,
        clock: Callable[[], Millis] = wall.now,
        random: Random | None = None,
    ) -> None:
        self._kinds = by_name(kinds)
        self._concurrency = {DEFAULT_QUEUE: 1, **concurrency}
        for kind in self._kinds.values():
            if self._concurrency.get(kind.queue, 0) < 1:
                raise ValueError(f"no worker thread for queue {kind.queue!r} of {kind.name!r}")
        self.owner = f"{owner} {new_id()}"
        self._db = services.db
        self._clock = clock
        self._poll_seconds = poll_seconds
        # Spreads retries, guards nothing.
        self._execution = Execution(services, clock=clock, random=random or Random())  # noqa: S311
        self._lease_ms = {q: self._longest_lease_ms(q) for q in self._concurrency}
        shortest = min((kind.lease_seconds for kind in self._kinds.values()), default=30.0)
        self._beat_seconds = shortest / BEATS_PER_LEASE
        self._handed: dict[str, queues.SimpleQueue[ClaimedJob | None]] = {
            q: queues.SimpleQueue() for q in self._concurrency
        }
        self._changed = threading.Condition()
        self._running: dict[str, RunningJob] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Run in the background until `stop`."""
        loops = [("jobs-dispatch", self._dispatch), ("jobs-heartbeat", self._beat)]
        for q, count in self._concurrency.items():
            loops += [(f"jobs-{q}-{i}", partial(self._work, q)) for i in range(count)]
        for name, loop in loops:
            thread = threading.Thread(target=loop, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look for jobs now, not at the next poll: for a process that has just committed one."""
        self._wake.set()

    def stop(self, *, within_seconds: float = STOP_SECONDS) -> bool:
        """Take no more jobs, interrupt the running ones at their next sign of progress, and end.

        Returns:
            whether all ended in time; the others are handed back, and nothing of what they still do is kept.
        """
        self._stopping.set()
        self._wake.set()
        with self._changed:
            for running in self._running.values():
                running.interrupted.set()
            in_time = self._changed.wait_for(lambda: not self._running, within_seconds)
            left = list(self._running.values())
        for running in left:
            self._give_back(running)
        self._ended.set()
        for q, count in self._concurrency.items():
            for _ in range(count):
                self._handed[q].put(None)
        if in_time:
            for thread in self._threads:
                thread.join()
        return in_time

    def _longest_lease_ms(self, queue: str) -> int:
        leases = [kind.lease_seconds for kind in self._kinds.values() if kind.queue == queue]
        return int(max(leases, default=30.0) * 1000)

    # The dispatching thread

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                self._look()
            except Unavailable as error:
                log.warning("worker_waits", reason=str(error))
            except Exception:  # the loop's edge: the worker outlives one bad look
                log.exception("worker_failed")
            self._wake.wait(self._poll_seconds)

    def _look(self) -> None:
        self._execution.settle_lost(self._kinds)
        now = self._clock()
        free = self._free()
        in_line, is_due = self._db.read_now(partial(_outlook, queues=list(free), now=now))
        while is_due:
            is_due = self._db.write_now(partial(stage_due, now=now)) == STAGE_LIMIT
            in_line = list(free)
        for queue in in_line:
            self._take(queue, free[queue])

    def _free(self) -> dict[str, int]:
        with self._changed:
            taken = [running.claimed.queue for running in self._running.values()]
        free = {q: count - taken.count(q) for q, count in self._concurrency.items()}
        return {q: count for q, count in free.items() if count > 0}

    def _take(self, queue: str, count: int) -> None:
        now = self._clock()
        until = now + self._lease_ms[queue]
        claimed = self._db.write_now(partial(claim, queue=queue, count=count, owner=self.owner, now=now, until=until))
        for job in claimed:
            kind = self._kinds.get(job.kind)
            if kind is None or kind.queue != queue:
                self._pass_on(job, kind)
                continue
            running = RunningJob(
                job,
                self._db,
                lease_ms=int(kind.lease_seconds * 1000),
                clock=self._clock,
                attempts_allowed=kind.attempts_allowed(job),
            )
            with self._changed:
                self._running[job.id] = running
                if self._stopping.is_set():
                    running.interrupted.set()
            self._handed[queue].put(job)

    def _pass_on(self, job: ClaimedJob, kind: JobKind[S] | None) -> None:
        """Move a job to its kind's queue; leave one of an unknown kind to a worker of another release."""
        now = self._clock()
        if kind is None:
            log.warning("unknown_kind_of_job", job=job.id, kind=job.kind)
            verb = partial(ending.hand_back, job=job, now=now, run_at=now + UNKNOWN_KIND_PAUSE_MS)
        else:
            verb = partial(ending.hand_back, job=job, now=now, queue=kind.queue)
        self._db.write_now(verb)
        self._wake.set()

    # The working threads

    def _work(self, queue: str) -> None:
        while (job := self._handed[queue].get()) is not None:
            running = self._running[job.id]
            try:
                self._execution.run(self._kinds[job.kind], running)
            except Exception:  # the job's edge: the lease runs out and another attempt follows
                log.exception("job_end_failed", job=job.id, kind=job.kind)
            finally:
                with self._changed:
                    del self._running[job.id]
                    self._changed.notify_all()
                self._wake.set()

    # The heartbeat thread: another than the handlers', which may be inside a long native call

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds):
            try:
                self._renew_leases()
            except Unavailable as error:
                log.warning("heartbeat_failed", reason=str(error))
            except Exception:  # the loop's edge: leases are renewed by the next beat
                log.exception("heartbeat_failed")

    def _renew_leases(self) -> None:
        now = self._clock()
        with self._changed:
            running = [r for r in self._running.values() if not r.lost.is_set()]
        for late in [r for r in running if self._is_late(r, now)]:
            running.remove(late)
            self._time_out(late)
        for lease_ms in {r.lease_ms for r in running}:
            group = [r for r in running if r.lease_ms == lease_ms]
            ids = [r.id for r in group]
            kept = self._db.write_now(partial(renew, ids=ids, owner=self.owner, until=now + lease_ms))
            for r in group:
                asked = kept.get((r.id, r.claimed.claim))
                if asked is None:
                    self._lose(r)
                elif asked:
                    r.cancelled.set()

    def _lose(self, running: RunningJob) -> None:
        with self._changed:
            # A job that has just ended has given its lease up: that is no loss.
            if self._running.get(running.id) is running:
                running.lost.set()

    def _is_late(self, running: RunningJob, now: Millis) -> bool:
        return now - running.began_at > self._kinds[running.kind].timeout_seconds * 1000

    def _time_out(self, running: RunningJob) -> None:
        kind = self._kinds[running.kind]
        self._execution.fail(kind, running, TimeoutError(f"took longer than {kind.timeout_seconds:g} s"))
        running.lost.set()

    def _give_back(self, running: RunningJob) -> None:
        log.warning("job_interrupted", job=running.id, kind=running.kind)
        try:
            self._db.write_now(partial(ending.hand_back, job=running.claimed, now=self._clock()))
        except LeaseLost:
            log.info("job_ended_meanwhile", job=running.id)
        except Unavailable as error:
            log.warning("job_not_handed_back", job=running.id, reason=str(error))
        running.lost.set()


def _outlook(tx: Tx, *, queues: list[str], now: Millis) -> tuple[list[str], bool]:
    return queues_in_line(tx, queues=queues), is_any_due(tx, now=now)
