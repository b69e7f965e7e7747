"""Jobs of access: the audit trail is sealed, and who has a key that expires is told."""

from __future__ import annotations

import functools

from callfloor.access.key_expiry import enqueue_due_notices
from callfloor.access.sealing import BATCH, seal_batch
from callfloor.foundation.jobs import Daily, Every, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services


def _seal(running: RunningJob, services: Services) -> None:
    seal = functools.partial(seal_batch, hash_key=services.settings.hash_key)
    sealed = 0
    while (batch := services.db.write_now(seal)) == BATCH:
        sealed += batch
        running.progress("sealing", sealed)


def _tell_of_expiry(running: RunningJob, services: Services) -> None:
    tell = functools.partial(enqueue_due_notices, now=running.now())
    while services.db.write_now(tell):
        running.progress("telling")


SEAL_AUDIT_TRAIL: JobKind[Services] = JobKind("seal_audit_trail", _seal)
TELL_OF_KEY_EXPIRY: JobKind[Services] = JobKind("tell_of_key_expiry", _tell_of_expiry)
SCHEDULES = (
    Schedule("seal_audit_trail", SEAL_AUDIT_TRAIL.name, Every(60)),
    Schedule("tell_of_key_expiry", TELL_OF_KEY_EXPIRY.name, Daily(6, 0)),
)
