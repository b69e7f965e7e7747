"""A database that only the tests of jobs use, emptied before each, and workers that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.jobs import Worker
from callfloor.foundation.jobs.testing import OnlyDatabase
from tests.conftest import DATABASES

Start = Callable[[Worker[OnlyDatabase]], Worker[OnlyDatabase]]


@pytest.fixture(scope="session", params=DATABASES)
def jobs_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database without any other test's jobs."""
    template = "sqlite_template" if request.param == "sqlite" else "postgres_template"
    db = open_database(request.getfixturevalue(template).fresh_url(), strict_reads=True)
    yield db
    db.close_now()


@pytest.fixture
def services(jobs_database: Database) -> OnlyDatabase:
    """What handlers are given; its database holds no job, no schedule and no event."""
    jobs_database.write_now(_empty)
    return OnlyDatabase(jobs_database)


@pytest.fixture
def start(services: OnlyDatabase) -> Iterator[Start]:
    """Starts a worker and stops it at the end."""
    started: list[Worker[OnlyDatabase]] = []

    def start_worker(worker: Worker[OnlyDatabase]) -> Worker[OnlyDatabase]:
        worker.start()
        started.append(worker)
        return worker

    yield start_worker
    for worker in started:
        assert worker.stop()


def _empty(tx: Tx) -> None:
    for table in ("job", "job_schedule", "outbox_event", "sequence_head"):
        tx.run(text(f"DELETE FROM {table}"))  # noqa: S608  # the names stand above
