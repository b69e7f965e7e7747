"""What a kind of job promises: its handler, its queue, how often and how patiently it is tried."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from random import Random
from typing import Generic, Protocol, TypeVar

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database
from callfloor.foundation.jobs.attempts import DEFAULT_QUEUE, ClaimedJob, Verb
from callfloor.foundation.jobs.running import RunningJob


class HasDatabase(Protocol):
    """What handlers are given holds at least the database; in the product it is `foundation.services.Services`."""

    @property
    def db(self) -> Database:
        """Return the database."""


S = TypeVar("S", bound=HasDatabase)


@dataclasses.dataclass(frozen=True, slots=True)
class JobKind(Generic[S]):
    """A kind of job; a program hands the kinds it runs to its `Worker`."""

    name: str
    """An imperative: ``transcribe_conversation``."""
    handler: Callable[[RunningJob, S], Verb | None]
    """Runs on a worker's thread with no transaction open, and may be killed and run again at any point.

    The verb it returns is committed together with the job's end, once.
    """
    queue: str = DEFAULT_QUEUE
    max_attempts: int = 5
    lease_seconds: float = 30.0
    """How long a job stays with a worker that gives no sign of life; signs are given while the handler runs."""
    timeout_seconds: float = 3600.0
    """A handler that runs longer has failed this attempt."""
    backoff_seconds: float = 2.0
    backoff_limit_seconds: float = 600.0
    on_failed: Callable[[ClaimedJob, str, Millis], Verb] | None = None
    """Given the job, the reason and the present, returns a verb that is committed together with the final failure."""

    def attempts_allowed(self, job: ClaimedJob) -> int:
        """Return how often this job may be tried."""
        return self.max_attempts if job.max_attempts is None else job.max_attempts

    def pause_ms(self, attempt: int, random: Random) -> int:
        """Return how long to wait after the failed attempt: exponential, with full jitter."""
        ceiling = min(self.backoff_limit_seconds, self.backoff_seconds * 2.0 ** min(attempt - 1, 40))
        return int(random.uniform(0, ceiling) * 1000)


def by_name(kinds: Iterable[JobKind[S]]) -> dict[str, JobKind[S]]:
    """Return the kinds by their names.

    Raises:
        ValueError: two have the same name.
    """
    known: dict[str, JobKind[S]] = {}
    for kind in kinds:
        if kind.name in known:
            raise ValueError(f"two kinds of job are called {kind.name!r}")
        known[kind.name] = kind
    return known
