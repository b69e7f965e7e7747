"""The secrets of keys at rest: one, and two while a key's secret is being replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy import Integer, delete, insert, select, tuple_, update

from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import access_key_secret
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param

PREFIX_LENGTH = 6

_s = access_key_secret.c
_of_key = (_s.team_id == param("team_id"), _s.key_id == param("key_id"))
_add = insert(access_key_secret)
_remove = delete(access_key_secret).where(*_of_key)
_remove_replaced = _remove.where(_s.ends_at.is_not(None)).returning(_s.prefix, _s.ends_at)
_replace = update(access_key_secret).where(*_of_key, _s.ends_at.is_(None)).values(ends_at=param("end"))
_of_keys = (
    select(_s.key_id, _s.prefix, _s.created_at, _s.ends_at)
    .where(_s.team_id == param("team_id"), any_of(_s.key_id, "key_ids"))
    .order_by(_s.key_id, _s.created_at.desc())
)


_ended = (
    select(_s.team_id, _s.key_id, _s.secret_hash)
    .where(_s.ends_at <= param("now"))
    .order_by(_s.ends_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
    .cte("ended")
)
_of_ended = tuple_(_s.team_id, _s.key_id, _s.secret_hash).in_(
    select(_ended.c.team_id, _ended.c.key_id, _ended.c.secret_hash)
)
_forget = delete(access_key_secret).where(_of_ended).returning(_s.key_id)


@dataclasses.dataclass(frozen=True, slots=True)
class SecretAtRest:
    """What is kept of a secret."""

    hash: bytes
    prefix: str


@dataclasses.dataclass(frozen=True, slots=True)
class SecretView:
    """What people may know of a secret."""

    prefix: str
    created_at: Millis
    ends_at: Millis | None
    """None for the one that has no successor."""


def secret_at_rest(secret: str, *, key: bytes) -> SecretAtRest:
    """Return what is kept of the secret."""
    return SecretAtRest(keyed_hash(secret, key=key), secret[:PREFIX_LENGTH])


def add_secret(tx: Tx, team_id: int, key_id: int, secret: SecretAtRest, *, now: Millis) -> None:
    """Give the key a secret."""
    tx.run(
        _add,
        {
            "team_id": team_id,
            "key_id": key_id,
            "secret_hash": secret.hash,
            "prefix": secret.prefix,
            "created_at": now,
            "ends_at": None,
        },
    )


def remove_secrets(tx: Tx, team_id: int, key_id: int) -> None:
    """Remove every secret of the key."""
    tx.run(_remove, {"team_id": team_id, "key_id": key_id})


def remove_replaced_secrets(tx: Tx, team_id: int, key_id: int) -> list[tuple[str, Millis | None]]:
    """Remove the secrets that have a successor; return prefix and end of each."""
    return tx.all(_remove_replaced, {"team_id": team_id, "key_id": key_id})


def replace_secret(tx: Tx, team_id: int, key_id: int, *, ends_at: Millis) -> None:
    """Let the secret in force end at this instant."""
    tx.run(_replace, {"team_id": team_id, "key_id": key_id, "end": ends_at})


def secrets_of(tx: Tx, team_id: int, key_ids: Sequence[int]) -> dict[int, list[SecretView]]:
    """Return the secrets of these keys, newest first."""
    found: dict[int, list[SecretView]] = {}
    for key_id, prefix, created_at, ends_at in tx.all(_of_keys, {"team_id": team_id, "key_ids": list(key_ids)}):
        found.setdefault(key_id, []).append(SecretView(prefix, created_at, ends_at))
    return found


def forget_ended_secrets(tx: Tx, *, now: Millis, count: int) -> int:
    """Forget up to `count` secrets that were replaced and have ended by themselves; return how many."""
    return len(tx.all(_forget, {"now": now, "count": count}))
