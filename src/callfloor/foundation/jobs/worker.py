"""The worker: claims jobs, runs them on threads, and hands back what it cannot finish."""

from __future__ import annotations

import queue as queues
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Generic

import structlog

from callfloor.foundation import clock as wall
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import Unavailable
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import ending
from callfloor.foundation.jobs.attempts import DEFAULT_QUEUE, ClaimedJob
from callfloor.foundation.jobs.claiming import claim, most_urgent, outlook
from callfloor.foundation.jobs.execution import Execution
from callfloor.foundation.jobs.kinds import JobKind, S, by_name
from callfloor.foundation.jobs.leases import Leases
from callfloor.foundation.jobs.queueing import BACKGROUND_PRIORITY, STAGE_LIMIT, stage_due
from callfloor.foundation.jobs.running import RunningJob
from callfloor.foundation.jobs.schedules import Schedule, due_schedules, enqueue_due, keep_schedules

UNKNOWN_KIND_PAUSE_MS = 60_000
STOP_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Worker(Generic[S]):
    """Runs the given kinds of job, and the schedules, until it is stopped.

    A running job of `BACKGROUND_PRIORITY` or behind it gives its place to one before it, at its next sign of progress,
    and begins anew later: what it had done since its last commit is done again, and nobody waits for it.

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
        schedules: Sequence[Schedule] = (),
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
        self._schedules = tuple(schedules)
        self._schedules_kept = not schedules
        # Spreads retries, guards nothing.
        self._execution = Execution(services, clock=clock, random=random or Random())  # noqa: S311
        self._leases = Leases(self._execution, self._kinds, owner=self.owner, clock=clock)
        self._handed: dict[str, queues.SimpleQueue[RunningJob | None]] = {
            queue: queues.SimpleQueue() for queue in self._concurrency
        }
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Run in the background until `stop`."""
        loops = [("jobs-dispatch", self._dispatch), ("jobs-heartbeat", self._leases.beat)]
        for queue, count in self._concurrency.items():
            loops += [(f"jobs-{queue}-{i}", partial(self._work, queue)) for i in range(count)]
        for name, loop in loops:
            thread = threading.Thread(target=loop, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look for jobs now, not at the next poll: for a process that has just committed one."""
        self._wake.set()

    def stop(self, *, within_seconds: float = STOP_SECONDS) -> bool:
        """Take no more jobs, interrupt the running ones at their next sign of progress, and end.

        Args:
            within_seconds: how long to wait for a look at the database, and then for the handlers.

        Returns:
            whether all ended in time; the others are handed back, and nothing of what they still do is kept.
        """
        self._stopping.set()
        self._wake.set()
        self._leases.interrupt()
        for dispatching in self._threads[:1]:
            dispatching.join(within_seconds)
        is_free = self._leases.wait_until_free(within_seconds=within_seconds)
        self._leases.end()
        for queue, count in self._concurrency.items():
            for _ in range(count):
                self._handed[queue].put(None)
        if is_free:
            for thread in self._threads:
                thread.join(within_seconds)
        return is_free and not any(thread.is_alive() for thread in self._threads)

    def _work(self, queue: str) -> None:
        while (running := self._handed[queue].get()) is not None:
            try:
                self._execution.run(self._kinds[running.kind], running)
            except Exception:  # the job's edge: the lease runs out and another attempt follows
                log.exception("job_end_failed", job=running.id, kind=running.kind)
            finally:
                self._leases.drop(running)
                # There is room for another job, and this one may have enqueued some.
                self._wake.set()

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
        now = self._clock()
        self._enqueue_scheduled(now)
        free = {queue: count - self._leases.count(queue) for queue, count in self._concurrency.items()}
        free = {queue: count for queue, count in free.items() if count > 0}
        seen = self._db.read_now(partial(outlook, queues=list(free), now=now))
        in_line = seen.in_line
        if seen.is_any_lost:
            self._execution.settle_lost(self._kinds)
            in_line = list(free)
        if seen.is_any_due:
            while self._db.write_now(partial(stage_due, now=now)) == STAGE_LIMIT:
                pass
            in_line = list(free)
        for queue in in_line:
            self._take(queue, free[queue])
        for queue in self._concurrency:
            self._make_room(queue)

    def _make_room(self, queue: str) -> None:
        """Ask a background job to go back into line when the queue is full and something else waits."""
        held = self._leases.of_queue(queue)
        behind = [running for running in held if running.claimed.priority >= BACKGROUND_PRIORITY]
        # One at a time: its place is free as soon as it has stopped, and then the line is looked at again.
        if len(held) < self._concurrency[queue] or not behind or any(one.interrupted.is_set() for one in held):
            return
        urgent = self._db.read_now(partial(most_urgent, queue=queue))
        if urgent is not None and urgent < BACKGROUND_PRIORITY:
            max(behind, key=lambda running: running.began_at).interrupted.set()

    def _enqueue_scheduled(self, now: Millis) -> None:
        if not self._schedules_kept:
            self._db.write_now(partial(keep_schedules, schedules=self._schedules, now=now))
            self._schedules_kept = True
        if self._schedules:
            for schedule, due_at in self._db.read_now(partial(due_schedules, schedules=self._schedules, now=now)):
                self._db.write_now(partial(enqueue_due, schedule=schedule, due_at=due_at, now=now))

    def _take(self, queue: str, count: int) -> None:
        now = self._clock()
        leases = [kind.lease_seconds for kind in self._kinds.values() if kind.queue == queue]
        until = now + int(max(leases, default=1.0) * 1000)
        verb = partial(claim, queue=queue, count=count, owner=self.owner, now=now, until=until)
        not_ours: list[tuple[ClaimedJob, JobKind[S] | None]] = []
        for job in self._db.write_now(verb):
            kind = self._kinds.get(job.kind)
            if kind is None or kind.queue != queue:
                not_ours.append((job, kind))
                continue
            running = RunningJob(
                job,
                self._db,
                lease_ms=int(kind.lease_seconds * 1000),
                clock=self._clock,
                attempts_allowed=kind.attempts_allowed(job),
            )
            self._leases.add(running)
            self._handed[queue].put(running)
        for job, kind in not_ours:
            self._pass_on(job, kind)

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
