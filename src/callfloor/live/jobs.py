"""Jobs of live state: what devices did long ago is forgotten."""

from __future__ import annotations

import functools

from callfloor.foundation.clock import DAY
from callfloor.foundation.jobs import Daily, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services
from callfloor.live.history import devices_of_all_teams, forget_transitions

DEVICES_AT_ONCE = 200


def _forget(running: RunningJob, services: Services) -> None:
    before = running.now() - services.settings.live.history_days * DAY
    place = (0, 0)
    while devices := services.db.read_now(functools.partial(devices_of_all_teams, after=place, take=DEVICES_AT_ONCE)):
        services.db.write_now(functools.partial(forget_transitions, devices=devices, before=before))
        place = devices[-1]
        running.stop_if_asked()


FORGET_TRANSITIONS: JobKind[Services] = JobKind("forget_transitions", _forget)
FORGET_SCHEDULE = Schedule("forget_transitions", FORGET_TRANSITIONS.name, Daily(3, 40))
