"""Endpoints, what is to be delivered to them, and each attempt to do so."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class DeliveryState(enum.StrEnum):
    """pending → delivered | failed | canceled; redelivery leads back to pending."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"


class WebhookEndpointColumns(TypedColumns):
    """An address that is told of some events; secrets are encrypted."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    url: Column[str] = Column(Text)
    events: Column[Any] = Column(Json)
    """Names of the catalog."""
    description: Column[str | None] = Column(Text, nullable=True)
    is_enabled: Column[bool] = Column(Boolean)
    disabled_reason: Column[str | None] = Column(Text, nullable=True)
    secret: Column[bytes] = Column(LargeBinary)
    previous_secret: Column[bytes | None] = Column(LargeBinary, nullable=True)
    previous_ends_at: Column[int | None] = Column(Instant, nullable=True)
    failures: Column[int] = Column(Integer)
    """Failed attempts since the last one that was taken."""
    failing_since: Column[int | None] = Column(Instant, nullable=True)
    resumes_at: Column[int | None] = Column(Instant, nullable=True)
    """Until then nothing is sent: it failed too often in a row."""
    created_at: Column[int] = Column(Instant)
    updated_at: Column[int] = Column(Instant)


webhook_endpoint = Table("webhook_endpoint", metadata, WebhookEndpointColumns)


class WebhookDeliveryColumns(TypedColumns):
    """One event for one endpoint; ids are in the order of the events."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    endpoint_id: Column[int] = Column(BigInteger)
    event_type: Column[str] = Column(Text)
    subject: Column[str] = Column(Text)
    """What the event is about; events of one subject are delivered one after the other."""
    body: Column[str] = Column(Text)
    """The very bytes that are sent, each time."""
    state: Column[str] = Column(Text)
    priority: Column[int] = Column(Integer)
    """Of its jobs; what waits of a subject is as urgent as the most urgent of it."""
    attempts: Column[int] = Column(Integer)
    created_at: Column[int] = Column(Instant)
    retry_until: Column[int] = Column(Instant)
    next_at: Column[int | None] = Column(Instant, nullable=True)
    finished_at: Column[int | None] = Column(Instant, nullable=True)


webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    WebhookDeliveryColumns,
    Index(None, "team_id", "endpoint_id", "state", "id"),
    Index(None, "team_id", "endpoint_id", "subject", "state", "id"),
    Index(None, "team_id", "subject"),
    Index(None, "finished_at"),
)


class WebhookAttemptColumns(TypedColumns):
    """One request, and what came back: a status, or why none."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    delivery_id: Column[str] = Column(Text, primary_key=True)
    number: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    at: Column[int] = Column(Instant)
    duration_ms: Column[int] = Column(Integer)
    request_headers: Column[Any] = Column(Json)
    status: Column[int | None] = Column(Integer, nullable=True)
    error: Column[str | None] = Column(Text, nullable=True)
    answer_headers: Column[Any | None] = Column(Json, nullable=True)
    answer_body: Column[str | None] = Column(Text, nullable=True)
    """Its beginning."""


webhook_attempt = Table("webhook_attempt", metadata, WebhookAttemptColumns)
