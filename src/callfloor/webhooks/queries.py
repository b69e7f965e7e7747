"""Deliveries as people look at them: page by page, and one with its attempts."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import Integer, Select, select

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.webhooks.deliveries import DeliveryNotFound
from callfloor.webhooks.tables import DeliveryState, webhook_attempt, webhook_delivery

NEWEST = "~"
"""After every id."""

_d, _a = webhook_delivery.c, webhook_attempt.c
_columns = (
    _d.id,
    _d.endpoint_id,
    _d.event_type,
    _d.subject,
    _d.state,
    _d.attempts,
    _d.created_at,
    _d.next_at,
    _d.finished_at,
)
_one = select(*_columns, _d.body).where(_d.team_id == param("team"), _d.id == param("delivery"))
_attempts = (
    select(
        _a.number,
        _a.at,
        _a.duration_ms,
        _a.request_headers,
        _a.status,
        _a.error,
        _a.answer_headers,
        _a.answer_body,
    )
    .where(_a.team_id == param("team"), _a.delivery_id == param("delivery"))
    .order_by(_a.number)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery without its body."""

    id: str
    endpoint_id: int
    event_type: str
    subject: str
    state: str
    attempts: int
    created_at: Millis
    next_at: Millis | None
    finished_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class Attempt:
    """One request, and what came back."""

    number: int
    at: Millis
    duration_ms: int
    request_headers: dict[str, str]
    status: int | None
    error: str | None
    answer_headers: dict[str, str] | None
    answer_body: str | None


@functools.cache
def page_statement(*, in_state: bool) -> Select[*tuple[Any, ...]]:
    """Return the endpoint's deliveries before an id, newest first."""
    statement: Select[*tuple[Any, ...]] = select(*_columns).where(
        _d.team_id == param("team"), _d.endpoint_id == param("endpoint"), _d.id < param("before")
    )
    if in_state:
        statement = statement.where(_d.state == param("in_state"))
    return statement.order_by(_d.id.desc()).limit(param("take", Integer))


def deliveries_before(
    tx: Tx, team_id: int, endpoint_id: int, *, state: DeliveryState | None, before: str, count: int
) -> list[Delivery]:
    """Return up to `count` of the endpoint's deliveries, newest first."""
    params: dict[str, Any] = {"team": team_id, "endpoint": endpoint_id, "before": before, "take": count}
    if state is not None:
        params["in_state"] = state.value
    return [Delivery(*row) for row in tx.all(page_statement(in_state=state is not None), params)]


def delivery_by_id(tx: Tx, team_id: int, delivery_id: str) -> tuple[Delivery, str, list[Attempt]]:
    """Return the delivery, its body, and its attempts in their order.

    Raises:
        DeliveryNotFound: the team has none with this id.
    """
    own = {"team": team_id, "delivery": delivery_id}
    row: Any = tx.one(_one, own)
    if row is None:
        raise DeliveryNotFound(f"there is no delivery {delivery_id} in this team")
    return Delivery(*row[:-1]), row[-1], [Attempt(*one) for one in tx.all(_attempts, own)]
