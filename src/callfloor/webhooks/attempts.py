"""One attempt at a delivery, from what is sent to what follows from its answer."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import func, insert, select, update

from callfloor.foundation.clock import DAY, HOUR, MINUTE, SECOND, Millis, from_datetime
from callfloor.foundation.database import Tx, param
from callfloor.webhooks.deliveries import BLANK, PAUSES, RETRIED_FOR, Line, give_turn, lock_endpoint
from callfloor.webhooks.endpoints import disable_endpoint
from callfloor.webhooks.tables import DeliveryState, webhook_attempt, webhook_delivery, webhook_endpoint

FAILURES_TO_PAUSE = 5
"""Failed attempts in a row after which an endpoint is left alone for a while."""
LONGEST_PAUSE: Millis = HOUR
_FIRST_PAUSE: Millis = MINUTE
_UNTRIED_PAUSE: Millis = HOUR
LONGEST_RETRY_AFTER: Millis = 6 * HOUR
DEAF_FOR: Millis = 2 * DAY
"""An endpoint that took nothing for so long is disabled when a delivery to it is given up."""

_PENDING, _DELIVERED, _FAILED = (
    state.value for state in (DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.FAILED)
)
_e, _d, _a = webhook_endpoint.c, webhook_delivery.c, webhook_attempt.c
_this = (_d.team_id == param("team"), _d.id == param("delivery"))
_sending = (
    select(
        _d.id,
        _d.body,
        _d.next_at,
        _d.retry_until,
        _e.url,
        _e.secret,
        _e.previous_secret,
        _e.previous_ends_at,
        _e.resumes_at,
    )
    .join_from(webhook_delivery, webhook_endpoint, (_e.team_id == _d.team_id) & (_e.id == _d.endpoint_id))
    .where(
        _d.team_id == param("team"),
        _d.endpoint_id == param("endpoint"),
        _d.subject == param("about"),
        _d.state == _PENDING,
    )
    .order_by(_d.id)
    .limit(1)
)
_count_attempt = (
    update(webhook_delivery)
    .where(*_this)
    .values(attempts=_d.attempts + 1)
    .returning(_d.attempts, _d.body == BLANK, _d.retry_until)
)
_add_attempt = insert(webhook_attempt)
_attempts_since = select(func.count()).where(
    _a.team_id == param("team"), _a.delivery_id == param("delivery"), _a.at >= param("begun")
)
_end = (
    update(webhook_delivery)
    .where(*_this, _d.state == _PENDING)
    .values(state=param("new_state"), next_at=None, finished_at=param("ended_at"))
)
_postpone = update(webhook_delivery).where(*_this, _d.state == _PENDING).values(next_at=param("again_at"))
_count_success = (
    update(webhook_endpoint)
    .where(_e.team_id == param("team"), _e.id == param("endpoint"))
    .values(failures=0, failing_since=None, resumes_at=None)
)
_health = select(_e.failures, _e.failing_since).where(_e.team_id == param("team"), _e.id == param("endpoint"))
_count_failure = (
    update(webhook_endpoint)
    .where(_e.team_id == param("team"), _e.id == param("endpoint"))
    .values(failures=param("count"), failing_since=param("since"), resumes_at=param("resumes"))
)


@dataclasses.dataclass(frozen=True, slots=True)
class Sending:
    """A delivery that waits to be sent, and where to: none waits for an endpoint that is disabled or deleted."""

    id: str
    body: str
    next_at: Millis | None
    retry_until: Millis
    url: str
    secret: bytes
    previous_secret: bytes | None
    previous_ends_at: Millis | None
    resumes_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class Attempted:
    """One attempt; a status, or the error because of which there is none."""

    line: Line
    delivery_id: str
    at: Millis
    now: Millis
    request_headers: Mapping[str, str]
    status: int | None = None
    error: str | None = None
    answer_headers: Mapping[str, str] | None = None
    answer_body: str | None = None
    duration_ms: int = 0
    retry_after: str = ""
    """That header of the answer."""
    jitter: float = 0.0
    """0..1, by which a pause is stretched up to a fifth."""

    @property
    def is_taken(self) -> bool:
        """Return whether the endpoint took it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def sending_of(tx: Tx, line: Line) -> Sending | None:
    """Return the first delivery of the line, if one waits to be sent."""
    row: Any = tx.one(_sending, {"team": line.team_id, "endpoint": line.endpoint_id, "about": line.subject})
    return None if row is None else Sending(*row)


def pass_turn(tx: Tx, line: Line, *, now: Millis) -> None:
    """End a turn in which nothing was to be sent; something may wait by now."""
    if lock_endpoint(tx, line.team_id, line.endpoint_id):
        give_turn(tx, line, now=now)


def postpone_delivery(tx: Tx, line: Line, delivery_id: str, *, at: Millis, now: Millis) -> None:
    """Leave a delivery for later, if it still waits."""
    exists = lock_endpoint(tx, line.team_id, line.endpoint_id)
    _postpone_until(tx, line, delivery_id, at)
    if exists:
        give_turn(tx, line, now=now)


