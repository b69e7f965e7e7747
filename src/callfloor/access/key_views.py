"""Keys as people may see them: one, a page, all of a team."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Integer, select

from callfloor.access.key_secrets import SecretView, secrets_of
from callfloor.access.tables import KeyKind, access_key
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError

_k = access_key.c
_of_team = select(
    _k.id,
    _k.kind,
    _k.name,
    _k.scopes,
    _k.networks,
    _k.made_by_account_id,
    _k.created_at,
    _k.expires_at,
    _k.last_used_at,
).where(_k.team_id == param("team_id"))
_by_id = _of_team.where(_k.id == param("key_id"))
_page = _of_team.where(_k.id > param("after")).order_by(_k.id).limit(param("count", Integer))
_all_of_team = _of_team.order_by(_k.id)


class KeyNotFound(DomainError):
    """The team has no such key."""

    code = "key_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class KeyView:
    """What people may know of a key."""

    id: int
    kind: KeyKind
    name: str
    scopes: tuple[str, ...] | None
    networks: tuple[str, ...] | None
    made_by_account_id: int | None
    created_at: Millis
    expires_at: Millis | None
    last_used_at: Millis | None
    """At most a minute behind."""
    secrets: tuple[SecretView, ...]
    """Newest first; two during a rotation. Those that have ended are among them until the next change."""


def keys_of_team(tx: Tx, team_id: int) -> list[KeyView]:
    """Return every key of the team, by id."""
    return _views(tx, team_id, tx.all(_all_of_team, {"team_id": team_id}))


def page_of_keys(tx: Tx, team_id: int, *, after: int, count: int) -> list[KeyView]:
    """Return the next keys of the team, by id."""
    return _views(tx, team_id, tx.all(_page, {"team_id": team_id, "after": after, "count": count}))


def key_by_id(tx: Tx, team_id: int, key_id: int) -> KeyView:
    """Return the key.

    Raises:
        KeyNotFound: the team has no such key.
    """
    rows = tx.all(_by_id, {"team_id": team_id, "key_id": key_id})
    if not rows:
        raise KeyNotFound(f"there is no key {key_id} in this team")
    return _views(tx, team_id, rows)[0]


def _views(tx: Tx, team_id: int, rows: list[Any]) -> list[KeyView]:
    secrets = secrets_of(tx, team_id, [row[0] for row in rows])
    return [
        KeyView(
            id=row[0],
            kind=KeyKind(row[1]),
            name=row[2],
            scopes=None if row[3] is None else tuple(row[3]),
            networks=None if row[4] is None else tuple(row[4]),
            made_by_account_id=row[5],
            created_at=row[6],
            expires_at=row[7],
            last_used_at=row[8],
            secrets=tuple(secrets.get(row[0], ())),
        )
        for row in rows
    ]
