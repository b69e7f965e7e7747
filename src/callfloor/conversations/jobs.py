"""The sweep: removes files that an upload left behind when it was cut off."""

from __future__ import annotations

from functools import partial

from callfloor.conversations.incoming import condemn_abandoned, forget_files
from callfloor.conversations.muting import SWEEP
from callfloor.foundation.jobs import JobKind, RunningJob, Schedule, Verb
from callfloor.foundation.jobs.schedules import Every
from callfloor.foundation.services import Services

_HOUR_SECONDS = 3600


def sweep_incoming_files(job: RunningJob, services: Services) -> Verb | None:
    """Delete every file that no conversation claimed for a day; a stop in between loses nothing of the list."""
    abandoned = services.db.write_now(partial(condemn_abandoned, now=job.now()))
    for done, (_, _, file_key) in enumerate(abandoned):
        services.files.delete_now(file_key)
        job.progress("deleting", done + 1, len(abandoned))
    return partial(forget_files, files=[(team_id, file_id) for team_id, file_id, _ in abandoned])


SWEEP_INCOMING_FILES: JobKind[Services] = JobKind(name=SWEEP, handler=sweep_incoming_files)
SWEEP_SCHEDULE = Schedule(SWEEP, SWEEP_INCOMING_FILES.name, Every(_HOUR_SECONDS))
