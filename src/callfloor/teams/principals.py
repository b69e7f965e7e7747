"""Whose request it is: a key's secret is looked up with its team, once a request, from the database alone."""

from __future__ import annotations

import dataclasses
import hmac

from sqlalchemy import select

from callfloor.access.audit import Actor
from callfloor.access.networks import is_within
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, access_key, access_key_secret
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, param
from callfloor.teams.tables import team

_by_secret = (
    select(
        access_key.c.name,
        access_key.c.id,
        access_key.c.networks,
        access_key.c.made_by_account_id,
        team.c.id,
        team.c.type,
        team.c.payment,
        team.c.activity_billing,
        team.c.client_id,
    )
    .join_from(
        access_key_secret,
        access_key,
        (access_key.c.team_id == access_key_secret.c.team_id) & (access_key.c.id == access_key_secret.c.key_id),
    )
    .join(team, team.c.id == access_key.c.team_id)
    .where(
        access_key_secret.c.secret_hash == param("secret_hash"),
        access_key.c.kind == param("kind"),
        (access_key_secret.c.ends_at > param("now")) | access_key_secret.c.ends_at.is_(None),
        (access_key.c.expires_at > param("now")) | access_key.c.expires_at.is_(None),
    )
)


class KeyRefused(Exception):
    """No such key, or not with this name or client id, or not from there, or it has expired."""


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """From where and when a request came."""

    address: str
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class Principal:
    """The key a request came with, and its team."""

    key_kind: str
    key_name: str
    key_id: int
    made_by_account_id: int | None
    team_id: int
    team_type: str
    payment: str
    activity_billing: bool
    client_id: str

    def actor(self, *, request_id: str, address: str) -> Actor:
        """Return the key as the actor of an audit entry."""
        return Actor(f"{self.key_kind}_key", str(self.key_id), self.key_name, request_id, address)


async def portal_principal(db: Database, name: str, secret: str, *, hash_key: bytes, origin: Origin) -> Principal:
    """Return the Portal key with this secret and name.

    Raises:
        KeyRefused: there is none, its name is another, or it may not be used from there.
    """
    principal = await _principal(db, KeyKind.PORTAL, secret, hash_key, origin)
    if not hmac.compare_digest(principal.key_name.encode(), name.encode()):
        raise KeyRefused
    return principal


async def conversations_principal(
    db: Database, api_key: str, client_id: str, *, hash_key: bytes, origin: Origin
) -> Principal:
    """Return the Conversations key of this team.

    Raises:
        KeyRefused: there is none, it belongs to another client id, its year is over, or it may not be used from there.
    """
    principal = await _principal(db, KeyKind.CONVERSATIONS, api_key, hash_key, origin)
    if not hmac.compare_digest(principal.client_id.encode(), client_id.encode()):
        raise KeyRefused
    return principal


async def _principal(db: Database, kind: KeyKind, secret: str, hash_key: bytes, origin: Origin) -> Principal:
    params = {"secret_hash": keyed_hash(secret, key=hash_key), "kind": kind.value, "now": origin.now}
    rows = await db.read(_by_secret, params)
    if not rows:
        raise KeyRefused
    name, key_id, networks, made_by, team_id, team_type, payment, activity, client_id = rows[0]
    if networks is not None and not is_within(origin.address, networks):
        raise KeyRefused
    return Principal(kind.value, name, key_id, made_by, team_id, team_type, payment, activity, client_id)
