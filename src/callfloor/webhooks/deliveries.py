"""What is to be delivered: an event becomes one delivery for each endpoint that wants it, and a subject waits its turn.

Of one subject an endpoint is sent one delivery after the other, the oldest that waits first: one job at a time makes
one attempt, and its end adds the next job while anything waits. The row of the endpoint is locked by whoever adds
deliveries or ends such a job, so that no turn is missed, and none is given twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Integer, delete, func, insert, select, update

from callfloor.foundation.clock import HOUR, SECOND, Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import USUAL_PRIORITY, Enqueue, enqueue, hasten
from callfloor.webhooks.catalog import CATALOG, EventType
from callfloor.webhooks.tables import DeliveryState, webhook_attempt, webhook_delivery, webhook_endpoint

DELIVER_WEBHOOK = "deliver_webhook"
QUEUE = "webhooks"
PAUSES: tuple[Millis, ...] = tuple(
    seconds * SECOND for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 43200, 57600, 57600)
)
"""After the first, second … failed attempt; together a little less than 72 hours."""
RETRIED_FOR: Millis = 72 * HOUR
REDELIVERED_AT_ONCE = 1000

BLANK = "{}"
"""The body of a delivery whose subject was erased."""
_PENDING, _CANCELED = DeliveryState.PENDING.value, DeliveryState.CANCELED.value
_e, _d, _a = webhook_endpoint.c, webhook_delivery.c, webhook_attempt.c
_listening = (
    select(_e.id, _e.events)
    .where(_e.team_id == param("team"), _e.is_enabled, _e.created_at <= param("at"))
    .order_by(_e.id)
    .with_for_update()
)
_lock_endpoint = select(_e.id).where(_e.team_id == param("team"), _e.id == param("endpoint")).with_for_update()
_is_enabled = select(_e.is_enabled).where(_e.team_id == param("team"), _e.id == param("endpoint"))
_newest = select(_d.id).where(_d.team_id == param("team")).order_by(_d.id.desc()).limit(1)
_add = insert(webhook_delivery)
_pending = (
    _d.team_id == param("team"),
    _d.endpoint_id == param("endpoint"),
    _d.subject == param("about"),
    _d.state == _PENDING,
)
_first_pending = select(_d.next_at, _d.priority).where(*_pending).order_by(_d.id).limit(1)
_most_urgent = select(func.min(_d.priority)).where(*_pending)
_one = select(_d.endpoint_id, _d.body == BLANK).where(_d.team_id == param("team"), _d.id == param("delivery"))
_again = (
    update(webhook_delivery)
    .where(_d.team_id == param("team"), _d.id == param("delivery"), _d.state != _PENDING, _d.body != BLANK)
    .values(
        state=_PENDING,
        priority=USUAL_PRIORITY,
        next_at=param("now"),
        retry_until=param("until"),
        finished_at=None,
    )
    .returning(_d.subject)
)
_cancel_all = (
    update(webhook_delivery)
    .where(_d.team_id == param("team"), _d.endpoint_id == param("endpoint"), _d.state == _PENDING)
    .values(state=_CANCELED, next_at=None, finished_at=param("now"))
)
_ended_since = (
    select(_d.id)
    .where(
        _d.team_id == param("team"),
        _d.endpoint_id == param("endpoint"),
        _d.state == param("in_state"),
        _d.created_at >= param("since"),
        _d.body != BLANK,
    )
    .order_by(_d.id)
    .limit(param("take", Integer))
)
_waiting_for = (
    select(_d.event_type, _d.endpoint_id)
    .where(_d.team_id == param("team"), _d.subject == param("about"), _d.state == _PENDING)
    .order_by(_d.id)
)
_of_subjects = select(_d.id).where(_d.team_id == param("team"), any_of(_d.subject, "subjects"))
_blank = (
    update(webhook_delivery).where(_d.team_id == param("team"), any_of(_d.id, "ids")).values(body=param("new_body"))
)
_cancel_some = (
    update(webhook_delivery)
    .where(_d.team_id == param("team"), any_of(_d.id, "ids"), _d.state == _PENDING)
    .values(state=_CANCELED, next_at=None, finished_at=param("now"))
)
_forget_answers = delete(webhook_attempt).where(_a.team_id == param("team"), any_of(_a.delivery_id, "ids"))


class DeliveryNotFound(DomainError):
    """The team has no such delivery."""

    code = "delivery_not_found"
    status = 404


class DeliveryPending(DomainError):
    """The delivery is still being tried."""

    code = "delivery_pending"


class EndpointDisabled(DomainError):
    """Nothing is sent to the endpoint until it is enabled again."""

    code = "webhook_disabled"


class DeliveryErased(DomainError):
    """What the delivery said was erased."""

    code = "delivery_erased"


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """What waits for an endpoint of one subject."""

    team_id: int
    endpoint_id: int
    subject: str


@dataclasses.dataclass(frozen=True, slots=True)
class Happened:
    """An event as endpoints are told of it: its type, what it is about, and what is said of it."""

    team_id: int
    type: EventType
    subject: str
    content: Mapping[str, Any] | msgspec.Raw
    now: Millis
    priority: int = USUAL_PRIORITY
    """Of its deliveries."""


def deliver_event(  # to whom, of what, when
    tx: Tx,
    team_id: int,
    event_type: EventType,
    happened: Callable[[], Happened | None],
    *,
    at: Millis,
    only: Sequence[int] | None = None,
) -> int:
    """Add a delivery for each endpoint that wants such an event and was there when it happened; returns how many.

    Args:
        team_id: whose it is.
        event_type: what it is.
        happened: tells what happened, asked only when somebody wants to know; None when there is nothing to tell.
        at: when it happened.
        only: the endpoints that are told; all when left out.
    """
    listening = tx.all(_listening, {"team": team_id, "at": at})
    wanting = [id_ for id_, events in listening if event_type.name in events and (only is None or id_ in only)]
    event = happened() if wanting else None
    if event is None:
        return 0
    for endpoint_id in wanting:
        add_delivery(tx, endpoint_id, event)
    return len(wanting)


def add_delivery(tx: Tx, endpoint_id: int, event: Happened) -> str:
    """Add one delivery, to be sent in its turn; the endpoint's row is locked by the caller."""
    newest = tx.one(_newest, {"team": event.team_id})
    # Whoever told of the event before may have had a clock that is ahead.
    delivery_id = new_id(after=None if newest is None else newest[0])
    body = msgspec.json.encode({"eventType": event.type.name, event.type.key: event.content}).decode()
    tx.run(
        _add,
        {
            "team_id": event.team_id,
            "id": delivery_id,
            "endpoint_id": endpoint_id,
            "event_type": event.type.name,
            "subject": event.subject,
            "body": body,
            "state": _PENDING,
            "priority": event.priority,
            "attempts": 0,
            "created_at": event.now,
            "retry_until": event.now + RETRIED_FOR,
            "next_at": event.now,
        },
    )
    give_turn(tx, Line(event.team_id, endpoint_id, event.subject), now=event.now)
    return delivery_id


