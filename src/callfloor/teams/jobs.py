"""Jobs of teams: invitations whose time is over give their seats back."""

from __future__ import annotations

import functools

from callfloor.foundation.jobs import Every, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services
from callfloor.teams.invitation_endings import expire_invitations, teams_with_expired_invitations

EXPIRED_AT_ONCE = 500


def _expire(running: RunningJob, services: Services) -> None:
    due = functools.partial(teams_with_expired_invitations, now=running.now(), count=EXPIRED_AT_ONCE)
    while teams := services.db.read_now(due):
        for done, team_id in enumerate(teams):
            running.progress("teams", done, len(teams))
            services.db.write_now(functools.partial(expire_invitations, team_id=team_id, now=running.now()))


EXPIRE_INVITATIONS: JobKind[Services] = JobKind("expire_invitations", _expire)
EXPIRY_SCHEDULE = Schedule("expire_invitations", EXPIRE_INVITATIONS.name, Every(60))
