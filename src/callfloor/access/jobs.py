"""Jobs of access: the trail is sealed, who has a key that expires is told, what has ended is forgotten."""

from __future__ import annotations

import functools

from callfloor.access.key_expiry import enqueue_due_notices
from callfloor.access.key_secrets import forget_ended_secrets
from callfloor.access.sealing import BATCH, seal_batch
from callfloor.access.sessions import forget_sessions
from callfloor.foundation.jobs import Daily, Every, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services

FORGOTTEN_AT_ONCE = 1000


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


def _forget(running: RunningJob, services: Services) -> None:
    forgotten = 0
    for verb in (forget_sessions, forget_ended_secrets):
        forget = functools.partial(verb, now=running.now(), count=FORGOTTEN_AT_ONCE)
        while (count := services.db.write_now(forget)) == FORGOTTEN_AT_ONCE:
            forgotten += count
            running.progress("forgetting", forgotten)


SEAL_AUDIT_TRAIL: JobKind[Services] = JobKind("seal_audit_trail", _seal)
TELL_OF_KEY_EXPIRY: JobKind[Services] = JobKind("tell_of_key_expiry", _tell_of_expiry)
FORGET_ENDED_ACCESS: JobKind[Services] = JobKind("forget_ended_access", _forget)
SCHEDULES = (
    Schedule("seal_audit_trail", SEAL_AUDIT_TRAIL.name, Every(60)),
    Schedule("tell_of_key_expiry", TELL_OF_KEY_EXPIRY.name, Daily(6, 0)),
    Schedule("forget_ended_access", FORGET_ENDED_ACCESS.name, Daily(3, 50)),
)
