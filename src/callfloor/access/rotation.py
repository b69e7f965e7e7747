"""Rotation of a key: a new secret at once, while the old one goes on working until its end."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select, update

from callfloor.access import audit
from callfloor.access.changes import record_change
from callfloor.access.key_secrets import SecretAtRest, add_secret, remove_replaced_secrets, replace_secret
from callfloor.access.key_views import KeyView, key_by_id
from callfloor.access.keys import CONVERSATIONS_KEY_LIFE
from callfloor.access.tables import KeyKind, access_key
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError, invalid

OVERLAP: Millis = 7 * DAY
LONGEST_OVERLAP: Millis = 90 * DAY

_this = (access_key.c.team_id == param("team_id"), access_key.c.id == param("key_id"))
_lock = select(access_key.c.id).where(*_this).with_for_update()
_set_expiry = update(access_key).where(*_this).values(expires_at=param("new_expiry"))


class NotRotating(DomainError):
    """The key has one secret, which nothing replaces yet."""

    code = "key_not_rotating"


@dataclasses.dataclass(frozen=True, slots=True)
class RotateKey:
    """A key that is to have a new secret; the old one works for `overlap` milliseconds more."""

    team_id: int
    key_id: int
    secret: SecretAtRest
    actor: audit.Actor
    now: Millis
    overlap: Millis = OVERLAP


@dataclasses.dataclass(frozen=True, slots=True)
class EndRotation:
    """A key whose old secret is to end now."""

    team_id: int
    key_id: int
    actor: audit.Actor
    now: Millis


def rotate_key(tx: Tx, command: RotateKey) -> KeyView:
    """Give the key a new secret; at most two work: one that was replaced earlier ends at once.

    The year of a key of the Conversations API begins anew, a key of another kind ends when it would have; no old secret
    outlives the end that its key had.

    Raises:
        KeyNotFound: the team has no such key.
        InvalidInput: the overlap is negative or longer than 90 days.
    """
    if not 0 <= command.overlap <= LONGEST_OVERLAP:
        raise invalid("keep_days", f"must be from 0 to {LONGEST_OVERLAP // DAY}")
    tx.one(_lock, {"team_id": command.team_id, "key_id": command.key_id})
    key = key_by_id(tx, command.team_id, command.key_id)
    ends_at = command.now + command.overlap
    if key.expires_at is not None:
        ends_at = min(ends_at, key.expires_at)
    remove_replaced_secrets(tx, command.team_id, key.id)
    replace_secret(tx, command.team_id, key.id, ends_at=ends_at)
    if ends_at <= command.now:
        remove_replaced_secrets(tx, command.team_id, key.id)
    add_secret(tx, command.team_id, key.id, command.secret, now=command.now)
    if key.kind is KeyKind.CONVERSATIONS:
        expires_at = command.now + CONVERSATIONS_KEY_LIFE
        tx.run(_set_expiry, {"team_id": command.team_id, "key_id": key.id, "new_expiry": expires_at})
    rotated = key_by_id(tx, command.team_id, key.id)
    before = {"prefix": key.secrets[0].prefix, "expires_at": key.expires_at}
    after = {"prefix": command.secret.prefix, "expires_at": rotated.expires_at, "old_ends_at": ends_at}
    change = audit.Change(command.team_id, "key.rotated", "key", str(key.id), before=before, after=after)
    record_change(tx, command.actor, change, now=command.now)
    return rotated


def end_rotation(tx: Tx, command: EndRotation) -> KeyView:
    """End the old secret now.

    Raises:
        KeyNotFound: the team has no such key.
        NotRotating: the key has no old secret.
    """
    tx.one(_lock, {"team_id": command.team_id, "key_id": command.key_id})
    key_by_id(tx, command.team_id, command.key_id)
    ended = remove_replaced_secrets(tx, command.team_id, command.key_id)
    if not ended:
        raise NotRotating(f"key {command.key_id} has no old secret that could end")
    before = {"old_prefix": ended[0][0], "old_ends_at": ended[0][1]}
    change = audit.Change(command.team_id, "key.rotation_ended", "key", str(command.key_id), before=before)
    record_change(tx, command.actor, change, now=command.now)
    return key_by_id(tx, command.team_id, command.key_id)
