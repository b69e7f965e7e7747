"""Keys of the public APIs: made, shown, changed, deleted everywhere at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Integer, delete, select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.access.key_secrets import SecretAtRest, SecretView, add_secret, remove_secrets, secrets_of
from callfloor.access.networks import checked_networks
from callfloor.access.tables import KeyKind, access_key, access_key_notice
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Json, Tx, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.fields import checked_name
from callfloor.foundation.numbers import take_numbers

NAME_MAX_LENGTH = 64
CONVERSATIONS_KEY_LIFE: Millis = 365 * DAY

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
_named = select(_k.id).where(_k.team_id == param("team_id"), _k.kind == param("kind"), _k.name == param("name"))
_change = update(access_key).where(*_this).values(name=param("name"), networks=param("networks", Json()))
_use = (
    update(access_key)
    .where(*_this, (_k.last_used_at < param("used_at")) | _k.last_used_at.is_(None))
    .values(last_used_at=param("used_at"))
)


class KeyNameTaken(DomainError):
    """Another key of this kind has the name."""

    code = "key_name_taken"


class KeyNotFound(DomainError):
    """The team has no such key."""

    code = "key_not_found"
    status = 404


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


@dataclasses.dataclass(frozen=True, slots=True)
class CreatedKey:
    """What a new key is known by."""

    id: int
    name: str
    expires_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeKey:
    """Another name, other networks, or both; None leaves the name as it is."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis
    name: str | None = None
    networks: tuple[str, ...] | None = None
    """Counts only with `sets_networks`."""
    sets_networks: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteKey:
    """A key to be deleted."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis


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


def create_key(tx: Tx, command: CreateKey) -> CreatedKey:
    """Make the key; one of the Conversations API lives one year.

    Raises:
        InvalidInput: the name is empty, too long, or holds a colon or a control character; a network is none.
        KeyNameTaken: the team has a key of this kind with this name.
    """
    name, networks = _checked_name(command.name), checked_networks(command.networks)
    expires_at = command.now + CONVERSATIONS_KEY_LIFE if command.kind is KeyKind.CONVERSATIONS else None
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
    """Rename the key or bind it to networks; of two names only the new one works from this commit on.

    Raises:
        KeyNotFound: the team has no such key.
        InvalidInput, KeyNameTaken: as `create_key`.
    """
    # The counter's row is held by everybody who gives a name, until they commit: two cannot take the same one at once.
    take_numbers(tx, "access_key")
    key = key_by_id(tx, command.team_id, command.key_id)
    name = key.name if command.name is None else _checked_name(command.name)
    networks = checked_networks(command.networks) if command.sets_networks else key.networks
    if (name, networks) == (key.name, key.networks):
        return key
    taken = tx.one(_named, {"team_id": command.team_id, "kind": key.kind.value, "name": name})
    if taken is not None and taken[0] != key.id:
        raise _taken(key.kind, name)
    tx.run(_change, {"team_id": command.team_id, "key_id": key.id, "name": name, "networks": networks})
    before, after = {"name": key.name, "networks": key.networks}, {"name": name, "networks": networks}
    changed = {field for field in after if before[field] != after[field]}
    _tell(
        tx,
        command,
        key.id,
        "key.changed",
        before={field: before[field] for field in sorted(changed)},
        after={field: after[field] for field in sorted(changed)},
    )
    return dataclasses.replace(key, name=name, networks=networks)


def delete_key(tx: Tx, command: DeleteKey) -> None:
    """Delete the key; from this commit on every process refuses it, since each request looks it up.

    Raises:
        KeyNotFound: the team has no such key.
    """
    this = {"team_id": command.team_id, "key_id": command.key_id}
    removed = tx.one(_remove, this)
    if removed is None:
        raise _no_key(command.key_id)
    remove_secrets(tx, command.team_id, command.key_id)
    tx.run(_forget_notices, this)
    _tell(tx, command, command.key_id, "key.deleted", before={"kind": removed[0], "name": removed[1]})


def record_uses(tx: Tx, uses: dict[tuple[int, int], Millis]) -> None:
    """Write when keys (team id, key id) were last used; of several processes the newest wins."""
    # In one order everywhere, so that two processes never wait for each other.
    rows = [{"team_id": team, "key_id": key, "used_at": at} for (team, key), at in sorted(uses.items())]
    tx.run(_use, rows)


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
        raise _no_key(key_id)
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
    return KeyNameTaken(f"a {kind.value} key named {name!r} exists already; choose another name")


def _no_key(key_id: int) -> KeyNotFound:
    return KeyNotFound(f"there is no key {key_id} in this team")


def _checked_name(name: str) -> str:
    if ":" in name:
        raise invalid("name", "must have no colon: it stands between name and secret")
    return checked_name("name", name, limit=NAME_MAX_LENGTH)
