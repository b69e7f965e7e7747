"""What people see of jobs, and how long."""

from __future__ import annotations

from functools import partial
from typing import Any

from callfloor.foundation.jobs import (
    PRUNE_JOBS,
    JobKind,
    JobState,
    PermanentFailure,
    RunningJob,
    job_by_id,
    newest_jobs,
    prune_kind,
    unfinished_jobs,
)
from callfloor.foundation.jobs.testing import OnlyDatabase, drain
from tests.foundation.jobs.looking import NOON, added, effect_of


def fails(_job: RunningJob, _services: OnlyDatabase) -> None:
    raise PermanentFailure("broken")


def ids(services: OnlyDatabase, **fields: Any) -> list[str]:
    return [job.id for job in services.db.read_now(partial(newest_jobs, **fields))]


class TestJobById:
    def test_is_none_for_an_unknown_job(self, services: OnlyDatabase) -> None:
        assert services.db.read_now(partial(job_by_id, job_id="nothing")) is None


class TestUnfinishedJobs:
    def test_are_found_by_their_keys_until_they_end(self, services: OnlyDatabase) -> None:
        made = {key: added(services, unique_key=key) for key in ("call-1", "call-2", "call-3")}
        look = partial(unfinished_jobs, kind="work", unique_keys=["call-1", "call-3", "call-4"])

        found = services.db.read_now(look)
        drain(services, [JobKind("work", effect_of)], now=NOON)

        assert {key: job.id for key, job in found.items()} == {key: made[key] for key in ("call-1", "call-3")}
        assert services.db.read_now(look) == {}


class TestNewestJobs:
    def test_come_newest_first_page_by_page(self, services: OnlyDatabase) -> None:
        made = [added(services, id=f"job-{n}") for n in range(5)]

        first = ids(services, count=2)
        second = ids(services, count=2, before=first[-1])

        assert first + second == [made[4], made[3], made[2], made[1]]

    def test_are_narrowed_to_a_team_and_a_state(self, services: OnlyDatabase) -> None:
        done = added(services, team_id=7)
        drain(services, [JobKind("work", effect_of)], now=NOON)
        waiting, _of_others = added(services, team_id=7), added(services, team_id=8)

        assert sorted(ids(services, team_id=7)) == sorted([done, waiting])
        assert ids(services, team_id=7, state=JobState.DONE) == [done]
        assert ids(services, team_id=7, state=JobState.AVAILABLE) == [waiting]


class TestPruning:
    def test_forgets_what_ended_long_ago_by_the_state_it_ended_in(self, services: OnlyDatabase) -> None:
        done, failed = added(services), added(services, kind="broken")
        drain(services, [JobKind("work", effect_of), JobKind("broken", fails)], now=NOON)
        waiting = added(services, run_at=NOON + 10**9)
        pruning = prune_kind({JobState.DONE: 1000, JobState.FAILED: 5000})

        added(services, kind=PRUNE_JOBS)
        drain(services, [pruning], now=NOON + 1000)
        assert {done, failed, waiting} <= set(ids(services))

        added(services, kind=PRUNE_JOBS)
        drain(services, [pruning], now=NOON + 1001)
        assert done not in ids(services)
        assert {failed, waiting} <= set(ids(services))

        added(services, kind=PRUNE_JOBS)
        drain(services, [pruning], now=NOON + 5001)
        assert failed not in ids(services)
        assert waiting in ids(services)
