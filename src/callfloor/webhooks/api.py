"""`/api/v2/webhooks`: endpoints, their secrets, what was delivered to them, and redelivery by hand."""

from __future__ import annotations

import asyncio
import functools
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from pydantic import Field

from callfloor.access.audit import Actor
from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.secrets import encrypted
from callfloor.foundation.clock import HOUR, Millis, from_datetime, iso, iso_or_none
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import ID_LIMIT, Moment
from callfloor.foundation.outgoing import ADDRESS_PATTERN, AddressRefused, check_address, rules_of
from callfloor.foundation.web import Cursor, Facts, Limit, RequestFacts, Shape, cursor_after, position_of
from callfloor.webhooks.catalog import CATALOG, TEST_EVENT
from callfloor.webhooks.deliveries import (
    Happened,
    add_delivery,
    check_enabled,
    lock_endpoint,
    redeliver,
    redeliver_since,
)
from callfloor.webhooks.endpoints import (
    ChangeEndpoint,
    CreateEndpoint,
    Endpoint,
    EndpointNotFound,
    RefreshSecret,
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    endpoint_by_id,
    endpoints_of,
    refresh_secret,
)
from callfloor.webhooks.jobs import secret_context
from callfloor.webhooks.queries import NEWEST, Attempt, Delivery, deliveries_before, delivery_by_id
from callfloor.webhooks.signing import hex_secret, new_secret_bytes, standard_secret
from callfloor.webhooks.tables import DeliveryState

router = APIRouter(tags=["Webhooks"])

Reader = Annotated[Caller, needs(Scope.WEBHOOKS_READ)]
Writer = Annotated[Caller, needs(Scope.WEBHOOKS_WRITE)]
Id = Annotated[int, Path(ge=1, le=ID_LIMIT)]
DeliveryId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]+$")]
Url = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        examples=["https://hooks.company.example/callfloor"],
        json_schema_extra={"pattern": ADDRESS_PATTERN},
    ),
]
EventName = Annotated[str, Field(json_schema_extra={"enum": list(CATALOG)})]
Events = Annotated[list[EventName], Field(min_length=1, max_length=len(CATALOG), examples=[["call_analyzed"]])]
Description = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]*$")]


class WebhookShown(Shape):
    """An endpoint; `failures` counts failed attempts since the last that was taken."""

    id: int
    url: str
    events: list[str]
    description: str | None
    is_enabled: bool
    disabled_reason: str | None
    failures: int
    failing_since: str | None
    resumes_at: str | None = Field(description="Until then nothing is sent: it failed too often in a row.")
    previous_secret_ends_at: str | None
    created_at: str
    updated_at: str


class WebhookList(Shape):
    """Every endpoint of the team."""

    data: list[WebhookShown]


class NewWebhook(Shape):
    """An address that is told of events."""

    url: Url
    events: Events
    description: Description | None = None


class WebhookChanges(Shape):
    """What to change; what is left out stays."""

    url: Url | None = None
    events: Events | None = None
    description: Description | None = None
    is_enabled: bool | None = None


class WebhookSecret(Shape):
    """The secret in both forms; it is shown only here."""

    webhook: WebhookShown
    secret: str = Field(description="Hex: the key of kickscale-signature-hash is what this decodes to.")
    standard_secret: str = Field(description="For libraries of Standard Webhooks; the same bytes.")


class SecretRefresh(Shape):
    """How long the old secret still signs beside the new one, in `webhook-signature`."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class DeliveryShown(Shape):
    """One event for one endpoint."""

    id: str = Field(description="The header webhook-id of every attempt.")
    webhook_id: int
    event_type: str
    subject: str
    state: DeliveryState
    attempts: int
    created_at: str
    next_attempt_at: str | None
    finished_at: str | None


class DeliveryAttempt(Shape):
    """One request, and what came back: a status, or why none."""

    number: int
    at: str
    duration_ms: int
    request_headers: dict[str, str]
    status: int | None
    error: str | None
    answer_headers: dict[str, str] | None
    answer_body: str | None = Field(description="Its first 4,096 bytes.")


class DeliveryDetails(Shape):
    """A delivery, the very body that is sent, and each attempt."""

    delivery: DeliveryShown
    body: str
    attempts: list[DeliveryAttempt]


class DeliveryPage(Shape):
    """A page of deliveries, newest first."""

    data: list[DeliveryShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class RedeliveryBatch(Shape):
    """Which deliveries are to be tried anew: those that came about since then and ended so."""

    since: Moment = Field(strict=False)
    state: Literal["delivered", "failed", "canceled"] = "failed"


class Redelivered(Shape):
    """What is tried anew, oldest first; at most 1,000 at once."""

    data: list[str]


class DeliveryAdded(Shape):
    """The delivery that was added."""

    id: str


@router.get("/webhooks", operation_id="list_webhooks")
async def list_webhooks(facts: Facts, caller: Reader) -> WebhookList:
    """List the team's webhooks."""
    found = await facts.services.db.report(functools.partial(endpoints_of, team_id=caller.team_id))
    return WebhookList(data=[_shown(one) for one in found])


