"""A recording that was fetched is given to its conversation, which says why while it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update

from callfloor.conversations.arrival import recording_row, transcribe_order
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.incoming import condemn_file, settle_file
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.muting import (
    NOT_SILENCED,
    TOO_LARGE,
    hold_recording,
    intervals_of,
    muted_spans,
    release_held,
)
from callfloor.conversations.outcomes import keep_waiting
from callfloor.conversations.tables import ProcessingStatus, conversation, recording
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.jobs import enqueue

_WAITING = (ProcessingStatus.QUEUED.value, ProcessingStatus.ANALYZED.value)
_c, _r = conversation.c, recording.c
_add_recording = insert(recording)
_status = (
    select(_c.processing_status, _c.kind, _c.processing_reason, _c.processing_reason_code)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .with_for_update()
)
_recorded = select(_r.id).where(_r.team_id == param("team"), _r.conversation_id == param("conversation"))
_name_content = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(content_sha256=param("content"))
)
_touch = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(updated_at=param("now"))
)
_forget_wait = _touch.values(processing_reason_code=None, processing_reason=None)


def keep_asking(tx: Tx, team_id: int, conversation_id: str, *, reason: tuple[str, str], now: Millis) -> None:
    """Say, by a code and a sentence, why a recording is not there yet; one that has come meanwhile says it was."""
    own = {"team": team_id, "conversation": conversation_id}
    row = tx.one(_status, own)
    if row is not None and row[0] == ProcessingStatus.QUEUED.value and tx.one(_recorded, own) is None:
        keep_waiting(tx, team_id, conversation_id, reason=reason, now=now)


def attach_recording(tx: Tx, team_id: int, conversation_id: str, kept: StoredRecording, *, now: Millis) -> None:
    """Give the conversation its recording, and start its analysis; one that does not wait for it is left alone.

    One with pauses gets it when they are silent.
    """
    own = {"team": team_id, "conversation": conversation_id}
    row = tx.one(_status, own)
    if row is None or row[0] not in _WAITING:
        condemn_file(tx, team_id, kept.id)
        return
    tx.run(_name_content, {**own, "content": kept.sha256})
    if not intervals_of(tx, team_id, conversation_id):
        _attach(tx, team_id, conversation_id, kept, row, now=now)
        return
    hold_recording(tx, team_id, conversation_id, kept, now=now)
    if row[0] == ProcessingStatus.QUEUED.value and row[2] is not None:  # that it had not been fetched
        _tell(tx, team_id, conversation_id, row, now=now)


def attach_silenced(  # to which one, what, silent where, when
    tx: Tx,
    team_id: int,
    conversation_id: str,
    kept: StoredRecording,
    *,
    spans: Sequence[tuple[float, float]],
    now: Millis,
) -> None:
    """Give the conversation the recording that is silent in `spans`; the one that came goes to the sweep.

    It waits on when it is to be silent in other parts by now.
    """
    own = {"team": team_id, "conversation": conversation_id}
    row = tx.one(_status, own)
    is_whole = list(spans) == muted_spans(tx, team_id, conversation_id)
    if is_whole and release_held(tx, team_id, conversation_id, now=now) and row is not None:
        _attach(tx, team_id, conversation_id, kept, row, now=now)
    else:
        condemn_file(tx, team_id, kept.id)


def _attach(tx: Tx, team_id: int, conversation_id: str, kept: StoredRecording, row: Any, *, now: Millis) -> None:
    settle_file(tx, team_id, kept.id)
    tx.run(_add_recording, recording_row(team_id, conversation_id, kept, now))
    _tell(tx, team_id, conversation_id, row, now=now)
    if row[0] == ProcessingStatus.QUEUED.value:
        enqueue(tx, transcribe_order(team_id, conversation_id, now))


def _tell(tx: Tx, team_id: int, conversation_id: str, row: Any, *, now: Millis) -> None:
    """Let readers know that the recording came: of what is analyzed its reason stays, but why it had not come."""
    is_queued = row[0] == ProcessingStatus.QUEUED.value
    own = {"team": team_id, "conversation": conversation_id}
    is_over = is_queued or (row[0] == ProcessingStatus.ANALYZED.value and row[3] in {NOT_SILENCED, TOO_LARGE})
    tx.run(_forget_wait if is_over else _touch, {**own, "now": now})
    note_change(tx, team_id, row[1], conversation_id, Change.QUEUED if is_queued else Change.EDITED, now=now)
