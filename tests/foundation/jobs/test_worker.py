"""A worker claims, runs, keeps and hands back jobs; its threads never make two runs of one."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import pytest

from callfloor.foundation import clock
from callfloor.foundation.jobs import (
    BACKGROUND_PRIORITY,
    Enqueue,
    JobInterrupted,
    JobKind,
    JobState,
    LeaseLost,
    RunningJob,
    Verb,
    Worker,
    cancel,
    enqueue,
)
from callfloor.foundation.jobs.testing import OnlyDatabase
from tests.foundation.jobs.conftest import Start
from tests.foundation.jobs.looking import (
    DEADLINE_SECONDS,
    NOON,
    added,
    effect_of,
    effects,
    leave_effect,
    status,
    wait_until,
)


class Gate:
    """A handler that says it has begun, and waits until it may go on."""

    def __init__(self, *, asks: bool = False) -> None:
        self.begun = threading.Semaphore(0)
        self.open = threading.Event()
        self.asks = asks
        self.stopped_by: list[type[Exception]] = []

    def handler(self, job: RunningJob, _services: OnlyDatabase) -> Verb:
        self.begun.release()
        for _ in range(int(DEADLINE_SECONDS / 0.02)):
            if self.open.wait(0.02):
                break
            if self.asks:
                self.ask(job)
        return partial(leave_effect, job.id)

    def ask(self, job: RunningJob) -> None:
        try:
            job.progress("waiting")
        except Exception as stop:
            self.stopped_by.append(type(stop))
            raise

    def wait(self) -> None:
        assert self.begun.acquire(timeout=DEADLINE_SECONDS)


def worker(
    services: OnlyDatabase, *kinds: JobKind[OnlyDatabase], count: int = 1, **options: Any
) -> Worker[OnlyDatabase]:
    options = {"owner": "w", "poll_seconds": 0.02, **options}
    return Worker(services, kinds, concurrency={"default": count}, **options)


class TestWorker:
    def test_runs_what_is_enqueued(self, services: OnlyDatabase, start: Start) -> None:
        start(worker(services, JobKind("work", effect_of)))
        ids = {added(services) for _ in range(5)}

        wait_until(lambda: set(effects(services)) == ids)
        assert sorted(effects(services)) == sorted(ids)

    def test_runs_what_a_result_enqueues_without_waiting_for_the_next_poll(
        self, services: OnlyDatabase, start: Start
    ) -> None:
        def first(_job: RunningJob, _services: OnlyDatabase) -> Verb:
            return partial(enqueue, order=Enqueue(kind="next", args={}, team_id=None, now=NOON, id="next-1"))

        added(services)
        start(worker(services, JobKind("work", first), JobKind("next", effect_of), poll_seconds=1000))

        wait_until(lambda: effects(services) == ["next-1"])

    def test_looks_at_once_when_woken(self, services: OnlyDatabase, start: Start) -> None:
        running = start(worker(services, JobKind("work", effect_of), poll_seconds=1000))
        job_id = added(services)

        running.wake()

        wait_until(lambda: effects(services) == [job_id])

    def test_runs_no_more_of_a_queue_than_it_may(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate()
        ids = [added(services) for _ in range(5)]
        start(worker(services, JobKind("work", gate.handler), count=2))
        gate.wait()
        gate.wait()

        wait_until(lambda: [status(services, i).state for i in ids].count(JobState.RUNNING) == 2)
        assert not gate.begun.acquire(timeout=0.2)
        gate.open.set()
        wait_until(lambda: sorted(effects(services)) == sorted(ids))

    def test_takes_the_place_of_a_background_job_for_another(self, services: OnlyDatabase, start: Start) -> None:
        history, today = Gate(asks=True), Gate()
        start(worker(services, JobKind("history", history.handler), JobKind("today", today.handler)))
        old = added(services, kind="history", priority=BACKGROUND_PRIORITY)
        history.wait()

        new = added(services, kind="today")
        today.wait()

        assert history.stopped_by == [JobInterrupted]
        today.open.set()
        history.wait()
        history.open.set()
        wait_until(lambda: set(effects(services)) == {old, new})
        assert status(services, old).attempt == 1

    def test_leaves_a_background_job_alone_while_only_such_wait(self, services: OnlyDatabase, start: Start) -> None:
        history = Gate(asks=True)
        start(worker(services, JobKind("history", history.handler)))
        ids = {added(services, kind="history", priority=BACKGROUND_PRIORITY) for _ in range(2)}
        history.wait()

        history.open.set()

        wait_until(lambda: set(effects(services)) == ids)
        assert history.stopped_by == []

    def test_moves_a_job_to_the_queue_of_its_kind(self, services: OnlyDatabase, start: Start) -> None:
        kind = JobKind("work", effect_of, queue="speech")
        start(Worker(services, [kind], concurrency={"speech": 1}, owner="w", poll_seconds=0.02))

        job_id = added(services)

        wait_until(lambda: effects(services) == [job_id])
        assert (status(services, job_id).queue, status(services, job_id).attempt) == ("speech", 1)

    def test_leaves_a_kind_it_does_not_know_to_others(self, services: OnlyDatabase, start: Start) -> None:
        job_id = added(services, kind="of the next release")
        start(worker(services, JobKind("work", effect_of)))

        wait_until(lambda: status(services, job_id).run_at > NOON)
        found = status(services, job_id)
        assert (found.state, found.attempt, found.errors) == (JobState.AVAILABLE, 0, [])

    def test_refuses_a_kind_that_no_thread_would_run(self, services: OnlyDatabase) -> None:
        with pytest.raises(ValueError, match="no worker thread for queue 'speech'"):
            worker(services, JobKind("work", effect_of, queue="speech"))

    def test_refuses_two_kinds_of_one_name(self, services: OnlyDatabase) -> None:
        with pytest.raises(ValueError, match="two kinds of job are called 'work'"):
            worker(services, JobKind("work", effect_of), JobKind("work", effect_of))

    def test_shows_progress_while_it_runs(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate()

        def handler(job: RunningJob, given: OnlyDatabase) -> Verb:
            job.progress("transcribe", 3, 10)
            return gate.handler(job, given)

        job_id = added(services)
        start(worker(services, JobKind("work", handler)))
        gate.wait()

        assert status(services, job_id).progress == {"stage": "transcribe", "done": 3, "total": 10}
        gate.open.set()


class TestLease:
    def test_is_kept_while_the_handler_gives_no_sign(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate()
        kind = JobKind("work", gate.handler, lease_seconds=0.6)
        job_id = added(services)
        start(worker(services, kind))
        gate.wait()
        lease = status(services, job_id).lease_until
        assert lease is not None
        start(worker(services, kind))

        wait_until(lambda: clock.now() > lease + 600)

        gate.open.set()
        wait_until(lambda: effects(services) != [])
        assert effects(services) == [job_id]
        assert status(services, job_id).attempt == 1

    def test_goes_to_another_worker_when_its_own_stands_still(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate(asks=True)
        job_id = added(services)
        standing = clock.now()
        start(worker(services, JobKind("work", gate.handler, lease_seconds=0.3), clock=lambda: standing))
        gate.wait()

        start(worker(services, JobKind("work", effect_of)))

        wait_until(lambda: effects(services) == [job_id])
        wait_until(lambda: gate.stopped_by != [])
        assert gate.stopped_by == [LeaseLost]
        assert effects(services) == [job_id]
        assert status(services, job_id).attempt == 2

    def test_is_lost_with_the_time_a_handler_may_take(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate(asks=True)
        job_id = added(services)
        start(worker(services, JobKind("work", gate.handler, lease_seconds=0.3, timeout_seconds=0.4, max_attempts=1)))
        gate.wait()

        wait_until(lambda: status(services, job_id).state is JobState.FAILED)

        assert status(services, job_id).errors[0]["error"] == "TimeoutError: took longer than 0.4 s"
        wait_until(lambda: gate.stopped_by == [LeaseLost])
        assert effects(services) == []


class TestCancelRunning:
    def test_reaches_a_handler_that_tells_of_progress(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate(asks=True)
        job_id = added(services)
        start(worker(services, JobKind("work", gate.handler, lease_seconds=0.3)))
        gate.wait()

        services.db.write_now(partial(cancel, job_id=job_id, now=NOON))

        wait_until(lambda: status(services, job_id).state is JobState.CANCELLED)
        assert effects(services) == []


class TestStop:
    def test_hands_interrupted_jobs_back_without_counting_the_attempt(self, services: OnlyDatabase) -> None:
        gate = Gate(asks=True)
        job_id = added(services)
        stopped = worker(services, JobKind("work", gate.handler))
        stopped.start()
        gate.wait()

        assert stopped.stop(within_seconds=DEADLINE_SECONDS)

        found = status(services, job_id)
        assert (found.state, found.attempt, found.errors) == (JobState.AVAILABLE, 0, [])

    def test_takes_a_job_from_a_handler_that_does_not_end(self, services: OnlyDatabase, start: Start) -> None:
        gate = Gate()
        job_id = added(services)
        stopped = worker(services, JobKind("work", gate.handler))
        stopped.start()
        gate.wait()

        assert not stopped.stop(within_seconds=0.1)

        start(worker(services, JobKind("work", effect_of)))
        wait_until(lambda: effects(services) == [job_id])
        gate.open.set()
        assert stopped.stop(within_seconds=DEADLINE_SECONDS)
        assert effects(services) == [job_id]
