"""A schedule makes one job for each due time, whoever is first."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from callfloor.foundation.clock import DAY, HOUR, MINUTE, Millis, from_datetime
from callfloor.foundation.jobs import Daily, Every, JobKind, Schedule, Worker, newest_jobs
from callfloor.foundation.jobs.schedules import due_schedules, enqueue_due, keep_schedules
from callfloor.foundation.jobs.testing import OnlyDatabase
from tests.foundation.jobs.conftest import Start
from tests.foundation.jobs.looking import DEADLINE_SECONDS, NOON, effect_of, effects, wait_until

HOURLY = Schedule("hourly", "work", Every(3600))


def instant(text: str) -> Millis:
    return from_datetime(datetime.datetime.fromisoformat(text))


def keep(services: OnlyDatabase, schedules: Sequence[Schedule], *, now: Millis) -> None:
    services.db.write_now(partial(keep_schedules, schedules=schedules, now=now))


def due_at(services: OnlyDatabase, schedule: Schedule, *, now: Millis) -> list[Millis]:
    return [due for _, due in services.db.read_now(partial(due_schedules, schedules=[schedule], now=now))]


class TestEvery:
    def test_is_due_at_whole_periods(self) -> None:
        rule = Every(900)

        assert rule.next_after(NOON) == NOON + 15 * MINUTE
        assert rule.next_after(NOON + 15 * MINUTE - 1) == NOON + 15 * MINUTE
        assert rule.next_after(NOON + 15 * MINUTE) == NOON + 30 * MINUTE


class TestDaily:
    def test_is_due_once_a_day(self) -> None:
        rule = Daily(12, 30)

        assert rule.next_after(NOON) == NOON + 30 * MINUTE
        assert rule.next_after(NOON + 30 * MINUTE) == NOON + DAY + 30 * MINUTE

    @pytest.mark.parametrize(
        ("before", "due"),
        [
            ("2026-03-28T12:00:00+00:00", "2026-03-29T01:30:00+00:00"),
            ("2026-03-29T01:30:00+00:00", "2026-03-30T00:30:00+00:00"),
            ("2026-10-24T12:00:00+00:00", "2026-10-25T00:30:00+00:00"),
            ("2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"),
        ],
        ids=["left out by the clocks", "the day after", "twice by the clocks", "the day after that"],
    )
    def test_keeps_to_the_clocks_of_its_zone(self, before: str, due: str) -> None:
        assert Daily(2, 30, "Europe/Berlin").next_after(instant(before)) == instant(due)


class TestSchedule:
    def test_is_due_from_its_first_time_on(self, services: OnlyDatabase) -> None:
        keep(services, [HOURLY], now=NOON)

        assert due_at(services, HOURLY, now=NOON + HOUR - 1) == []
        assert due_at(services, HOURLY, now=NOON + HOUR) == [NOON + HOUR]

    def test_makes_one_job_for_a_due_time_that_several_workers_see(self, services: OnlyDatabase) -> None:
        keep(services, [HOURLY], now=NOON)
        together = threading.Barrier(6, timeout=DEADLINE_SECONDS)

        def worker() -> None:
            now = NOON + HOUR
            ((schedule, due),) = services.db.read_now(partial(due_schedules, schedules=[HOURLY], now=now))
            together.wait()
            services.db.write_now(partial(enqueue_due, schedule=schedule, due_at=due, now=now))

        threads = [threading.Thread(target=worker) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        (job,) = services.db.read_now(newest_jobs)
        assert (job.kind, job.args) == ("work", {"due_at": NOON + HOUR})

    def test_makes_one_job_of_all_the_times_that_were_missed(self, services: OnlyDatabase) -> None:
        keep(services, [HOURLY], now=NOON)
        late = NOON + 10 * HOUR + 1
        (due,) = due_at(services, HOURLY, now=late)

        services.db.write_now(partial(enqueue_due, schedule=HOURLY, due_at=due, now=late))

        assert due_at(services, HOURLY, now=late) == []
        assert due_at(services, HOURLY, now=NOON + 11 * HOUR) == [NOON + 11 * HOUR]

    def test_keeps_its_due_time_over_a_restart(self, services: OnlyDatabase) -> None:
        keep(services, [HOURLY], now=NOON)
        keep(services, [HOURLY], now=NOON + 5 * HOUR)

        assert due_at(services, HOURLY, now=NOON + 5 * HOUR) == [NOON + HOUR]

    def test_is_due_by_its_new_rule_when_that_was_changed(self, services: OnlyDatabase) -> None:
        keep(services, [HOURLY], now=NOON)
        changed = Schedule("hourly", "work", Every(60))

        keep(services, [changed], now=NOON)

        assert due_at(services, changed, now=NOON + MINUTE) == [NOON + MINUTE]

    def test_is_run_by_a_worker(self, services: OnlyDatabase, start: Start) -> None:
        secondly = Schedule("secondly", "work", Every(1))
        worker = Worker(
            services,
            [JobKind("work", effect_of)],
            concurrency={},
            owner="w",
            schedules=[secondly],
            poll_seconds=0.02,
        )

        start(worker)

        wait_until(lambda: len(effects(services)) >= 2)
        dues = [job.args["due_at"] for job in services.db.read_now(newest_jobs)]
        assert len(set(dues)) == len(dues)
