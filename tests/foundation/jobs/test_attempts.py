"""How attempts end: with their result, again later, for good; and never twice."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import (
    ClaimedJob,
    Enqueue,
    JobKind,
    JobState,
    LeaseLost,
    PermanentFailure,
    RunningJob,
    Verb,
    cancel,
    enqueue,
    retry_now,
)
from callfloor.foundation.jobs.claiming import claim
from callfloor.foundation.jobs.ending import complete
from callfloor.foundation.jobs.execution import Execution
from callfloor.foundation.jobs.testing import OnlyDatabase, drain
from tests.foundation.jobs.looking import NOON, added, effect_of, effects, leave_effect, status

LONG = 10**9
SEEDED = Random(1)  # noqa: S311  # spreads retries


def fails(job: RunningJob, _services: OnlyDatabase) -> None:
    raise ValueError(f"attempt {job.attempt}")


def fails_for_good(_job: RunningJob, _services: OnlyDatabase) -> None:
    raise PermanentFailure("no such call")


def effect_of_failure(job: ClaimedJob, reason: str, now: Millis) -> Verb:
    return partial(leave_effect, f"{job.id} at {now - NOON}: {reason}")


def claimed(services: OnlyDatabase, owner: str, *, now: int, lease_ms: int = 1000) -> ClaimedJob:
    verb = partial(claim, queue="default", count=1, owner=owner, now=now, until=now + lease_ms)
    (job,) = services.db.write_now(verb)
    return job


def settle(services: OnlyDatabase, kind: JobKind[OnlyDatabase], *, now: int) -> int:
    return Execution(services, clock=lambda: now, random=SEEDED).settle_lost({kind.name: kind})


class TestDone:
    def test_is_committed_together_with_the_result(self, services: OnlyDatabase) -> None:
        job_id = added(services)

        drain(services, [JobKind("work", effect_of)], now=NOON)

        assert effects(services) == [job_id]
        assert status(services, job_id).state is JobState.DONE
        assert status(services, job_id).finished_at == NOON

    def test_a_result_that_cannot_be_stored_is_a_failed_attempt(self, services: OnlyDatabase) -> None:
        def store(tx: Tx) -> None:
            leave_effect("half", tx)
            raise ValueError("cannot be stored")

        job_id = added(services)

        drain(services, [JobKind("work", lambda job, _: store, backoff_seconds=LONG)], now=NOON)

        assert effects(services) == []
        assert status(services, job_id).state is JobState.RETRYING
        assert status(services, job_id).errors[0]["error"] == "ValueError: cannot be stored"

    def test_jobs_that_the_result_enqueues_are_run(self, services: OnlyDatabase) -> None:
        def handler(_job: RunningJob, _services: OnlyDatabase) -> Verb:
            return partial(enqueue, order=Enqueue(kind="next", args={}, team_id=None, now=NOON, id="next-1"))

        added(services)

        assert drain(services, [JobKind("work", handler), JobKind("next", effect_of)], now=NOON)[1:] == ["next-1"]


class TestRetrying:
    def test_tells_of_every_failure(self, services: OnlyDatabase) -> None:
        job_id = added(services)

        for n in range(3):
            drain(services, [JobKind("work", fails, max_attempts=9)], now=NOON + n * LONG)

        found = status(services, job_id)
        assert (found.state, found.attempt, found.max_attempts) == (JobState.RETRYING, 3, 9)
        assert [(e["attempt"], e["error"]) for e in found.errors] == [
            (n, f"ValueError: attempt {n}") for n in (1, 2, 3)
        ]
        assert "in fails" in found.errors[0]["detail"]

    def test_keeps_the_last_failures_only(self, services: OnlyDatabase) -> None:
        job_id = added(services, max_attempts=100)

        for n in range(15):
            drain(services, [JobKind("work", fails)], now=NOON + n * LONG)

        assert [e["attempt"] for e in status(services, job_id).errors] == list(range(6, 16))

    def test_waits_a_random_part_of_a_doubling_time(self) -> None:
        kind = JobKind("work", fails, backoff_seconds=2, backoff_limit_seconds=60)

        pauses = {n: [kind.pause_ms(n, SEEDED) for _ in range(400)] for n in (1, 2, 3, 10, 5000)}

        for n, ceiling in ((1, 2000), (2, 4000), (3, 8000), (10, 60_000), (5000, 60_000)):
            assert 0 <= min(pauses[n]) < 0.05 * ceiling
            assert 0.95 * ceiling < max(pauses[n]) <= ceiling

    def test_is_not_run_before_the_pause_is_over(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        kind = JobKind("work", fails)
        drain(services, [kind], now=NOON)
        run_at = status(services, job_id).run_at

        assert drain(services, [kind], now=run_at - 1) == []
        assert drain(services, [kind], now=run_at) == [job_id]


class TestFailed:
    def test_comes_after_the_last_attempt_with_what_the_kind_does_then(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        kind = JobKind("work", fails, max_attempts=2, on_failed=effect_of_failure)

        for n in range(3):
            drain(services, [kind], now=NOON + n * LONG)

        assert status(services, job_id).state is JobState.FAILED
        assert effects(services) == [f"{job_id} at {LONG}: ValueError: attempt 2"]

    def test_comes_at_once_when_another_attempt_cannot_help(self, services: OnlyDatabase) -> None:
        job_id = added(services)

        drain(services, [JobKind("work", fails_for_good, on_failed=effect_of_failure)], now=NOON)

        assert status(services, job_id).state is JobState.FAILED
        assert effects(services) == [f"{job_id} at 0: no such call"]

    def test_comes_even_when_what_the_kind_does_then_fails(self, services: OnlyDatabase) -> None:
        def on_failed(_job: ClaimedJob, _reason: str, _now: Millis) -> Verb:
            raise KeyError("gone")

        job_id = added(services)

        drain(services, [JobKind("work", fails_for_good, on_failed=on_failed)], now=NOON)

        assert status(services, job_id).state is JobState.FAILED
        assert "KeyError" in status(services, job_id).errors[0]["detail"]

    def test_begins_again_with_all_attempts_when_asked(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        drain(services, [JobKind("work", fails_for_good)], now=NOON)

        assert services.db.write_now(partial(retry_now, job_id=job_id, now=NOON + 1))

        drain(services, [JobKind("work", effect_of)], now=NOON + 1)
        assert effects(services) == [job_id]
        assert status(services, job_id).attempt == 1

    def test_a_job_that_is_done_or_unknown_is_not_run_again(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        drain(services, [JobKind("work", effect_of)], now=NOON)

        assert not services.db.write_now(partial(retry_now, job_id=job_id, now=NOON))
        assert not services.db.write_now(partial(retry_now, job_id="nothing", now=NOON))

    def test_a_waiting_retry_is_run_at_once_when_asked(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        drain(services, [JobKind("work", fails, backoff_seconds=LONG, backoff_limit_seconds=LONG)], now=NOON)

        services.db.write_now(partial(retry_now, job_id=job_id, now=NOON))

        assert drain(services, [JobKind("work", effect_of)], now=NOON) == [job_id]
        assert status(services, job_id).attempt == 2


class TestCancel:
    @pytest.mark.parametrize("run_at", [NOON, NOON + 1000])
    def test_a_waiting_job_is_never_run(self, services: OnlyDatabase, run_at: int) -> None:
        job_id = added(services, run_at=run_at, unique_key="call-1")

        assert services.db.write_now(partial(cancel, job_id=job_id, now=NOON)) is JobState.CANCELLED

        assert drain(services, [JobKind("work", effect_of)], now=NOON + 2000) == []
        assert added(services, unique_key="call-1") != job_id

    def test_a_running_job_is_asked_to_stop(self, services: OnlyDatabase) -> None:
        def handler(job: RunningJob, given: OnlyDatabase) -> Verb:
            assert given.db.write_now(partial(cancel, job_id=job.id, now=NOON)) is JobState.RUNNING
            job.progress("decode", 1, 2)
            return partial(leave_effect, job.id)

        job_id = added(services)

        drain(services, [JobKind("work", handler)], now=NOON)

        assert status(services, job_id).state is JobState.CANCELLED
        assert effects(services) == []

    def test_an_ended_job_stays_as_it_ended_and_an_unknown_one_unknown(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        drain(services, [JobKind("work", effect_of)], now=NOON)

        assert services.db.write_now(partial(cancel, job_id=job_id, now=NOON)) is JobState.DONE
        assert services.db.write_now(partial(cancel, job_id="nothing", now=NOON)) is None


class TestLostWorker:
    def test_its_job_is_run_again_at_once_and_counts_the_attempt(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        claimed(services, "dead", now=NOON)
        kind = JobKind("work", effect_of)

        assert settle(services, kind, now=NOON + 1000) == 0
        assert settle(services, kind, now=NOON + 1001) == 1

        assert drain(services, [kind], now=NOON + 1001) == [job_id]
        found = status(services, job_id)
        assert (found.state, found.attempt, found.errors[0]["error"]) == (JobState.DONE, 2, "the worker was lost")

    def test_its_job_fails_when_no_attempt_is_left(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        claimed(services, "dead", now=NOON)

        settle(services, JobKind("work", effect_of, max_attempts=1, on_failed=effect_of_failure), now=NOON + 1001)

        assert status(services, job_id).state is JobState.FAILED
        assert effects(services) == [f"{job_id} at 1001: the worker was lost"]

    def test_its_job_fails_even_when_what_the_kind_does_then_fails(self, services: OnlyDatabase) -> None:
        def on_failed(_job: ClaimedJob, _reason: str, _now: Millis) -> Verb:
            raise KeyError("gone")

        job_id = added(services)
        claimed(services, "dead", now=NOON)

        settle(services, JobKind("work", effect_of, max_attempts=1, on_failed=on_failed), now=NOON + 1001)

        assert status(services, job_id).state is JobState.FAILED

    def test_its_job_is_cancelled_when_that_was_asked_for(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        claimed(services, "dead", now=NOON)
        services.db.write_now(partial(cancel, job_id=job_id, now=NOON))

        settle(services, JobKind("work", effect_of), now=NOON + 1001)

        assert status(services, job_id).state is JobState.CANCELLED

    def test_a_job_of_an_unknown_kind_is_left_to_who_knows_it(self, services: OnlyDatabase) -> None:
        job_id = added(services, max_attempts=1)
        claimed(services, "dead", now=NOON)

        settle(services, JobKind("other", effect_of), now=NOON + 1001)

        assert status(services, job_id).state is JobState.RETRYING


class TestFence:
    def test_who_lost_the_lease_commits_nothing(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        stale = claimed(services, "slow", now=NOON)
        settle(services, JobKind("work", effect_of), now=NOON + 1001)

        def late() -> None:
            services.db.write_now(partial(complete, job=stale, verb=partial(leave_effect, "stale"), now=NOON + 1002))

        with pytest.raises(LeaseLost):
            late()
        fresh = claimed(services, "slow", now=NOON + 1003)
        with pytest.raises(LeaseLost):
            late()
        services.db.write_now(partial(complete, job=fresh, verb=partial(leave_effect, job_id), now=NOON + 1004))
        with pytest.raises(LeaseLost):
            late()
        assert effects(services) == [job_id]

    def test_a_retry_that_begins_its_attempts_again_does_not_reopen_it(self, services: OnlyDatabase) -> None:
        job_id = added(services)
        stale = claimed(services, "slow", now=NOON)
        settle(services, JobKind("work", effect_of, max_attempts=1), now=NOON + 1001)
        services.db.write_now(partial(retry_now, job_id=job_id, now=NOON + 1002))
        fresh = claimed(services, "slow", now=NOON + 1003)

        assert (stale.attempt, stale.owner) == (fresh.attempt, fresh.owner)
        with pytest.raises(LeaseLost):
            services.db.write_now(partial(complete, job=stale, verb=None, now=NOON + 1004))
