"""Jobs of ingest: events are kept as they were sent for as long as a setting says."""

from __future__ import annotations

import functools

from callfloor.foundation.clock import DAY
from callfloor.foundation.jobs import Daily, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services
from callfloor.ingest.forgetting import EVENTS_AT_ONCE, forget_events, next_team_with_events


def _forget(running: RunningJob, services: Services) -> None:
    before = running.now() - services.settings.ingest.kept_days * DAY
    team_id: int | None = 0
    forgotten = 0
    while team_id is not None:
        team_id = services.db.read_now(functools.partial(next_team_with_events, after=team_id))
        if team_id is None:
            return
        forget = functools.partial(forget_events, team_id=team_id, before=before)
        while (count := services.db.write_now(forget)) == EVENTS_AT_ONCE:
            forgotten += count
            running.progress("forgetting", forgotten)


FORGET_EVENTS: JobKind[Services] = JobKind("forget_agent_events", _forget)
FORGET_SCHEDULE = Schedule("forget_agent_events", FORGET_EVENTS.name, Daily(3, 20))
