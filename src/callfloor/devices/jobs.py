"""Jobs of devices: codes and authorizations whose time is over are forgotten."""

from __future__ import annotations

import functools

from callfloor.devices.agent_codes import forget_agent_codes
from callfloor.devices.authorization import forget_authorizations
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import Every, JobKind, RunningJob, Schedule
from callfloor.foundation.services import Services

FORGOTTEN_AT_ONCE = 1000


def _forget_some(tx: Tx, *, now: int) -> bool:
    """Return whether there may be more."""
    forgotten = forget_authorizations(tx, now=now, count=FORGOTTEN_AT_ONCE)
    forgotten += forget_agent_codes(tx, now=now, count=FORGOTTEN_AT_ONCE)
    return forgotten >= FORGOTTEN_AT_ONCE


def _forget(running: RunningJob, services: Services) -> None:
    forget = functools.partial(_forget_some, now=running.now())
    while services.db.write_now(forget):
        running.progress("forgetting")


FORGET_AGENT_CODES: JobKind[Services] = JobKind("forget_agent_codes", _forget)
FORGET_SCHEDULE = Schedule("forget_agent_codes", FORGET_AGENT_CODES.name, Every(3600))
