"""The job that sends one delivery once, and the one that forgets old ones."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from functools import partial

from sqlalchemy import Integer, delete, select

from callfloor.access.secrets import decrypted
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.foundation.jobs import ClaimedJob, Daily, JobKind, RunningJob, Schedule, Verb
from callfloor.foundation.outgoing import AddressRefused, RequestFailed, rules_of, send
from callfloor.foundation.services import Services
from callfloor.webhooks.attempts import (
    Attempted,
    Sending,
    keep_trying,
    pass_turn,
    postpone_delivery,
    record_attempt,
    sending_of,
)
from callfloor.webhooks.deliveries import DELIVER_WEBHOOK, QUEUE, Line
from callfloor.webhooks.signing import signed_headers
from callfloor.webhooks.tables import webhook_attempt, webhook_delivery

ANSWER_SECONDS = 15.0
KEPT_ANSWER_BYTES = 4096
KEPT_FOR: Millis = 30 * DAY
_FORGOTTEN_AT_ONCE = 500

_d, _a = webhook_delivery.c, webhook_attempt.c
_old = (
    select(_d.team_id, _d.id)
    .where(_d.finished_at < param("before"))
    .order_by(_d.finished_at)
    .limit(param("take", Integer))
)
_forget = delete(webhook_delivery).where(_d.team_id == param("team"), any_of(_d.id, "ids"))
_forget_attempts = delete(webhook_attempt).where(_a.team_id == param("team"), any_of(_a.delivery_id, "ids"))


def deliver_webhook(job: RunningJob, services: Services) -> Verb:
    """Send the first delivery of a line; the returned verb writes down what came of it, and gives the next turn."""
    line = _line(job.claimed)
    waiting = services.db.read_now(partial(sending_of, line=line))
    now = job.now()
    if waiting is None or (waiting.next_at is not None and waiting.next_at > now):
        return partial(pass_turn, line=line, now=now)
    if waiting.resumes_at is not None and waiting.resumes_at > now:
        later = partial(postpone_delivery, line=line, delivery_id=waiting.id)
        return partial(later, at=waiting.resumes_at, now=now)
    job.progress("sending")
    done = _attempt(services, line, waiting, now)
    ended = job.now()
    duration_ms = ended - now if done.status is None else done.duration_ms
    return partial(record_attempt, done=dataclasses.replace(done, now=ended, duration_ms=duration_ms))


def give_up(job: ClaimedJob, _reason: str, now: Millis) -> Verb:
    """Leave the line to another job: with none it would wait for ever."""
    return partial(keep_trying, line=_line(job), now=now)


DELIVER: JobKind[Services] = JobKind(
    name=DELIVER_WEBHOOK,
    handler=deliver_webhook,
    queue=QUEUE,
    max_attempts=20,
    timeout_seconds=120,
    on_failed=give_up,
)


def webhook_keys(services: Services, team_id: int, waiting: Sending, now: Millis) -> list[bytes]:
    """Return the secrets that sign now: the present one, then the one before it while it still counts."""
    kept: list[bytes | None] = [waiting.secret]
    if waiting.previous_ends_at is not None and waiting.previous_ends_at > now:
        kept.append(waiting.previous_secret)
    key, context = services.settings.hash_key, secret_context(team_id)
    return [decrypted(one, key=key, context=context) for one in kept if one is not None]


def secret_context(team_id: int) -> str:
    """Return the context in which secrets of the team's endpoints are encrypted."""
    return f"webhook of team {team_id}"


def _line(job: ClaimedJob) -> Line:
    return Line(job.team_id or 0, int(job.args["endpoint_id"]), str(job.args["subject"]))


def _attempt(services: Services, line: Line, waiting: Sending, now: Millis) -> Attempted:
    body = waiting.body.encode()
    headers = signed_headers(waiting.id, body, webhook_keys(services, line.team_id, waiting, now), now=now)
    begun = Attempted(
        line=line,
        delivery_id=waiting.id,
        at=now,
        now=now,
        request_headers=headers,
        jitter=random.random(),  # noqa: S311  # spreads retries
    )
    try:
        answer = send(
            "POST",
            waiting.url,
            headers=headers,
            body=body,
            rules=rules_of(services.settings),
            seconds=ANSWER_SECONDS,
            keep_bytes=KEPT_ANSWER_BYTES,
        )
    except (AddressRefused, RequestFailed) as error:
        return dataclasses.replace(begun, error=str(error))
    return dataclasses.replace(
        begun,
        status=answer.status,
        duration_ms=answer.duration_ms,
        answer_headers=_first_of(answer.headers),
        answer_body=answer.body.decode(errors="replace").replace("\x00", "\ufffd"),
        retry_after=answer.headers.get("retry-after", ""),
    )


def _first_of(headers: Mapping[str, str]) -> dict[str, str]:
    kept, left = {}, KEPT_ANSWER_BYTES
    for name, value in headers.items():
        left -= len(name) + len(value)
        if left < 0:
            break
        kept[name] = value
    return kept


def forget_old_deliveries(job: RunningJob, services: Services) -> None:
    """Forget deliveries that ended more than 30 days ago, with their attempts."""
    before, done = job.now() - KEPT_FOR, 0
    while count := services.db.write_now(partial(_forget_some, before=before)):
        done += count
        job.progress("forgetting", done)


def _forget_some(tx: Tx, *, before: Millis) -> int:
    found = tx.all(_old, {"before": before, "take": _FORGOTTEN_AT_ONCE})
    by_team: dict[int, list[str]] = {}
    for team_id, delivery_id in found:
        by_team.setdefault(team_id, []).append(delivery_id)
    for team_id, ids in sorted(by_team.items()):
        own = {"team": team_id, "ids": ids}
        tx.run(_forget_attempts, own)
        tx.run(_forget, own)
    return len(found)


FORGET_DELIVERIES: JobKind[Services] = JobKind(name="forget_old_webhook_deliveries", handler=forget_old_deliveries)
FORGET_SCHEDULE = Schedule("forget_old_webhook_deliveries", FORGET_DELIVERIES.name, Daily(3, 40))
