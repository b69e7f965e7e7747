"""A database of the test alone, and workers that end with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from callfloor.foundation.database import open_database
from callfloor.foundation.jobs import Worker
from callfloor.foundation.jobs.testing import OnlyDatabase

Start = Callable[[Worker[OnlyDatabase]], Worker[OnlyDatabase]]


@pytest.fixture
def services(fresh_database_url: str) -> Iterator[OnlyDatabase]:
    """What handlers are given."""
    db = open_database(fresh_database_url, strict_reads=True)
    yield OnlyDatabase(db)
    db.close_now()


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
        worker.stop()
