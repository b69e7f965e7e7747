"""A conversation held by the transaction that is about to change it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from callfloor.conversations.tables import ConversationKind, conversation
from callfloor.foundation.clock import Millis, iso
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError

_c = conversation.c
_one = select(
    _c.id, _c.owner_account_id, _c.updated_at, _c.name, _c.outcome, _c.rating, _c.crm_reference, _c.comment_count
).where(_c.team_id == param("team_id"), _c.kind == param("kind"), _c.id == param("id"))
_locked = _one.with_for_update()


class ConversationNotFound(DomainError):
    """The team has no such conversation."""

    code = "conversation_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class Held:
    """What can be changed of a conversation, as it is now."""

    id: str
    owner_account_id: int | None
    updated_at: Millis
    name: str
    outcome: str | None
    rating: int | None
    crm_reference: dict[str, str]
    comment_count: int


Check = Callable[[Held], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Which:
    """A conversation of a team, for a caller who may meet those of everybody or (`only_account_id`) of one."""

    team_id: int
    kind: ConversationKind
    id: str
    only_account_id: int | None = None


def tag_material(conversation_id: str, updated_at: Millis) -> list[str]:
    """Return what the entity tag of a conversation is made of."""
    return [conversation_id, iso(updated_at)]


def lock_conversation(tx: Tx, which: Which, *, check: Check = lambda _: None) -> Held:
    """Return the conversation; until the transaction ends nobody else changes it.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
        DomainError: what `check` raises of the conversation as it is.
    """
    held = _found(tx, which, is_locked=True)
    check(held)
    return held


def check_met(tx: Tx, which: Which) -> None:
    """Refuse what the caller may not meet.

    Raises:
        ConversationNotFound: there is no such conversation for the caller.
    """
    _found(tx, which, is_locked=False)


def _found(tx: Tx, which: Which, *, is_locked: bool) -> Held:
    params: dict[str, Any] = {"team_id": which.team_id, "kind": which.kind.value, "id": which.id}
    row = tx.one(_locked if is_locked else _one, params)
    if row is None or which.only_account_id not in (None, row[1]):
        raise ConversationNotFound(f"there is no {which.kind.value} with this id in this team")
    return Held(*row)
