"""Endpoints: made, changed, given a new secret, enabled again, deleted."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from callfloor.access import audit
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.foundation.outbox import Event, publish
from callfloor.webhooks.deliveries import cancel_pending
from callfloor.webhooks.tables import webhook_endpoint

ENDPOINTS_LIMIT = 50
"""Of one team."""

_e = webhook_endpoint.c
_this = (_e.team_id == param("team"), _e.id == param("endpoint"))
_columns = (
    _e.id,
    _e.url,
    _e.events,
    _e.description,
    _e.is_enabled,
    _e.disabled_reason,
    _e.previous_ends_at,
    _e.failures,
    _e.failing_since,
    _e.resumes_at,
    _e.created_at,
    _e.updated_at,
)
_all = select(*_columns).where(_e.team_id == param("team")).order_by(_e.id)
_one = select(*_columns).where(*_this)
_one_for_change = _one.with_for_update()
_add = insert(webhook_endpoint)
_change = (
    update(webhook_endpoint)
    .where(*_this)
    .values(
        url=param("new_url"),
        events=param("new_events", Json()),
        description=param("new_description"),
        is_enabled=param("enabled"),
        disabled_reason=param("reason"),
        failures=param("new_failures"),
        failing_since=param("since"),
        resumes_at=param("resumes"),
        updated_at=param("now"),
    )
)
_refresh = (
    update(webhook_endpoint)
    .where(*_this)
    .values(
        secret=param("new_secret"), previous_secret=_e.secret, previous_ends_at=param("ends"), updated_at=param("now")
    )
)
_remove = delete(webhook_endpoint).where(*_this)


class EndpointNotFound(DomainError):
    """The team has no such endpoint."""

    code = "webhook_not_found"
    status = 404


class TooManyEndpoints(DomainError):
    """The team has as many endpoints as it may have."""

    code = "too_many_webhooks"


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint without its secrets."""

    id: int
    url: str
    events: list[str]
    description: str | None
    is_enabled: bool
    disabled_reason: str | None
    previous_ends_at: Millis | None
    failures: int
    failing_since: Millis | None
    resumes_at: Millis | None
    created_at: Millis
    updated_at: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """A new endpoint, its address checked, its secret as it is kept."""

    team_id: int
    url: str
    events: Sequence[str]
    description: str | None
    secret: bytes
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeEndpoint:
    """What is to be as given; None stays as it is."""

    team_id: int
    endpoint_id: int
    actor: audit.Actor
    now: Millis
    url: str | None = None
    events: Sequence[str] | None = None
    description: str | None = None
    is_enabled: bool | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RefreshSecret:
    """A new secret, as it is kept; the old one still signs beside it until `previous_ends_at`."""

    team_id: int
    endpoint_id: int
    secret: bytes
    previous_ends_at: Millis
    actor: audit.Actor
    now: Millis


def endpoints_of(tx: Tx, team_id: int) -> list[Endpoint]:
    """Return the team's endpoints."""
    return [Endpoint(*row) for row in tx.all(_all, {"team": team_id})]


def endpoint_by_id(tx: Tx, team_id: int, endpoint_id: int, *, for_change: bool = False) -> Endpoint:
    """Return the endpoint.

    Raises:
        EndpointNotFound: the team has none with this id.
    """
    row = tx.one(_one_for_change if for_change else _one, {"team": team_id, "endpoint": endpoint_id})
    if row is None:
        raise EndpointNotFound(f"there is no webhook {endpoint_id} in this team")
    return Endpoint(*row)


def create_endpoint(tx: Tx, command: CreateEndpoint) -> Endpoint:
    """Make the endpoint.

    Raises:
        TooManyEndpoints: the team has 50.
    """
    if len(endpoints_of(tx, command.team_id)) >= ENDPOINTS_LIMIT:
        raise TooManyEndpoints(f"a team has at most {ENDPOINTS_LIMIT} webhooks; delete one first")
    endpoint_id = take_numbers(tx, "webhook_endpoint")
    tx.run(
        _add,
        {
            "team_id": command.team_id,
            "id": endpoint_id,
            "url": command.url,
            "events": sorted(command.events),
            "description": command.description,
            "is_enabled": True,
            "secret": command.secret,
            "failures": 0,
            "created_at": command.now,
            "updated_at": command.now,
        },
    )
    after = {"url": command.url, "events": sorted(command.events)}
    change = ChangeEndpoint(command.team_id, endpoint_id, command.actor, command.now)
    _record(tx, change, "webhook.created", after=after)
    return endpoint_by_id(tx, command.team_id, endpoint_id)


