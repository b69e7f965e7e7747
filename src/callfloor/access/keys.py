"""Keys of the public APIs: made, shown, changed, deleted everywhere at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import delete, select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.access.key_secrets import SecretAtRest, add_secret, remove_secrets
from callfloor.access.key_views import KeyNotFound, KeyView, key_by_id
from callfloor.access.networks import checked_networks
from callfloor.access.tables import KeyKind, access_key, access_key_notice
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Json, Tx, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.fields import checked_name
from callfloor.foundation.numbers import take_numbers

NAME_MAX_LENGTH = 64
CONVERSATIONS_KEY_LIFE: Millis = 365 * DAY
LONGEST_LIFE: Millis = 3650 * DAY
"""Of a key of the other kinds, when it is to expire at all."""

_k = access_key.c
_this = (_k.team_id == param("team_id"), _k.id == param("key_id"))
_add = (
    upsert(access_key)
    .values(
        team_id=param("team_id"),
        id=param("id"),
        kind=param("kind"),
        name=param("name"),
        scopes=param("scopes", Json()),
        made_by_account_id=param("made_by_account_id"),
        created_at=param("created_at"),
        expires_at=param("expires_at"),
        networks=param("networks", Json()),
    )
    .on_conflict_do_nothing(index_elements=["team_id", "kind", "name"])
    .returning(_k.id)
)
_remove = delete(access_key).where(*_this).returning(_k.kind, _k.name)
_forget_notices = delete(access_key_notice).where(
    access_key_notice.c.team_id == param("team_id"), access_key_notice.c.key_id == param("key_id")
)
_named = select(_k.id).where(_k.team_id == param("team_id"), _k.kind == param("kind"), _k.name == param("name"))
_change = (
    update(access_key)
    .where(*_this)
    .values(name=param("name"), networks=param("networks", Json()), expires_at=param("new_expires_at"))
)
_use = (
    update(access_key)
    .where(*_this, (_k.last_used_at < param("used_at")) | _k.last_used_at.is_(None))
    .values(last_used_at=param("used_at"))
)


class KeyNameTaken(DomainError):
    """Another key of this kind has the name."""

    code = "key_name_taken"


class KeyExpiryFixed(DomainError):
    """Only rotating it gives a key of the Conversations API another end."""

    code = "key_expiry_fixed"


@dataclasses.dataclass(frozen=True, slots=True)
class CreateKey:
    """A key to be made; the secret itself never reaches the database."""

    team_id: int
    kind: KeyKind
    name: str
    secret_hash: bytes
    actor: audit.Actor
    now: Millis
    made_by_account_id: int | None = None
    scopes: tuple[str, ...] | None = None
    """Of a key of the Callfloor API."""
    networks: tuple[str, ...] | None = None
    """From where it may be used; None is from everywhere."""
    prefix: str = ""
    """The first characters of the secret."""
    expires_at: Millis | None = None
    """None is never, and a year from now for a key of the Conversations API."""


@dataclasses.dataclass(frozen=True, slots=True)
class CreatedKey:
    """What a new key is known by."""

    id: int
    name: str
    expires_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeKey:
    """Another name, other networks, another end, or all of them; None leaves the name as it is."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis
    name: str | None = None
    networks: tuple[str, ...] | None = None
    """Counts only with `sets_networks`."""
    sets_networks: bool = False
    expires_at: Millis | None = None
    """Counts only with `sets_expiry`."""
    sets_expiry: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteKey:
    """A key to be deleted."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis


def create_key(tx: Tx, command: CreateKey) -> CreatedKey:
    """Make the key; one of the Conversations API lives one year at most.

    Raises:
        InvalidInput: the name is empty, too long, or holds a colon or a control character; a network is none; the end
            is not to come, or too far away.
        KeyNameTaken: the team has a key of this kind with this name.
    """
    name, networks = _checked_name(command.name), checked_networks(command.networks)
    expires_at = _checked_expiry(command.kind, command.expires_at, now=command.now)
    key_id = take_numbers(tx, "access_key")
    added = tx.one(
        _add,
        {
            "team_id": command.team_id,
            "id": key_id,
            "kind": command.kind.value,
            "name": name,
            "scopes": command.scopes,
            "made_by_account_id": command.made_by_account_id,
            "created_at": command.now,
            "expires_at": expires_at,
            "networks": networks,
        },
    )
    if added is None:
        raise _taken(command.kind, name)
    add_secret(tx, command.team_id, key_id, SecretAtRest(command.secret_hash, command.prefix), now=command.now)
    after: dict[str, Any] = {"kind": command.kind.value, "name": name, "expires_at": expires_at}
    if networks is not None:
        after["networks"] = networks
    _tell(tx, command, key_id, "key.created", after=after)
    return CreatedKey(key_id, name, expires_at)


def change_key(tx: Tx, command: ChangeKey) -> KeyView:
    """Rename the key, bind it to networks or move its end; of two names only the new one works from this commit on.

    Raises:
        KeyNotFound: the team has no such key.
        InvalidInput, KeyNameTaken: as `create_key`.
        KeyExpiryFixed: the end of a key of the Conversations API is not moved, but by rotating it.
    """
    # The counter's row is held by everybody who gives a name, until they commit: two cannot take the same one at once.
    take_numbers(tx, "access_key")
    key = key_by_id(tx, command.team_id, command.key_id)
    name = key.name if command.name is None else _checked_name(command.name)
    networks = checked_networks(command.networks) if command.sets_networks else key.networks
    expires_at = _changed_expiry(key, command) if command.sets_expiry else key.expires_at
    changed = dataclasses.replace(key, name=name, networks=networks, expires_at=expires_at)
    before, after = _differences(key, changed)
    if not after:
        return key
    taken = tx.one(_named, {"team_id": command.team_id, "kind": key.kind.value, "name": name})
    if taken is not None and taken[0] != key.id:
        raise _taken(key.kind, name)
    this = {"team_id": command.team_id, "key_id": key.id}
    tx.run(_change, {**this, "name": name, "networks": networks, "new_expires_at": expires_at})
    _tell(tx, command, key.id, "key.changed", before=before, after=after)
    return changed


def delete_key(tx: Tx, command: DeleteKey) -> None:
    """Delete the key; from this commit on every process refuses it, since each request looks it up.

    Raises:
        KeyNotFound: the team has no such key.
    """
    this = {"team_id": command.team_id, "key_id": command.key_id}
    removed = tx.one(_remove, this)
    if removed is None:
        raise KeyNotFound(f"there is no key {command.key_id} in this team")
    remove_secrets(tx, command.team_id, command.key_id)
    tx.run(_forget_notices, this)
    _tell(tx, command, command.key_id, "key.deleted", before={"kind": removed[0], "name": removed[1]})


def record_uses(tx: Tx, uses: dict[tuple[int, int], Millis]) -> None:
    """Write when keys (team id, key id) were last used; of several processes the newest wins."""
    # In one order everywhere, so that two processes never wait for each other.
    rows = [{"team_id": team, "key_id": key, "used_at": at} for (team, key), at in sorted(uses.items())]
    tx.run(_use, rows)


def _tell(
    tx: Tx,
    command: CreateKey | ChangeKey | DeleteKey,
    key_id: int,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    change = audit.Change(command.team_id, action, "key", str(key_id), before=before, after=after)
    record_change(tx, command.actor, change, now=command.now)


def _taken(kind: KeyKind, name: str) -> KeyNameTaken:
    return KeyNameTaken(f"a key named {name!r} of the kind {kind.value} exists already; choose another name")


def _checked_name(name: str) -> str:
    if ":" in name:
        raise invalid("name", "must have no colon: it stands between name and secret")
    return checked_name("name", name, limit=NAME_MAX_LENGTH)


def _checked_expiry(kind: KeyKind, expires_at: Millis | None, *, now: Millis) -> Millis | None:
    is_conversations = kind is KeyKind.CONVERSATIONS
    longest = CONVERSATIONS_KEY_LIFE if is_conversations else LONGEST_LIFE
    if expires_at is None:
        return now + longest if is_conversations else None
    if not now < expires_at <= now + longest:
        raise invalid("expires_at", f"must be to come, and at most {longest // DAY} days away")
    return expires_at


def _changed_expiry(key: KeyView, command: ChangeKey) -> Millis | None:
    if key.kind is KeyKind.CONVERSATIONS:
        raise KeyExpiryFixed("a key of the Conversations API lives one year: rotate it to begin another")
    return _checked_expiry(key.kind, command.expires_at, now=command.now)


def _differences(key: KeyView, changed: KeyView) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in ("expires_at", "name", "networks") if getattr(key, name) != getattr(changed, name)]
    return {name: getattr(key, name) for name in names}, {name: getattr(changed, name) for name in names}