def lock_endpoint(tx: Tx, team_id: int, endpoint_id: int) -> bool:
    """Lock the endpoint's row; returns whether there is one."""
    return tx.one(_lock_endpoint, {"team": team_id, "endpoint": endpoint_id}) is not None


def check_enabled(tx: Tx, team_id: int, endpoint_id: int) -> None:
    """Refuse to send by hand what would be canceled at once.

    Raises:
        EndpointDisabled: somebody, or its failures, disabled it.
    """
    row = tx.one(_is_enabled, {"team": team_id, "endpoint": endpoint_id})
    if row is not None and not row[0]:
        raise EndpointDisabled(f"webhook {endpoint_id} is disabled; enable it first")


def give_turn(tx: Tx, line: Line, *, now: Millis) -> None:
    """Have the first delivery of the line tried when it is due; the endpoint's row is locked by the caller.

    The line has one unfinished job: one that waits, or stands in line, becomes as urgent as the most urgent of what
    waits for it; one that is under way is left alone, as its end is such a call.
    """
    pending = {"team": line.team_id, "endpoint": line.endpoint_id, "about": line.subject}
    first = tx.one(_first_pending, pending)
    if first is None:
        return
    at, key = max(first[0] or now, now), f"{line.team_id} {line.endpoint_id} {line.subject}"
    # Nothing is told as more urgent than usual: a line that begins with that, maybe a long one, is not looked through.
    urgent = tx.one(_most_urgent, pending) if first[1] > USUAL_PRIORITY else None
    priority = first[1] if urgent is None else urgent[0]
    if hasten(tx, DELIVER_WEBHOOK, key, run_at=at, priority=priority):
        return
    args = {"endpoint_id": line.endpoint_id, "subject": line.subject}
    order = Enqueue(kind=DELIVER_WEBHOOK, args=args, team_id=line.team_id, now=now, queue=QUEUE, run_at=at)
    enqueue(tx, dataclasses.replace(order, priority=priority, unique_key=key))


