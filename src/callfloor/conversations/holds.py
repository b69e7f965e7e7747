"""Legal holds: what must be kept, whoever asks for its erasure and whatever its retention says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, insert, null, select, update

from callfloor.access import audit
from callfloor.conversations.stewardship_tables import conversation_person, legal_hold
from callfloor.conversations.tables import conversation
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, any_of, param
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.ids import new_id
from callfloor.teams.teams import team_for_change

FIRST = "~"
"""After every id."""
ERASED = "(erased)"

_h, _c, _p = legal_hold.c, conversation.c, conversation_person.c
_columns = (
    _h.id,
    _h.conversation_id,
    _h.person_key,
    _h.reason,
    _h.placed_at,
    _h.placed_by,
    _h.lifted_at,
    _h.lifted_by,
)
_add = insert(legal_hold)
_one = select(*_columns).where(_h.team_id == param("team_id"), _h.id == param("id"))
_page = (
    select(*_columns)
    .where(_h.team_id == param("team_id"), _h.id < param("before"))
    .order_by(_h.id.desc())
    .limit(param("take", Integer))
)
_lift = (
    update(legal_hold)
    .where(_h.team_id == param("team"), _h.id == param("hold"))
    .values(lifted_at=param("now"), lifted_by=param("by", Json()))
)
_exists = select(_c.id).where(_c.team_id == param("team_id"), _c.id == param("id"))
_on_conversations = select(_h.conversation_id, _h.id, _h.reason).where(
    _h.team_id == param("team_id"), any_of(_h.conversation_id, "ids"), _h.lifted_at.is_(None)
)
_on_their_people = (
    select(_p.conversation_id, _h.id, _h.reason)
    .join_from(conversation_person, legal_hold, (_h.team_id == _p.team_id) & (_h.person_key == _p.person_key))
    .where(_p.team_id == param("team_id"), any_of(_p.conversation_id, "ids"), _h.lifted_at.is_(None))
)
_on_person = (
    select(_h.id, _h.reason)
    .where(_h.team_id == param("team_id"), _h.person_key == param("person_key"), _h.lifted_at.is_(None))
    .order_by(_h.id)
)
_held_of = select(_h.person_key).where(
    _h.team_id == param("team_id"), any_of(_h.person_key, "person_keys"), _h.lifted_at.is_(None)
)
_forget_person = (
    update(legal_hold)
    .where(_h.team_id == param("team"), _h.person_key == param("person"), _h.lifted_at.is_not(None))
    .values(person_key=null(), reason=ERASED)
)
_forget_conversation = (
    update(legal_hold)
    .where(_h.team_id == param("team"), _h.conversation_id == param("conversation"), _h.lifted_at.is_not(None))
    .values(reason=ERASED)
)


class HoldNotFound(DomainError):
    """The team has no such hold."""

    code = "hold_not_found"
    status = 404


class LegalHold(DomainError):
    """What is to be erased must be kept."""

    code = "legal_hold"


@dataclasses.dataclass(frozen=True, slots=True)
class Hold:
    """One hold, on a conversation or on a person."""

    id: str
    conversation_id: str | None
    person_key: str | None
    reason: str
    placed_at: Millis
    placed_by: dict[str, str]
    lifted_at: Millis | None
    lifted_by: dict[str, str] | None


@dataclasses.dataclass(frozen=True, slots=True)
class PlaceHold:
    """What is to be kept: one of a conversation and a person (see `persons.person_key`)."""

    team_id: int
    reason: str
    actor: audit.Actor
    now: Millis
    conversation_id: str | None = None
    person_key: str | None = None


def named(actor: audit.Actor) -> dict[str, str]:
    """Return an actor as receipts and holds keep it."""
    return {"kind": actor.kind, "id": actor.id, "name": actor.name}


def place_hold(tx: Tx, command: PlaceHold) -> Hold:
    """Place a hold; from now on nothing of it is erased.

    Raises:
        InvalidInput: the team has no such conversation, or neither or both are given.
    """
    # The row that each erasure of this team locks, too: what is being erased now is gone before the answer.
    team_for_change(tx, command.team_id)
    if (command.conversation_id is None) == (command.person_key is None):
        raise invalid("conversation_id", "give one of conversation_id, email and number")
    if command.conversation_id is not None:
        own = {"team_id": command.team_id, "id": command.conversation_id}
        if tx.one(_exists, own) is None:
            raise invalid("conversation_id", "there is no such conversation in this team")
    hold = Hold(
        new_id(),
        command.conversation_id,
        command.person_key,
        command.reason,
        command.now,
        named(command.actor),
        None,
        None,
    )
    tx.run(_add, {"team_id": command.team_id, **dataclasses.asdict(hold)})
    _note(tx, command.team_id, "hold.placed", hold, command.actor, command.now)
    return hold


def lift_hold(tx: Tx, team_id: int, hold_id: str, *, actor: audit.Actor, now: Millis) -> Hold:
    """Lift a hold; one that was lifted before stays as it is.

    Raises:
        HoldNotFound: the team has none with this id.
    """
    team_for_change(tx, team_id)
    hold = hold_by_id(tx, team_id, hold_id)
    if hold.lifted_at is not None:
        return hold
    tx.run(_lift, {"team": team_id, "hold": hold_id, "now": now, "by": named(actor)})
    _note(tx, team_id, "hold.lifted", hold, actor, now)
    return hold_by_id(tx, team_id, hold_id)


def hold_by_id(tx: Tx, team_id: int, hold_id: str) -> Hold:
    """Return the hold.

    Raises:
        HoldNotFound: the team has none with this id.
    """
    row: Any = tx.one(_one, {"team_id": team_id, "id": hold_id})
    if row is None:
        raise HoldNotFound(f"there is no hold {hold_id} in this team")
    return Hold(*row)


def holds_below(tx: Tx, team_id: int, *, before: str = FIRST, take: int) -> list[Hold]:
    """Return the team's holds before an id, newest first, the lifted ones among them."""
    return [Hold(*row) for row in tx.all(_page, {"team_id": team_id, "before": before, "take": take})]


