"""Finished calls for tests, recorded by the product's own verb."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.usage.records import Features, FinishedCall, record_calls

NOW = 1_800_000_000_000


def finished_call(  # noqa: PLR0913  # what a call may differ by
    day: int,
    *,
    call_id: str | None = None,
    revision: int = 1,
    device_id: int = 1,
    username: str = "ada",
    account_id: int | None = None,
    language: str | None = "en",
    at: int = 9 * HOUR,
    seconds: int = 60,
    mic_seconds: int = 30,
    speaker_seconds: int = 20,
    features: Features | None = None,
) -> FinishedCall:
    """Return a call of that day, counted from 1970-01-01 in UTC; `at` is the milliseconds of the day it starts at."""
    started_at = day * DAY + at
    return FinishedCall(
        device_id=device_id,
        username=username,
        account_id=account_id,
        call_id=call_id or new_id(),
        revision=revision,
        app_name="Dialer",
        language=language,
        started_at=started_at,
        ended_at=started_at + seconds * 1000,
        mic_seconds=mic_seconds,
        speaker_seconds=speaker_seconds,
        features=features or Features(),
    )


def record(db: Database, team_id: int, calls: Sequence[FinishedCall], *, now: int = NOW) -> list[bool]:
    """Record the calls in one transaction; returns which were counted."""
    return db.write_now(functools.partial(record_calls, team_id=team_id, calls=calls, now=now))
