"""Jobs of foundation: answers kept for repeats, and events that everybody has read, are forgotten when they are old."""

from __future__ import annotations

import functools

import structlog

from callfloor.foundation.clock import DAY
from callfloor.foundation.idempotency import forget_answers
from callfloor.foundation.jobs import Daily, JobKind, RunningJob, Schedule
from callfloor.foundation.outbox import FORGOTTEN_AT_ONCE, follower_in_the_way, forget_events
from callfloor.foundation.services import Services

ANSWERS_AT_ONCE = 1000

log = structlog.get_logger(__name__)


def _forget_answers(running: RunningJob, services: Services) -> None:
    forget = functools.partial(forget_answers, now=running.now(), count=ANSWERS_AT_ONCE)
    forgotten = 0
    while (count := services.db.write_now(forget)) == ANSWERS_AT_ONCE:
        forgotten += count
        running.progress("forgetting", forgotten)


def _forget_events(running: RunningJob, services: Services) -> None:
    before = running.now() - services.settings.outbox.kept_days * DAY
    forget = functools.partial(forget_events, before=before)
    forgotten = 0
    while (count := services.db.write_now(forget)) == FORGOTTEN_AT_ONCE:
        forgotten += count
        running.progress("forgetting", forgotten)
    follower = services.db.read_now(functools.partial(follower_in_the_way, before=before))
    if follower is not None:
        log.warning("old_events_kept", follower=follower, reason="it has not read them")


FORGET_ANSWERS: JobKind[Services] = JobKind("forget_answers", _forget_answers)
FORGET_EVENTS: JobKind[Services] = JobKind("forget_events", _forget_events)
SCHEDULES = (
    Schedule("forget_answers", FORGET_ANSWERS.name, Daily(3, 30)),
    Schedule("forget_events", FORGET_EVENTS.name, Daily(3, 40)),
)
