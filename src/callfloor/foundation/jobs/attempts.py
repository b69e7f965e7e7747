"""One attempt of a job: what its worker got, and the ways a handler leaves it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx

DEFAULT_QUEUE = "default"

Verb = Callable[[Tx], object]
"""A verb with its command already bound; what it returns is not used."""


class PermanentFailure(Exception):
    """A handler raises it when another attempt cannot help; the job fails at once with this reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class JobStopped(Exception):
    """The handler shall end now; raised by `RunningJob.progress`. Let it pass.

    JobStopped
    ├── JobCancelled     somebody cancelled the job: it ends as cancelled
    ├── JobInterrupted   the worker is stopping: the job goes back into line, this attempt is not counted
    └── LeaseLost        the job is no longer this worker's: nothing of this run is kept
    """


class JobCancelled(JobStopped):
    """See `JobStopped`."""


class JobInterrupted(JobStopped):
    """See `JobStopped`."""


class LeaseLost(JobStopped):
    """See `JobStopped`."""


@dataclasses.dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as its worker got it."""

    id: str
    team_id: int | None
    kind: str
    queue: str
    priority: int
    args: Mapping[str, Any]
    attempt: int
    """1 for the first."""
    max_attempts: int | None
    """Null: as its kind says."""
    claim: int
    owner: str
    created_at: Millis