def holds_on(tx: Tx, team_id: int, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the hold, its id and its reason, of each of these conversations that is held."""
    found: dict[str, tuple[str, str]] = {}
    for statement in (_on_conversations, _on_their_people):
        for conversation_id, hold_id, reason in tx.all(statement, {"team_id": team_id, "ids": list(ids)}):
            found.setdefault(str(conversation_id), (hold_id, reason))
    return found


def check_conversation(tx: Tx, team_id: int, conversation_id: str) -> None:
    """Refuse what would take something of a conversation that is held; its team's row is locked by the caller.

    Raises:
        LegalHold: there is a hold on it, or on somebody who took part.
    """
    held = holds_on(tx, team_id, [conversation_id])
    if held:
        hold_id, reason = held[conversation_id]
        raise LegalHold(f"this conversation is held (hold {hold_id}): {reason}")


def check_person(tx: Tx, team_id: int, person_key: str) -> None:
    """Refuse what would erase a person who is held.

    Raises:
        LegalHold: there is a hold on them.
    """
    row = tx.one(_on_person, {"team_id": team_id, "person_key": person_key})
    if row is not None:
        raise LegalHold(f"this person is held (hold {row[0]}): {row[1]}")


def held_persons(tx: Tx, team_id: int, person_keys: Sequence[str]) -> set[str]:
    """Return which of these persons are held."""
    return {str(row[0]) for row in tx.all(_held_of, {"team_id": team_id, "person_keys": list(person_keys)})}


def forget_held_person(tx: Tx, team_id: int, person_key: str) -> None:
    """Take an erased person out of the holds on them that were lifted."""
    tx.run(_forget_person, {"team": team_id, "person": person_key})


def forget_held_conversation(tx: Tx, team_id: int, conversation_id: str) -> None:
    """Take out of lifted holds on an erased conversation why it was held."""
    tx.run(_forget_conversation, {"team": team_id, "conversation": conversation_id})


def _note(tx: Tx, team_id: int, action: str, hold: Hold, actor: audit.Actor, now: Millis) -> None:
    # Neither the person nor the reason: they would outlive the person's erasure.
    on = "person" if hold.conversation_id is None else "conversation"
    after = {"on": on, "conversation_id": hold.conversation_id}
    audit.note(tx, actor, audit.Change(team_id, action, "hold", hold.id, after=after), now=now)