def redeliver(tx: Tx, team_id: int, delivery_id: str, *, now: Millis) -> None:
    """Have a delivery that has ended tried anew: the same id, the same bytes.

    Raises:
        DeliveryNotFound: the team has none with this id, or its endpoint is gone.
        DeliveryPending: it has not ended.
        DeliveryErased: nothing is left to be sent.
        EndpointDisabled: its endpoint is disabled.
    """
    own = {"team": team_id, "delivery": delivery_id}
    row = tx.one(_one, own)
    if row is None or not lock_endpoint(tx, team_id, row[0]):
        raise DeliveryNotFound(f"there is no delivery {delivery_id} in this team, or its webhook was deleted")
    check_enabled(tx, team_id, row[0])
    if _begin_anew(tx, team_id, row[0], delivery_id, now=now):
        return
    if tx.one(_one, own) == (row[0], True):
        raise DeliveryErased("what the delivery said was erased; nothing is left to be sent")
    raise DeliveryPending("the delivery is still being tried")


def redeliver_since(
    tx: Tx, team_id: int, endpoint_id: int, *, state: DeliveryState, since: Millis, now: Millis
) -> list[str]:
    """Have up to 1,000 deliveries of an endpoint tried anew that ended in a state; returns their ids, oldest first.

    The endpoint's row is locked by the caller.

    Raises:
        EndpointDisabled: the endpoint is disabled.
    """
    check_enabled(tx, team_id, endpoint_id)
    found = tx.all(
        _ended_since,
        {
            "team": team_id,
            "endpoint": endpoint_id,
            "in_state": state.value,
            "since": since,
            "take": REDELIVERED_AT_ONCE,
        },
    )
    return [delivery_id for (delivery_id,) in found if _begin_anew(tx, team_id, endpoint_id, delivery_id, now=now)]


def cancel_pending(tx: Tx, team_id: int, endpoint_id: int, *, now: Millis) -> None:
    """End every delivery that the endpoint still waits for."""
    tx.run(_cancel_all, {"team": team_id, "endpoint": endpoint_id, "now": now})


def erase_subjects(tx: Tx, team_id: int, subjects: Sequence[str], *, now: Millis) -> int:
    """Blank what was said of these subjects, sent or not, and what was answered; returns how many deliveries."""
    ids = [row[0] for row in tx.all(_of_subjects, {"team": team_id, "subjects": list(subjects)})]
    if ids:
        own = {"team": team_id, "ids": ids}
        # In this order: who redelivers one of them meanwhile is waited for by the first, and undone by the second.
        tx.run(_blank, {**own, "new_body": BLANK})
        tx.run(_cancel_some, {**own, "now": now})
        tx.run(_forget_answers, own)
    return len(ids)


def waiting_for(tx: Tx, team_id: int, subject: str) -> dict[str, list[int]]:
    """Return, by kind of event, which endpoints still wait to be told of it about a subject."""
    waiting: dict[str, list[int]] = {}
    for event_type, endpoint_id in tx.all(_waiting_for, {"team": team_id, "about": subject}):
        told = waiting.setdefault(CATALOG[event_type].kind, [])
        if endpoint_id not in told:
            told.append(endpoint_id)
    return waiting


def _begin_anew(tx: Tx, team_id: int, endpoint_id: int, delivery_id: str, *, now: Millis) -> bool:
    """Have a delivery tried anew if it has ended and says something; its endpoint's row is locked by the caller."""
    row = tx.one(_again, {"team": team_id, "delivery": delivery_id, "now": now, "until": now + RETRIED_FOR})
    if row is not None:
        give_turn(tx, Line(team_id, endpoint_id, row[0]), now=now)
    return row is not None
