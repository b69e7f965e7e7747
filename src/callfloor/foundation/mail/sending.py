"""The job that sends a mail, and the verb that enqueues it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from typing import Any

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import (
    Enqueue,
    JobKind,
    JobState,
    PermanentFailure,
    RunningJob,
    enqueue,
    newest_jobs,
    unfinished_jobs,
)
from callfloor.foundation.mail.messages import Content, build_message
from callfloor.foundation.mail.smtp import MailNotSent, deliver, mail_server, sender_of
from callfloor.foundation.services import Services

SEND_MAIL = "send_mail"
NOT_SET = "CALLFLOOR_SMTP_URL is not set"
_LOOKED_AT = 500


@dataclasses.dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address; `args` say what it is about, by ids, and hold no secret."""

    to: str
    template: str
    args: Mapping[str, Any]
    team_id: int | None
    now: Millis
    unique_key: str | None = None
    """By which `waiting_in_vain` finds it."""


Renderer = Callable[[Services, int | None, Mapping[str, Any]], Content | None]
"""Given the team and the args of a mail, returns what it says, or None when it has lost its meaning."""


@dataclasses.dataclass(frozen=True, slots=True)
class WaitingMail:
    """How many mails were tried in vain and wait for another try, and why the newest of them failed."""

    count: int
    reason: str


def enqueue_mail(tx: Tx, mail: Mail) -> str:
    """Enqueue the mail; it is sent if, and only if, the transaction commits. Returns the job's id."""
    args = {"to": mail.to, "template": mail.template, "args": dict(mail.args)}
    command = Enqueue(kind=SEND_MAIL, args=args, team_id=mail.team_id, now=mail.now, unique_key=mail.unique_key)
    return enqueue(tx, command)


def waiting_in_vain(tx: Tx, unique_keys: Sequence[str]) -> list[str]:
    """Return the keys of those of the mails that were tried, could not be sent, and are tried again."""
    jobs = unfinished_jobs(tx, kind=SEND_MAIL, unique_keys=unique_keys)
    return [key for key, job in jobs.items() if job.errors]


def send_mail_kind(renderers: Mapping[str, Renderer]) -> JobKind[Services]:
    """Return the kind of job that sends mails of these templates.

    It is tried for about a week, at most every ten minutes in the end: a mail server may be away over a weekend.
    """

    def send_mail(running: RunningJob, services: Services) -> None:
        _send(running, services, renderers)

    return JobKind(SEND_MAIL, send_mail, max_attempts=2000, timeout_seconds=300, backoff_seconds=5)


def waiting_mail(tx: Tx) -> WaitingMail | None:
    """Return what is known of mails that could not be sent so far, or None when there is none."""
    jobs = [one for one in newest_jobs(tx, state=JobState.RETRYING, count=_LOOKED_AT) if one.kind == SEND_MAIL]
    if not jobs:
        return None
    errors = jobs[0].errors
    return WaitingMail(len(jobs), errors[-1]["error"] if errors else "")


def _send(running: RunningJob, services: Services, renderers: Mapping[str, Renderer]) -> None:
    template = renderers.get(running.args["template"])
    if template is None:
        raise PermanentFailure(f"there is no mail called {running.args['template']!r}")
    content = template(services, running.team_id, running.args["args"])
    if content is None:
        return
    server = mail_server(services.settings)
    if server is None:
        raise MailNotSent(NOT_SET)
    sender, to = sender_of(services.settings), running.args["to"]
    message = build_message(content, sender=sender, to=to, message_id=running.id, at=running.claimed.created_at)
    running.progress("sending")
    deliver(server, message, sender=parseaddr(sender)[1], to=to)