def keep_trying(tx: Tx, line: Line, *, now: Millis) -> None:
    """Give a line whose job was given up another one; its first delivery has failed when its 72 hours are over."""
    if not lock_endpoint(tx, line.team_id, line.endpoint_id):
        return
    waiting = sending_of(tx, line)
    if waiting is None:
        return
    if now + _UNTRIED_PAUSE <= waiting.retry_until:
        _postpone_until(tx, line, waiting.id, now + _UNTRIED_PAUSE)
    else:
        _finish(tx, line, waiting.id, _FAILED, now=now)
    give_turn(tx, line, now=now)


def record_attempt(tx: Tx, done: Attempted) -> None:
    """Write the attempt down, and what follows: the end, another attempt, a pause of the endpoint, or its end.

    410 disables the endpoint at once: it asked for it. So does a delivery that is given up after 72 hours, if the
    endpoint took nothing else for two days.
    """
    exists = lock_endpoint(tx, done.line.team_id, done.line.endpoint_id)
    retry_until = _write_down(tx, done)
    if done.is_taken:
        tx.run(_count_success, {"team": done.line.team_id, "endpoint": done.line.endpoint_id})
        _finish(tx, done.line, done.delivery_id, _DELIVERED, now=done.now)
    elif exists and retry_until is not None:
        _follow_failure(tx, done, retry_until)
    if exists:
        give_turn(tx, done.line, now=done.now)


def _write_down(tx: Tx, done: Attempted) -> Millis | None:
    """Write the attempt down; returns until when the delivery is tried, or None where it was forgotten."""
    team_id = done.line.team_id
    counted = tx.one(_count_attempt, {"team": team_id, "delivery": done.delivery_id})
    if counted is None:
        return None
    number, is_erased, retry_until = counted
    tx.run(
        _add_attempt,
        {
            "team_id": team_id,
            "delivery_id": done.delivery_id,
            "number": number,
            "at": done.at,
            "duration_ms": done.duration_ms,
            "request_headers": done.request_headers,
            "status": done.status,
            "error": done.error,
            # What was answered may repeat what was said.
            "answer_headers": None if is_erased else done.answer_headers,
            "answer_body": None if is_erased else done.answer_body,
        },
    )
    return retry_until


def _follow_failure(tx: Tx, done: Attempted, retry_until: Millis) -> None:
    line, delivery_id, now = done.line, done.delivery_id, done.now
    key = {"team": line.team_id, "endpoint": line.endpoint_id}
    health = tx.one(_health, key) or (0, None)
    failures, since = health[0] + 1, done.at if health[1] is None else health[1]
    resumes = now + _pause_of_endpoint(failures) if failures >= FAILURES_TO_PAUSE else None
    tx.run(_count_failure, {**key, "count": failures, "since": since, "resumes": resumes})
    if done.status == HTTPStatus.GONE:
        _finish(tx, line, delivery_id, _FAILED, now=now)
        disable_endpoint(tx, line.team_id, line.endpoint_id, "it answered 410 Gone", now=now)
        return
    begun = retry_until - RETRIED_FOR
    pause = round(_pause_of_delivery(tx, line.team_id, delivery_id, begun=begun) * (1 + done.jitter / 5))
    at = now + max(pause, min(_retry_after(done.retry_after, now), LONGEST_RETRY_AFTER))
    if at <= retry_until:
        _postpone_until(tx, line, delivery_id, at)
        return
    _finish(tx, line, delivery_id, _FAILED, now=now)
    if now - since >= DEAF_FOR:
        disable_endpoint(tx, line.team_id, line.endpoint_id, "nothing was taken for days", now=now)


def _pause_of_delivery(tx: Tx, team_id: int, delivery_id: str, *, begun: Millis) -> Millis:
    """Return how long to wait after the last attempt; those from before it was begun, or begun anew, do not count."""
    row = tx.one(_attempts_since, {"team": team_id, "delivery": delivery_id, "begun": begun})
    tried = 0 if row is None else row[0]
    return PAUSES[min(max(tried, 1), len(PAUSES)) - 1]


def _pause_of_endpoint(failures: int) -> Millis:
    doublings: int = min(failures - FAILURES_TO_PAUSE, 10)
    return min(_FIRST_PAUSE << doublings, LONGEST_PAUSE)


def _retry_after(text: str, now: Millis) -> Millis:
    """Return for how long to wait, told in seconds or by a date."""
    if text.isascii() and text.isdigit():
        return int(text) * SECOND if len(text) < 8 else 0
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0
    return max(0, from_datetime(until.replace(tzinfo=until.tzinfo or datetime.UTC)) - now)


def _finish(tx: Tx, line: Line, delivery_id: str, state: str, *, now: Millis) -> None:
    """End the delivery, unless somebody else has ended it."""
    tx.run(_end, {"team": line.team_id, "delivery": delivery_id, "new_state": state, "ended_at": now})


def _postpone_until(tx: Tx, line: Line, delivery_id: str, at: Millis) -> None:
    tx.run(_postpone, {"team": line.team_id, "delivery": delivery_id, "again_at": at})
