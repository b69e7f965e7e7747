"""Jobs are rows of the caller's transaction and stand in line by priority and time."""

from __future__ import annotations

from functools import partial

import pytest

from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import (
    BACKGROUND_PRIORITY,
    USUAL_PRIORITY,
    Enqueue,
    JobKind,
    JobState,
    enqueue,
    enqueue_all,
    hasten,
    newest_jobs,
)
from callfloor.foundation.jobs.testing import OnlyDatabase, drain
from tests.foundation.jobs.looking import NOON, added, effect_of, effects, status

WORK = JobKind("work", effect_of)


class TestEnqueue:
    def test_leaves_no_job_when_the_callers_transaction_fails(self, services: OnlyDatabase) -> None:
        def verb(tx: Tx) -> None:
            enqueue(tx, Enqueue(kind="work", args={}, team_id=None, now=NOON))
            raise ValueError("the caller changed its mind")

        with pytest.raises(ValueError, match="changed its mind"):
            services.db.write_now(verb)

        assert services.db.read_now(newest_jobs) == []

    def test_hands_the_arguments_to_the_handler_as_they_were(self, services: OnlyDatabase) -> None:
        args = {"conversation_id": "c-1", "again": True, "channels": [0, 1], "name": "Zoë “quoted”"}
        seen: list[object] = []
        kind: JobKind[OnlyDatabase] = JobKind("work", lambda job, _: seen.append((job.args, job.team_id, job.attempt)))
        added(services, args=args, team_id=7)

        drain(services, [kind], now=NOON)

        assert seen == [(args, 7, 1)]

    def test_runs_lower_priorities_first_then_the_earlier(self, services: OnlyDatabase) -> None:
        usual, later, urgent = added(services), added(services), added(services, priority=1)

        assert drain(services, [WORK], now=NOON) == [urgent, usual, later]

    def test_keeps_a_job_until_its_time_has_come(self, services: OnlyDatabase) -> None:
        job_id = added(services, run_at=NOON + 1000)

        before = drain(services, [WORK], now=NOON + 999)
        after = drain(services, [WORK], now=NOON + 1000)

        assert (before, after) == ([], [job_id])


class TestUniqueKey:
    def test_gives_the_unfinished_job_instead_of_a_second(self, services: OnlyDatabase) -> None:
        first = added(services, unique_key="call-1")

        assert added(services, unique_key="call-1") == first
        assert added(services, unique_key="call-2") != first
        assert added(services, kind="other", unique_key="call-1") != first

    def test_is_free_again_when_the_job_has_ended(self, services: OnlyDatabase) -> None:
        first = added(services, unique_key="call-1")
        drain(services, [WORK], now=NOON)

        assert added(services, unique_key="call-1") != first

    def test_is_held_while_the_job_waits_for_another_attempt(self, services: OnlyDatabase) -> None:
        def fails(_job: object, _services: object) -> None:
            raise ValueError("not today")

        first = added(services, unique_key="call-1")
        drain(services, [JobKind("work", fails, backoff_seconds=1e6, backoff_limit_seconds=1e6)], now=NOON)

        assert added(services, unique_key="call-1") == first
        assert status(services, first).state is JobState.RETRYING


class TestHasten:
    def test_lets_a_job_wait_no_longer_than_that(self, services: OnlyDatabase) -> None:
        job_id = added(services, unique_key="call-1", run_at=NOON + 9000)
        usual = partial(hasten, kind="work", unique_key="call-1", priority=USUAL_PRIORITY)

        assert services.db.write_now(partial(usual, run_at=NOON + 1000))
        assert services.db.write_now(partial(usual, run_at=NOON + 5000))

        assert drain(services, [WORK], now=NOON + 999) == []
        assert drain(services, [WORK], now=NOON + 1000) == [job_id]

    def test_makes_a_job_in_line_and_one_that_waits_more_urgent_never_less(self, services: OnlyDatabase) -> None:
        background = partial(added, services, priority=BACKGROUND_PRIORITY)
        other, in_line = background(), background(unique_key="call-1")
        waiting, usual = background(unique_key="call-2", run_at=NOON + 1000), added(services)

        for key in ("call-1", "call-2"):
            hastened = partial(hasten, kind="work", unique_key=key, run_at=NOON + 1000)
            for priority in (USUAL_PRIORITY, BACKGROUND_PRIORITY):
                services.db.write_now(partial(hastened, priority=priority))

        assert drain(services, [WORK], now=NOON + 1000) == [usual, in_line, waiting, other]

    def test_leaves_what_runs_as_it_is(self, services: OnlyDatabase) -> None:
        job_id = added(services, unique_key="call-1")
        verb = partial(hasten, kind="work", unique_key="call-1", run_at=NOON - 1000, priority=0)
        found: list[bool] = []
        kind: JobKind[OnlyDatabase] = JobKind("work", lambda _job, own: found.append(own.db.write_now(verb)))

        assert drain(services, [kind], now=NOON) == [job_id]

        assert found == [True]
        shown = status(services, job_id)
        assert (shown.state, shown.run_at, shown.priority) == (JobState.DONE, NOON, USUAL_PRIORITY)

    def test_finds_no_job_that_has_ended_or_has_another_key(self, services: OnlyDatabase) -> None:
        for key in ("call-1", "call-2"):
            added(services, unique_key=key)
            drain(services, [WORK], now=NOON)
        added(services, unique_key="call-2", run_at=NOON + 1000)

        found = [
            services.db.write_now(partial(hasten, kind=kind, unique_key=key, run_at=NOON, priority=0))
            for kind, key in (("work", "call-1"), ("other", "call-2"))
        ]

        assert found == [False, False]
        assert drain(services, [WORK], now=NOON) == []


class TestEnqueueAll:
    def test_adds_jobs_that_run_in_their_order(self, services: OnlyDatabase) -> None:
        orders = [Enqueue(kind="work", args={}, team_id=i % 2, now=NOON) for i in range(6)]

        ids = services.db.write_now(partial(enqueue_all, orders=orders))

        assert sorted(drain(services, [WORK], now=NOON)) == sorted(ids)
        by_team = [[i for i in effects(services) if i in ids[team::2]] for team in (0, 1)]
        assert by_team == [ids[0::2], ids[1::2]]

    def test_refuses_unique_keys(self, services: OnlyDatabase) -> None:
        orders = [Enqueue(kind="work", args={}, team_id=None, now=NOON, unique_key="k")]

        with pytest.raises(ValueError, match="one by one"):
            services.db.write_now(partial(enqueue_all, orders=orders))
