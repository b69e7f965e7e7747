"""What people change of a conversation after it came in: its name, outcome, rating, CRM reference, participants' names.

Each change leaves a row of history, an entry of the changes feed, an audit entry without its content, and an event.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, insert, select, update

from callfloor.access import audit
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.editing_tables import conversation_edit
from callfloor.conversations.locking import Check, Held, Which, check_met, lock_conversation
from callfloor.conversations.parties import label_of
from callfloor.conversations.tables import conversation, conversation_participant, transcript_segment
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, param
from callfloor.foundation.errors import invalid
from callfloor.foundation.ids import new_id
from callfloor.foundation.outbox import Event, publish

LATEST = (2**62, "~")
"""A place of the history that every entry is before."""
_c, _p, _s, _h = conversation.c, conversation_participant.c, transcript_segment.c, conversation_edit.c
_set = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(
        name=param("new_name"),
        outcome=param("new_outcome"),
        rating=param("new_rating"),
        crm_reference=param("new_crm_reference", Json()),
    )
)
_touch = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(updated_at=param("now"), comment_count=param("count"))
)
_add_edit = insert(conversation_edit)
_names = (
    select(_p.id, _p.position, _p.name, _p.email, _p.is_internal)
    .where(_p.team_id == param("team"), _p.conversation_id == param("conversation"))
    .order_by(_p.position)
)
_rename = (
    update(conversation_participant)
    .where(_p.team_id == param("team"), _p.conversation_id == param("conversation"), _p.position == param("at"))
    .values(name=param("new_name"))
)
_rename_speaker = (
    update(transcript_segment)
    .where(_s.team_id == param("team"), _s.conversation_id == param("conversation"), _s.speaker == param("old_name"))
    .values(speaker=param("new_name"))
)
_history = (
    select(_h.id, _h.at, _h.actor_kind, _h.actor_id, _h.actor_name, _h.field, _h.before, _h.after)
    .where(
        _h.team_id == param("team"),
        _h.conversation_id == param("conversation"),
        _h.at <= param("before_at"),
        (_h.at < param("before_at")) | (_h.id < param("before_id")),
    )
    .order_by(_h.at.desc(), _h.id.desc())
    .limit(param("take", Integer))
)


@dataclasses.dataclass(frozen=True, slots=True)
class By:
    """Who changes it and when; `check` may refuse by what the conversation is now."""

    actor: audit.Actor
    now: Millis
    check: Check = lambda _: None


@dataclasses.dataclass(frozen=True, slots=True)
class EditConversation:
    """What is to change: fields by name (`name`, `outcome`, `rating`, `crm_reference`), names by participant's id."""

    which: Which
    by: By
    fields: Mapping[str, Any]
    participant_names: Mapping[str, str | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Edited:
    """One change of one field; what is not text or number is an object."""

    field: str
    before: Any
    after: Any


@dataclasses.dataclass(frozen=True, slots=True)
class PastEdit:
    """One entry of the history."""

    id: str
    at: Millis
    actor_kind: str
    actor_id: str
    actor_name: str
    field: str
    before: Any
    after: Any


def edit_conversation(tx: Tx, command: EditConversation) -> None:
    """Change what differs; what stays as it is leaves no trace.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
        DomainError: what `by.check` raises.
        InvalidInput: it has no such participant.
    """
    which, by = command.which, command.by
    held = lock_conversation(tx, which, check=by.check)
    own = {"team": which.team_id, "conversation": which.id}
    before = {name: getattr(held, name) for name in ("name", "outcome", "rating", "crm_reference")}
    after = {**before, **command.fields}
    edits = [Edited(name, before[name], after[name]) for name in before if before[name] != after[name]]
    if edits:
        tx.run(_set, {**own, **{f"new_{name}": value for name, value in after.items()}})
    edits += _rename_participants(tx, own, command.participant_names)
    record_edits(tx, which, held, edits, by)


def record_edits(tx: Tx, which: Which, held: Held, edits: Sequence[Edited], by: By, *, comments: int = 0) -> None:
    """Tell of what was changed: in the history, the feed, the audit trail and the outbox; `comments` came or went."""
    if not edits:
        return
    own = {"team_id": which.team_id, "conversation_id": which.id, "at": by.now}
    who = {"actor_kind": by.actor.kind, "actor_id": by.actor.id, "actor_name": by.actor.name}
    rows = [{"field": one.field, "before": one.before, "after": one.after} for one in edits]
    tx.run(_add_edit, [{**own, **who, **row, "id": new_id()} for row in rows])
    # Two changes within a millisecond have two tags all the same.
    now = max(by.now, held.updated_at + 1)
    count = held.comment_count + comments
    tx.run(_touch, {"team": which.team_id, "conversation": which.id, "now": now, "count": count})
    kind = which.kind.value
    note_change(tx, which.team_id, kind, which.id, Change.EDITED, now=by.now)
    fields = sorted({one.field for one in edits})
    change = audit.Change(which.team_id, f"{kind}.edited", kind, which.id, after={"fields": fields})
    audit.note(tx, by.actor, change, now=by.now)
    publish(tx, Event(f"{kind}.edited", which.team_id, which.id, {"id": which.id, "fields": fields}, by.now))


def history_of(tx: Tx, which: Which, *, before: tuple[Millis, str] = LATEST, take: int) -> list[PastEdit]:
    """Return the next entries of the history before a place (at, id), newest first.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
    """
    check_met(tx, which)
    params = {"team": which.team_id, "conversation": which.id, "before_at": before[0], "before_id": before[1]}
    return [PastEdit(*row) for row in tx.all(_history, {**params, "take": take})]


def _rename_participants(tx: Tx, own: Mapping[str, Any], wanted: Mapping[str, str | None]) -> list[Edited]:
    if not wanted:
        return []
    known: dict[str, Any] = {row[0]: row[1:] for row in tx.all(_names, own)}
    for participant_id in wanted:
        if participant_id not in known:
            raise invalid("participants", f"there is no participant {participant_id} here")
    labels = [label_of(old, email, is_internal=is_internal) for _, old, email, is_internal in known.values()]
    edits, speakers = [], []
    for participant_id, name in wanted.items():
        at, old, email, is_internal = known[participant_id]
        if name == old:
            continue
        tx.run(_rename, {**own, "at": at, "new_name": name})
        label = label_of(old, email, is_internal=is_internal)
        if labels.count(label) == 1:
            speakers.append((label, new_id(), label_of(name, email, is_internal=is_internal)))
        edits.append(Edited("participants", {"id": participant_id, "name": old}, {"id": participant_id, "name": name}))
    # By way of a name that nobody has: two may change their names for each other's.
    for label, unlike_any, _ in speakers:
        tx.run(_rename_speaker, {**own, "old_name": label, "new_name": unlike_any})
    for _, unlike_any, new_label in speakers:
        tx.run(_rename_speaker, {**own, "old_name": unlike_any, "new_name": new_label})
    return edits