def change_endpoint(tx: Tx, command: ChangeEndpoint) -> Endpoint:
    """Change the endpoint; enabling it again forgets its failures, disabling it cancels what waits for it.

    Raises:
        EndpointNotFound: the team has none with this id.
    """
    old = endpoint_by_id(tx, command.team_id, command.endpoint_id, for_change=True)
    new = dataclasses.replace(
        old,
        url=old.url if command.url is None else command.url,
        events=old.events if command.events is None else sorted(command.events),
        description=old.description if command.description is None else command.description or None,
        is_enabled=old.is_enabled if command.is_enabled is None else command.is_enabled,
    )
    is_fresh = (new.is_enabled and not old.is_enabled) or new.url != old.url
    if is_fresh:
        new = dataclasses.replace(new, failures=0, failing_since=None, resumes_at=None)
    _write(tx, command.team_id, new, None if new.is_enabled else old.disabled_reason, command.now)
    if not new.is_enabled:
        cancel_pending(tx, command.team_id, command.endpoint_id, now=command.now)
    before, after = _differences(old, new)
    if after:
        _record(tx, command, "webhook.changed", before=before, after=after)
    return endpoint_by_id(tx, command.team_id, command.endpoint_id)


def disable_endpoint(tx: Tx, team_id: int, endpoint_id: int, reason: str, *, now: Millis) -> None:
    """Stop telling the endpoint anything, until somebody enables it again; what waits for it is canceled."""
    old = endpoint_by_id(tx, team_id, endpoint_id, for_change=True)
    if not old.is_enabled:
        return
    cancel_pending(tx, team_id, endpoint_id, now=now)
    _write(tx, team_id, dataclasses.replace(old, is_enabled=False, resumes_at=None), reason, now)
    change = ChangeEndpoint(team_id, endpoint_id, audit.SYSTEM, now)
    _record(tx, change, "webhook.disabled", before={"is_enabled": True}, after={"is_enabled": False, "reason": reason})


def refresh_secret(tx: Tx, command: RefreshSecret) -> Endpoint:
    """Give the endpoint a new secret.

    Raises:
        EndpointNotFound: the team has none with this id.
    """
    endpoint_by_id(tx, command.team_id, command.endpoint_id, for_change=True)
    key = {"team": command.team_id, "endpoint": command.endpoint_id}
    tx.run(_refresh, {**key, "new_secret": command.secret, "ends": command.previous_ends_at, "now": command.now})
    _record(tx, command, "webhook.secret_refreshed")
    return endpoint_by_id(tx, command.team_id, command.endpoint_id)


def delete_endpoint(tx: Tx, team_id: int, endpoint_id: int, *, actor: audit.Actor, now: Millis) -> None:
    """Delete the endpoint; what waits for it is canceled, what was delivered stays written down until it is pruned.

    Raises:
        EndpointNotFound: the team has none with this id.
    """
    old = endpoint_by_id(tx, team_id, endpoint_id, for_change=True)
    tx.run(_remove, {"team": team_id, "endpoint": endpoint_id})
    cancel_pending(tx, team_id, endpoint_id, now=now)
    _record(tx, ChangeEndpoint(team_id, endpoint_id, actor, now), "webhook.deleted", before={"url": old.url})


def _write(tx: Tx, team_id: int, new: Endpoint, reason: str | None, now: Millis) -> None:
    tx.run(
        _change,
        {
            "team": team_id,
            "endpoint": new.id,
            "new_url": new.url,
            "new_events": new.events,
            "new_description": new.description,
            "enabled": new.is_enabled,
            "reason": reason,
            "new_failures": new.failures,
            "since": new.failing_since,
            "resumes": new.resumes_at,
            "now": now,
        },
    )


def _differences(old: Endpoint, new: Endpoint) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [n for n in ("url", "events", "description", "is_enabled") if getattr(old, n) != getattr(new, n)]
    return {n: getattr(old, n) for n in names}, {n: getattr(new, n) for n in names}


def _record(
    tx: Tx,
    command: ChangeEndpoint | RefreshSecret,
    kind: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    subject = str(command.endpoint_id)
    change = audit.Change(command.team_id, kind, "webhook", subject, before=before, after=after)
    audit.note(tx, command.actor, change, now=command.now)
    payload = {"before": before, "after": after}
    publish(tx, Event(kind=kind, team_id=command.team_id, subject=subject, payload=payload, at=command.now))
