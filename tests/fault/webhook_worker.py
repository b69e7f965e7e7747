"""A worker that tells endpoints what happens and dies at a chosen step; `kill_webhooks` starts it again and again."""

from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path
from random import Random

from pydantic import SecretStr

from callfloor.foundation.database import open_database
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Worker
from callfloor.foundation.outbox import OUTBOX
from callfloor.foundation.sequence import Sequencer
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Outgoing, Settings
from callfloor.server.webhooks import webhook_rounds
from callfloor.webhooks.deliveries import QUEUE
from callfloor.webhooks.jobs import DELIVER
from tests.fault.killing import DeadlyDatabase, Doom, pause

SECRET_KEY = "a key of the fault programs, thirty-two characters and more"
LEASE_SECONDS = 1.0
STEPS = (
    "number_batch: inside",
    "number_batch: after",
    "_handle: inside",
    "_handle: after",
    "claim: inside",
    "claim: after",
    "tell_progress: after",
    "complete: inside",
    "complete: after",
    "settle_one: after",
)
"""The last sign of progress is told before a request is sent; with the end of its job an attempt is written down."""


def settings_of(data: Path) -> Settings:
    """Return settings that let loopback be told."""
    loopback = ipaddress.IPv4Network("127.0.0.0/8")
    return Settings(
        data=data,
        secret_key=SecretStr(SECRET_KEY),
        outgoing=Outgoing(allowed_networks=(loopback,), plain_http=True),
    )


def run(url: str, data: str, doom: Doom, seed: int) -> None:
    """Number events, tell endpoints and send, until killed."""
    settings = settings_of(Path(data))
    db = DeadlyDatabase(open_database(url), doom)
    services = Services(settings, db, open_files(settings))
    # Each attempt of a job may be killed: what is looked at here is not how often it is tried.
    kind = dataclasses.replace(DELIVER, lease_seconds=LEASE_SECONDS, max_attempts=10_000)
    worker = Worker(
        services,
        [kind],
        concurrency={QUEUE: 3},
        owner="killed",
        poll_seconds=0.05,
        random=Random(seed),  # noqa: S311  # spreads retries
    )
    Sequencer(db, [OUTBOX], poll_seconds=0.05).start()
    webhook_rounds(services).start()
    worker.start()
    while True:
        pause(60)
