"""One conversation removed with everything that belongs to it; what is left is what a receipt says of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Table, delete, select

from callfloor.access.redacting import redact_entries
from callfloor.conversations.change_tables import conversation_change
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.counts import count_conversation
from callfloor.conversations.editing_tables import conversation_comment, conversation_edit
from callfloor.conversations.holds import forget_held_conversation
from callfloor.conversations.incoming import ABANDONED_AFTER, announce_file
from callfloor.conversations.muting_tables import muted_interval, unmuted_recording
from callfloor.conversations.search_index import forget_transcript
from callfloor.conversations.search_tables import search_entry
from callfloor.conversations.stewardship_tables import conversation_person, erasure_item, legal_hold, redaction
from callfloor.conversations.tables import (
    conversation,
    conversation_domain,
    conversation_participant,
    recording,
    transcript_segment,
)
from callfloor.conversations.tus import expire_uploads
from callfloor.conversations.tus_tables import resumable_upload
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.idempotency import forget_answers_about
from callfloor.webhooks.deliveries import erase_subjects

BELONGINGS: tuple[Table, ...] = (
    conversation_participant,
    conversation_person,
    conversation_domain,
    conversation_comment,
    conversation_edit,
    recording,
    unmuted_recording,
    muted_interval,
    redaction,
    transcript_segment,
)
"""Tables whose rows go with their conversation; `conversation_id` says which."""
OTHERS: tuple[Table, ...] = (conversation_change, search_entry, erasure_item, legal_hold, resumable_upload)
"""Tables with a `conversation_id` whose rows stay, since they say nothing else, or go in another way."""

_c, _r, _u = conversation.c, recording.c, unmuted_recording.c
_locked = (
    select(_c.kind, _c.date, _c.is_external, _c.customer_domains)
    .where(_c.team_id == param("team_id"), _c.id == param("conversation_id"))
    .with_for_update()
)
_of_this = {
    table.name: (table.c.team_id == param("team_id"), table.c.conversation_id == param("conversation_id"))
    for table in BELONGINGS
}
_read = {
    table.name: select(table).where(*_of_this[table.name]).order_by(*table.primary_key.columns) for table in BELONGINGS
}
_remove = {table.name: delete(table).where(*_of_this[table.name]) for table in BELONGINGS}
_whole = select(conversation).where(_c.team_id == param("team_id"), _c.id == param("conversation_id"))
_remove_conversation = delete(conversation).where(_c.team_id == param("team_id"), _c.id == param("conversation_id"))
_files = select(_r.id, _r.file_key, _r.sha256, _r.size_bytes).where(*_of_this["recording"]).order_by(_r.id)
_held_files = select(_u.file_id, _u.file_key).where(*_of_this["unmuted_recording"])


@dataclasses.dataclass(frozen=True, slots=True)
class Removed:
    """What was removed; its files are to be deleted, and forgotten by the sweep then."""

    kind: str
    digest: str
    counts: Mapping[str, int]
    recordings: Sequence[Mapping[str, Any]]
    files: Sequence[tuple[str, str]]
    """Id and key of each."""


def kind_locked(tx: Tx, team_id: int, conversation_id: str) -> str | None:
    """Return the conversation's kind, its row locked, or None when it is gone."""
    row = tx.one(_locked, {"team_id": team_id, "conversation_id": conversation_id})
    return row[0] if row else None


def remove_conversation(tx: Tx, team_id: int, conversation_id: str, *, hash_key: bytes, now: Millis) -> Removed | None:
    """Remove the conversation, and what webhooks, answers and the audit trail say of it; None when it is gone.

    Its files are announced to the sweep, which removes them if nobody does before.
    """
    own = {"team_id": team_id, "conversation_id": conversation_id}
    row = tx.one(_locked, own)
    if row is None:
        return None
    kind, date, is_external, domains = row
    rows = {name: tx.all(statement, own) for name, statement in _read.items()}
    digest = _digest({"conversation": tx.all(_whole, own), **rows})
    recordings = tx.all(_files, own)
    files = [(file_id, key) for file_id, key, *_ in recordings] + [(one[0], one[1]) for one in tx.all(_held_files, own)]
    note_change(tx, team_id, kind, conversation_id, Change.ERASED, now=now)
    forget_transcript(tx, team_id, conversation_id)
    for statement in _remove.values():
        tx.run(statement, own)
    tx.run(_remove_conversation, own)
    count_conversation(tx, team_id, kind, date=date, is_external=is_external, domains=domains, by=-1)
    for file_id, key in files:
        announce_file(tx, team_id, file_id, key, now=now - ABANDONED_AFTER - 1)
    forget_held_conversation(tx, team_id, conversation_id)
    elsewhere = {
        "resumable_upload": expire_uploads(tx, team_id, conversation_id, now=now),
        "webhook_deliveries": erase_subjects(tx, team_id, [f"{kind} {conversation_id}"], now=now),
        "kept_answers": forget_answers_about(tx, team_id, conversation_id),
        "audit_entries": redact_entries(tx, team_id, kind, conversation_id, hash_key=hash_key),
    }
    counts = {"files": len(files), **{name: len(found) for name, found in rows.items()}, **elsewhere}
    kept = [{"sha256": sha256, "size_bytes": size} for _, _, sha256, size in recordings]
    return Removed(kind, digest, counts, kept, files)


def _digest(rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> str:
    return hashlib.sha256(msgspec.json.encode(rows, order="deterministic")).hexdigest()
