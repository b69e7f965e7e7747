"""Jobs of usage: calls are kept for as long as a setting says."""

from __future__ import annotations

from functools import partial

from callfloor.foundation.jobs import Daily, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services
from callfloor.usage.retention import FORGOTTEN_AT_ONCE, first_day_kept, forget_calls, teams_with_calls


def forget_usage(job: RunningJob, services: Services) -> None:
    """Delete calls that are older than the setting allows; without one, all are kept."""
    months = services.settings.usage.kept_months
    if months is None:
        return
    before = first_day_kept(job.now(), months)
    teams = services.db.read_now(teams_with_calls)
    for done, team_id in enumerate(teams):
        forget = partial(forget_calls, team_id=team_id, before_day=before)
        while services.db.write_now(forget) == FORGOTTEN_AT_ONCE:
            job.progress("deleting", done, len(teams))


FORGET_USAGE: JobKind[Services] = JobKind(name="forget_usage", handler=forget_usage)
FORGET_SCHEDULE = Schedule("forget_usage", FORGET_USAGE.name, Daily(2, 40))