@router.post("/webhooks", operation_id="create_webhook", status_code=201)
async def create_webhook(body: NewWebhook, facts: Facts, caller: Writer) -> WebhookSecret:
    """Have an address told of events; its secret is shown only now."""
    await _check(facts, body.url, body.events)
    secret = new_secret_bytes()
    command = CreateEndpoint(
        caller.team_id,
        body.url,
        body.events,
        body.description,
        _kept(facts, caller.team_id, secret),
        caller.actor(facts),
        facts.now,
    )
    made = await facts.services.db.write(functools.partial(create_endpoint, command=command))
    return _with_secret(made, secret)


@router.get("/webhooks/{webhook_id}", operation_id="show_webhook")
async def show_webhook(webhook_id: Id, facts: Facts, caller: Reader) -> WebhookShown:
    """Show one webhook."""
    read = functools.partial(endpoint_by_id, team_id=caller.team_id, endpoint_id=webhook_id)
    return _shown(await facts.services.db.report(read))


@router.patch("/webhooks/{webhook_id}", operation_id="change_webhook")
async def change_webhook(webhook_id: Id, body: WebhookChanges, facts: Facts, caller: Writer) -> WebhookShown:
    """Change a webhook; enabling it again forgets its failures."""
    await _check(facts, body.url, body.events or ())
    is_emptied = body.description is None and "description" in body.model_fields_set
    command = ChangeEndpoint(
        caller.team_id,
        webhook_id,
        caller.actor(facts),
        facts.now,
        url=body.url,
        events=body.events,
        description="" if is_emptied else body.description,
        is_enabled=body.is_enabled,
    )
    return _shown(await facts.services.db.write(functools.partial(change_endpoint, command=command)))


@router.delete("/webhooks/{webhook_id}", operation_id="delete_webhook", status_code=204)
async def delete_webhook(webhook_id: Id, facts: Facts, caller: Writer) -> None:
    """Delete a webhook: it is told nothing more."""
    delete = functools.partial(
        delete_endpoint, team_id=caller.team_id, endpoint_id=webhook_id, actor=caller.actor(facts), now=facts.now
    )
    await facts.services.db.write(delete)


@router.post("/webhooks/{webhook_id}/secret", operation_id="refresh_webhook_secret")
async def refresh_webhook_secret(
    webhook_id: Id, facts: Facts, caller: Writer, body: SecretRefresh | None = None
) -> WebhookSecret:
    """Give a webhook a new secret; for a while the old one signs beside it."""
    secret = new_secret_bytes()
    overlap = (body or SecretRefresh()).overlap_hours * HOUR
    command = RefreshSecret(
        caller.team_id,
        webhook_id,
        _kept(facts, caller.team_id, secret),
        facts.now + overlap,
        caller.actor(facts),
        facts.now,
    )
    return _with_secret(await facts.services.db.write(functools.partial(refresh_secret, command=command)), secret)


@router.post("/webhooks/{webhook_id}/test", operation_id="test_webhook", status_code=202)
async def test_webhook(webhook_id: Id, facts: Facts, caller: Writer) -> DeliveryAdded:
    """Send the event `test`, signed and written down like any other."""
    add = functools.partial(
        _add_test, team_id=caller.team_id, endpoint_id=webhook_id, actor=caller.actor(facts), now=facts.now
    )
    return DeliveryAdded(id=await facts.services.db.write(add))


