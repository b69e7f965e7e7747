"""Keys of the public APIs: made, looked up by their secret's hash, deleted everywhere at once."""

from __future__ import annotations

import dataclasses
import unicodedata

from sqlalchemy import delete, select

from callfloor.access import audit
from callfloor.access.tables import KeyKind, access_key
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Json, Tx, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.numbers import take_numbers

NAME_MAX_LENGTH = 64
CONVERSATIONS_KEY_LIFE: Millis = 365 * DAY
_NOT_IN_A_NAME = {"Cc", "Cs", "Zl", "Zp"}
"""Categories of controls, halves of characters, breaks of lines and paragraphs."""

_add = (
    upsert(access_key)
    .values(
        team_id=param("team_id"),
        id=param("id"),
        kind=param("kind"),
        name=param("name"),
        secret_hash=param("secret_hash"),
        scopes=param("scopes", Json()),
        made_by_account_id=param("made_by_account_id"),
        created_at=param("created_at"),
        expires_at=param("expires_at"),
    )
    .on_conflict_do_nothing(index_elements=["team_id", "kind", "name"])
    .returning(access_key.c.id)
)
_remove = (
    delete(access_key)
    .where(access_key.c.team_id == param("team_id"), access_key.c.id == param("id"))
    .returning(access_key.c.kind, access_key.c.name)
)
_of_team = (
    select(access_key.c.id, access_key.c.kind, access_key.c.name, access_key.c.created_at, access_key.c.expires_at)
    .where(access_key.c.team_id == param("team_id"))
    .order_by(access_key.c.id)
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


@dataclasses.dataclass(frozen=True, slots=True)
class CreatedKey:
    """What a new key is known by."""

    id: int
    name: str
    expires_at: Millis | None


@dataclasses.dataclass(frozen=True, slots=True)
class DeleteKey:
    """A key to be deleted."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis


def create_key(tx: Tx, command: CreateKey) -> CreatedKey:
    """Make the key; one of the Conversations API lives one year.

    Raises:
        InvalidInput: the name is empty, too long, or holds a colon or a control character.
        KeyNameTaken: the team has a key of this kind with this name.
    """
    name = _checked_name(command.name)
    expires_at = command.now + CONVERSATIONS_KEY_LIFE if command.kind is KeyKind.CONVERSATIONS else None
    key_id = take_numbers(tx, "access_key")
    added = tx.one(
        _add,
        {
            "team_id": command.team_id,
            "id": key_id,
            "kind": command.kind.value,
            "name": name,
            "secret_hash": command.secret_hash,
            "scopes": command.scopes,
            "made_by_account_id": command.made_by_account_id,
            "created_at": command.now,
            "expires_at": expires_at,
        },
    )
    if added is None:
        raise KeyNameTaken(f"a {command.kind.value} key named {name!r} exists already; choose another name")
    after = {"kind": command.kind.value, "name": name, "expires_at": expires_at}
    change = audit.Change(command.team_id, "key.created", "key", str(key_id), after=after)
    audit.note(tx, command.actor, change, now=command.now)
    return CreatedKey(key_id, name, expires_at)


def delete_key(tx: Tx, command: DeleteKey) -> None:
    """Delete the key; from this commit on every process refuses it, since each request looks it up.

    Raises:
        KeyNotFound: the team has no such key.
    """
    removed = tx.one(_remove, {"team_id": command.team_id, "id": command.key_id})
    if removed is None:
        raise KeyNotFound(f"there is no key {command.key_id} in this team")
    change = audit.Change(
        command.team_id, "key.deleted", "key", str(command.key_id), before={"kind": removed[0], "name": removed[1]}
    )
    audit.note(tx, command.actor, change, now=command.now)


def keys_of_team(tx: Tx, team_id: int) -> list[tuple[int, str, str, int, int | None]]:
    """Return id, kind, name, created_at, expires_at of every key of the team, by id."""
    return tx.all(_of_team, {"team_id": team_id})


def _checked_name(name: str) -> str:
    name = name.strip()
    categories = {unicodedata.category(character) for character in name}
    if not 1 <= len(name) <= NAME_MAX_LENGTH or ":" in name or categories & _NOT_IN_A_NAME:
        raise invalid("name", f"must have 1 to {NAME_MAX_LENGTH} characters, without colon and control characters")
    return name
