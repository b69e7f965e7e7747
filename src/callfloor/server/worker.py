"""`callfloor worker`: every kind of job and every sequence, and the process that runs them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import structlog

from callfloor.access.jobs import FORGET_ENDED_ACCESS, SEAL_AUDIT_TRAIL, TELL_OF_KEY_EXPIRY
from callfloor.access.jobs import SCHEDULES as ACCESS_SCHEDULES
from callfloor.access.key_expiry import KEY_EXPIRY_MAIL, key_expiry_mail
from callfloor.analysis.jobs import TRANSCRIBE_CONVERSATION
from callfloor.conversations.changes import CHANGES
from callfloor.conversations.erasure_jobs import (
    ERASE_CONVERSATIONS,
    REMOVE_DUE,
    RETENTION_SCHEDULE,
    SCRUB_DATABASE,
    SCRUB_SCHEDULE,
)
from callfloor.conversations.fetching import FETCH_RECORDING
from callfloor.conversations.imports.imports import QUEUE as IMPORTS_QUEUE
from callfloor.conversations.imports.jobs import RUN_IMPORT_JOB
from callfloor.conversations.jobs import SWEEP_INCOMING_FILES, SWEEP_SCHEDULE
from callfloor.conversations.redaction_jobs import REDACT_RECORDING
from callfloor.conversations.silencing import SILENCE_RECORDING
from callfloor.conversations_api.tus_jobs import FINISH_UPLOAD, FORGET_UPLOADS, UPLOADS_SCHEDULE
from callfloor.devices.jobs import FORGET_AGENT_CODES, FORGET_SCHEDULE
from callfloor.foundation.clock import DAY
from callfloor.foundation.jobs import PRUNE_JOBS, Daily, JobKind, JobState, Schedule, Worker, prune_kind
from callfloor.foundation.mail import send_mail_kind
from callfloor.foundation.outbox import OUTBOX
from callfloor.foundation.retention import FORGET_ANSWERS, FORGET_EVENTS
from callfloor.foundation.retention import SCHEDULES as RETENTION_SCHEDULES
from callfloor.foundation.rounds import Rounds
from callfloor.foundation.sequence import Sequencer
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.ingest.jobs import FORGET_EVENTS as FORGET_AGENT_EVENTS
from callfloor.ingest.jobs import FORGET_SCHEDULE as INGEST_SCHEDULE
from callfloor.live.jobs import FORGET_SCHEDULE as LIVE_SCHEDULE
from callfloor.live.jobs import FORGET_TRANSITIONS
from callfloor.live.rounds import live_rounds
from callfloor.server.webhooks import webhook_rounds
from callfloor.teams.invitation_mail import INVITATION_MAIL, invitation_mail
from callfloor.teams.jobs import EXPIRE_INVITATIONS, EXPIRY_SCHEDULE
from callfloor.teams.payments import RENEW_PERIODS, RENEW_SCHEDULE, RecordingProvider, settle_kind
from callfloor.usage.jobs import FORGET_SCHEDULE as USAGE_SCHEDULE
from callfloor.usage.jobs import FORGET_USAGE
from callfloor.usage.reclaim.jobs import RECLAIM_SEATS, START_SEAT_RECLAIM
from callfloor.usage.reclaim.jobs import SCHEDULE as RECLAIM_SCHEDULE
from callfloor.usage.reclaim.mails import SEAT_NOTICE_MAIL, SEATS_NOTICE_MAIL, seat_notice_mail, seats_notice_mail
from callfloor.usage.rounds import usage_rounds
from callfloor.webhooks.deliveries import QUEUE as WEBHOOKS_QUEUE
from callfloor.webhooks.jobs import DELIVER, FORGET_DELIVERIES
from callfloor.webhooks.jobs import FORGET_SCHEDULE as WEBHOOKS_SCHEDULE

KEPT_MS = {JobState.DONE: 7 * DAY, JobState.CANCELLED: 30 * DAY, JobState.FAILED: 90 * DAY}
"""For how long jobs are kept after they ended."""
MAILS = {
    INVITATION_MAIL: invitation_mail,
    KEY_EXPIRY_MAIL: key_expiry_mail,
    SEAT_NOTICE_MAIL: seat_notice_mail,
    SEATS_NOTICE_MAIL: seats_notice_mail,
}
"""What each mail says."""
SCHEDULES = (
    SWEEP_SCHEDULE,
    UPLOADS_SCHEDULE,
    RETENTION_SCHEDULE,
    SCRUB_SCHEDULE,
    RENEW_SCHEDULE,
    EXPIRY_SCHEDULE,
    FORGET_SCHEDULE,
    LIVE_SCHEDULE,
    INGEST_SCHEDULE,
    USAGE_SCHEDULE,
    RECLAIM_SCHEDULE,
    WEBHOOKS_SCHEDULE,
    *ACCESS_SCHEDULES,
    *RETENTION_SCHEDULES,
    Schedule("prune_jobs", PRUNE_JOBS, Daily(3, 10)),
)

log = structlog.get_logger(__name__)


def job_kinds() -> list[JobKind[Services]]:
    """Return every kind of job."""
    payments = [settle_kind(RecordingProvider()), RENEW_PERIODS]
    mails = [send_mail_kind(MAILS), EXPIRE_INVITATIONS]
    access = [SEAL_AUDIT_TRAIL, TELL_OF_KEY_EXPIRY, FORGET_ENDED_ACCESS]
    events = [FORGET_EVENTS, FORGET_AGENT_EVENTS, FORGET_ANSWERS]
    devices = [START_SEAT_RECLAIM, RECLAIM_SEATS, FORGET_AGENT_CODES, FORGET_TRANSITIONS, FORGET_USAGE]
    conversations = [
        TRANSCRIBE_CONVERSATION,
        FETCH_RECORDING,
        SILENCE_RECORDING,
        REDACT_RECORDING,
        FINISH_UPLOAD,
        FORGET_UPLOADS,
        RUN_IMPORT_JOB,
        SWEEP_INCOMING_FILES,
    ]
    webhooks = [DELIVER, FORGET_DELIVERIES]
    erasures = [ERASE_CONVERSATIONS, REMOVE_DUE, SCRUB_DATABASE]
    return [*conversations, *erasures, *webhooks, *payments, *mails, *access, *events, *devices, prune_kind(KEPT_MS)]


def create_worker(services: Services) -> Worker[Services]:
    """Return the worker of all kinds of job."""
    jobs = services.settings.jobs
    return Worker(
        services,
        job_kinds(),
        concurrency={
            "default": jobs.default_concurrency,
            "speech": jobs.speech_concurrency,
            IMPORTS_QUEUE: jobs.imports_concurrency,
            WEBHOOKS_QUEUE: jobs.webhooks_concurrency,
        },
        owner=f"{socket.gethostname()}:{os.getpid()}",
        schedules=SCHEDULES,
    )


def create_sequencer(services: Services) -> Sequencer:
    """Return the sequencer of all tables that are numbered after the commit."""
    return Sequencer(services.db, [OUTBOX, CHANGES])


def create_rounds(services: Services) -> list[Rounds]:
    """Return what is looked after all the time."""
    return [*live_rounds(services), *usage_rounds(services), webhook_rounds(services)]


def work(settings: Settings, *, is_supervised: bool = False) -> None:
    """Run jobs until SIGTERM or SIGINT.

    Args:
        settings: jobs under way are given its grace to come to a point where they can be handed back.
        is_supervised: end when stdin does, too, which the supervising process holds open.

    Raises:
        SchemaTooNew, Gone, OSError: as `open_services`.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if is_supervised:
        threading.Thread(target=_wait_for_end_of_stdin, args=(stop,), daemon=True).start()
    services = open_services(settings)
    worker, sequencer, rounds = create_worker(services), create_sequencer(services), create_rounds(services)
    worker.start()
    sequencer.start()
    for one in rounds:
        one.start()
    log.info("working")
    stop.wait()
    log.info("stopping", grace_seconds=settings.shutdown_grace_seconds)
    all_ended = worker.stop(within_seconds=settings.shutdown_grace_seconds)
    for one in rounds:
        one.stop()
    sequencer.stop()
    if not all_ended:
        # What still runs has been handed back; its thread may be inside a native call that nothing can interrupt.
        os._exit(0)
    services.close_now()


def _wait_for_end_of_stdin(stop: threading.Event) -> None:
    # Not by sys.stdin: its lock, held here, would stop the interpreter from ending.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()