@router.get("/webhooks/{webhook_id}/deliveries", operation_id="list_webhook_deliveries")
async def list_webhook_deliveries(
    webhook_id: Id,
    facts: Facts,
    caller: Reader,
    state: Annotated[DeliveryState | None, Query(description="Only in this state.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """List what was, or is to be, delivered to a webhook, newest first."""
    (before,) = position_of(cursor, str) or (NEWEST,)

    def read(tx: Tx) -> list[Delivery]:
        endpoint_by_id(tx, caller.team_id, webhook_id)
        return deliveries_before(tx, caller.team_id, webhook_id, state=state, before=before, count=limit + 1)

    found = await facts.services.db.report(read)
    page = found[:limit]
    next_cursor = cursor_after(page[-1].id) if len(found) > limit else None
    return DeliveryPage(data=[_delivery(one) for one in page], next_cursor=next_cursor)


@router.post("/webhooks/{webhook_id}/redeliveries", operation_id="redeliver_webhooks", status_code=202)
async def redeliver_webhooks(webhook_id: Id, body: RedeliveryBatch, facts: Facts, caller: Writer) -> Redelivered:
    """Have deliveries of a webhook tried anew: the same ids, the same bytes."""

    def again(tx: Tx) -> list[str]:
        endpoint_by_id(tx, caller.team_id, webhook_id, for_change=True)
        since = from_datetime(body.since)
        state = DeliveryState(body.state)
        return redeliver_since(tx, caller.team_id, webhook_id, state=state, since=since, now=facts.now)

    return Redelivered(data=await facts.services.db.write(again))


@router.get("/webhook-deliveries/{delivery_id}", operation_id="show_webhook_delivery")
async def show_webhook_delivery(delivery_id: DeliveryId, facts: Facts, caller: Reader) -> DeliveryDetails:
    """Show a delivery, what is sent, and each attempt."""
    read = functools.partial(delivery_by_id, team_id=caller.team_id, delivery_id=delivery_id)
    delivery, body, attempts = await facts.services.db.report(read)
    return DeliveryDetails(delivery=_delivery(delivery), body=body, attempts=[_attempt(one) for one in attempts])


@router.post("/webhook-deliveries/{delivery_id}/redelivery", operation_id="redeliver_webhook", status_code=202)
async def redeliver_webhook(delivery_id: DeliveryId, facts: Facts, caller: Writer) -> DeliveryAdded:
    """Have a delivery that has ended tried anew: the same id, the same bytes."""
    again = functools.partial(redeliver, team_id=caller.team_id, delivery_id=delivery_id, now=facts.now)
    await facts.services.db.write(again)
    return DeliveryAdded(id=delivery_id)


async def _check(facts: RequestFacts, url: str | None, events: Any) -> None:
    unknown = sorted(set(events) - set(CATALOG))
    if unknown:
        raise invalid("events", f"{unknown[0][:64]!r} is no event; the catalog at /api/v2/webhook-events names them")
    if url is not None:
        try:
            await asyncio.to_thread(check_address, url, rules_of(facts.services.settings))
        except AddressRefused as error:
            raise invalid("url", error.message) from None


def _kept(facts: RequestFacts, team_id: int, secret: bytes) -> bytes:
    return encrypted(secret, key=facts.services.settings.hash_key, context=secret_context(team_id))


def _add_test(tx: Tx, team_id: int, endpoint_id: int, actor: Actor, now: Millis) -> str:
    if not lock_endpoint(tx, team_id, endpoint_id):
        raise EndpointNotFound(f"there is no webhook {endpoint_id} in this team")
    check_enabled(tx, team_id, endpoint_id)
    content = {"id": str(endpoint_id), "occurred_at": iso(now), "sent_by": actor.name}
    return add_delivery(tx, endpoint_id, Happened(team_id, TEST_EVENT, f"test {now}", content, now))


def _with_secret(made: Endpoint, secret: bytes) -> WebhookSecret:
    return WebhookSecret(webhook=_shown(made), secret=hex_secret(secret), standard_secret=standard_secret(secret))


def _shown(one: Endpoint) -> WebhookShown:
    return WebhookShown(
        id=one.id,
        url=one.url,
        events=one.events,
        description=one.description,
        is_enabled=one.is_enabled,
        disabled_reason=one.disabled_reason,
        failures=one.failures,
        failing_since=iso_or_none(one.failing_since),
        resumes_at=iso_or_none(one.resumes_at),
        previous_secret_ends_at=iso_or_none(one.previous_ends_at),
        created_at=iso(one.created_at),
        updated_at=iso(one.updated_at),
    )


def _delivery(one: Delivery) -> DeliveryShown:
    return DeliveryShown(
        id=one.id,
        webhook_id=one.endpoint_id,
        event_type=one.event_type,
        subject=one.subject,
        state=DeliveryState(one.state),
        attempts=one.attempts,
        created_at=iso(one.created_at),
        next_attempt_at=iso_or_none(one.next_at),
        finished_at=iso_or_none(one.finished_at),
    )


def _attempt(one: Attempt) -> DeliveryAttempt:
    return DeliveryAttempt(**{**msgspec.to_builtins(one), "at": iso(one.at)})
