"""What became of a conversation's analysis: under way, waiting for something, done, or failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Text, case, func, select, update

from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.events import tell
from callfloor.conversations.holds import holds_on
from callfloor.conversations.muting import held_recording, intervals_of, muted_spans, without_muted
from callfloor.conversations.parties import label_of, permille
from callfloor.conversations.tables import (
    AUTO,
    ProcessingStatus,
    conversation,
    conversation_participant,
    recording,
)
from callfloor.conversations.transcripts import Segment, replace_transcript
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, param
from callfloor.foundation.jobs import USUAL_PRIORITY
from callfloor.teams.teams import team_for_change

_c, _p, _r = conversation.c, conversation_participant.c, recording.c
_ANALYZED, _FAILED = ProcessingStatus.ANALYZED.value, ProcessingStatus.FAILED.value
_CHANGE_TO = {
    ProcessingStatus.QUEUED: Change.QUEUED,
    ProcessingStatus.PROCESSING: Change.PROCESSING,
    ProcessingStatus.ANALYZED: Change.FAILED,  # an analysis of before is left
    ProcessingStatus.FAILED: Change.FAILED,
}
_new_status, _reason = param("status", Text()), param("reason", Text())
_this = (_c.team_id == param("key_team_id"), _c.id == param("key_id"))
_move = (
    update(conversation)
    .where(
        *_this,
        _c.processing_status != _ANALYZED,
        _c.processing_status != _FAILED,
        # What waits is looked at again and again: that it waits still is no change.
        (_c.processing_status != _new_status) | (func.coalesce(_c.processing_reason, "") != func.coalesce(_reason, "")),
    )
    .values(
        processing_status=_new_status,
        processing_reason_code=param("code"),
        processing_reason=_reason,
        asked_language=case(
            (
                (_new_status == ProcessingStatus.QUEUED.value) | (_new_status == ProcessingStatus.PROCESSING.value),
                _c.asked_language,
            )
        ),
        updated_at=param("now"),
    )
    .returning(_c.kind)
)
_complete = (
    update(conversation)
    .where(*_this)
    .values(
        processing_status=_ANALYZED,
        processing_reason_code=param("code"),
        processing_reason=param("reason"),
        duration_ms=param("new_duration_ms"),
        language=param("new_language"),
        asked_language=None,
        metrics=param("new_metrics", Json()),
        updated_at=param("now"),
    )
    .returning(_c.kind)
)
_before = (
    select(_c.processing_status, _c.metrics.is_not(None))
    .where(_c.team_id == param("team_id"), _c.id == param("id"))
    .with_for_update()
)
_has_analysis = select(_c.id).where(_c.team_id == param("team_id"), _c.id == param("id"), _c.metrics.is_not(None))
_file_key = select(_r.file_key).where(_r.team_id == param("team_id"), _r.conversation_id == param("id"))
_explain = (
    update(conversation)
    .where(*_this)
    .values(processing_reason_code=param("code"), processing_reason=param("reason"), updated_at=param("now"))
    .returning(_c.kind)
)
_set_share = (
    update(conversation_participant)
    .where(
        _p.team_id == param("key_team_id"),
        _p.conversation_id == param("key_id"),
        _p.position == param("key_position"),
    )
    .values(speak_permille=param("share"))
)
_material = (
    select(*(_c.kind, _c.processing_status, _c.language, _c.asked_language, _c.channels, _r.file_key, _r.size_bytes))
    .join(recording, (_r.team_id == _c.team_id) & (_r.conversation_id == _c.id))
    .where(_c.team_id == param("team_id"), _c.id == param("id"))
)
_speakers = (
    select(_p.position, _p.name, _p.email, _p.is_internal, _p.channel)
    .where(_p.team_id == param("team_id"), _p.conversation_id == param("conversation_id"))
    .order_by(_p.position)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Speaker:
    """A participant, and the channel it speaks on where that is known."""

    position: int
    name: str | None
    email: str | None
    is_internal: bool
    channel: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """What the analysis of one conversation starts from."""

    kind: str
    status: ProcessingStatus
    language: str | None
    channels: Mapping[int, str]
    file_key: str
    size_bytes: int
    speakers: Sequence[Speaker]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Analyzed:
    """The finished analysis of a conversation."""

    team_id: int
    conversation_id: str
    now: Millis
    duration_ms: int
    language: str | None
    segments: Sequence[Segment]
    metrics: Mapping[str, Any]
    speak_shares: Mapping[int, float]
    """Share of the speech, 0..1, by the participant's position."""
    labels: Mapping[int, str] = dataclasses.field(default_factory=dict)
    """What the participant at a position is called in the segments."""
    muted: Sequence[tuple[float, float]] = ()
    """Parts, in seconds, that were left out."""
    reason_code: str | None = None
    reason: str | None = None
    priority: int = USUAL_PRIORITY
    """Of what is told of it."""


def material_of(tx: Tx, team_id: int, conversation_id: str) -> Material | None:
    """Return what there is to analyze, or None when the conversation or its recording is gone."""
    row = tx.one(_material, {"team_id": team_id, "id": conversation_id})
    if row is None:
        return None
    kind, status, language, asked, channels, file_key, size_bytes = row
    language = {None: language, AUTO: None}.get(asked, asked)
    speakers = tx.all(_speakers, {"team_id": team_id, "conversation_id": conversation_id})
    parties = {int(number): party for number, party in channels.items()}
    return Material(
        kind, ProcessingStatus(status), language, parties, file_key, size_bytes, [Speaker(*s) for s in speakers]
    )


def has_file(tx: Tx, team_id: int, conversation_id: str, file_key: str) -> bool:
    """Return whether this is the conversation's recording; until the transaction ends nobody withdraws it."""
    own = {"team_id": team_id, "id": conversation_id}
    tx.one(_before, own)
    row = tx.one(_file_key, own)
    return row is not None and row[0] == file_key


def begin_processing(tx: Tx, team_id: int, conversation_id: str, *, now: Millis) -> None:
    """Mark the conversation as being analyzed; one that is finished stays as it is."""
    _to(tx, team_id, conversation_id, ProcessingStatus.PROCESSING, None, now)


def keep_waiting(tx: Tx, team_id: int, conversation_id: str, *, reason: tuple[str, str], now: Millis) -> None:
    """Put the conversation back into the queue, with the code and the sentence of what it waits for."""
    _to(tx, team_id, conversation_id, ProcessingStatus.QUEUED, reason, now)


def record_failure(  # of which one, why, when, and how urgent it is to tell of it
    tx: Tx,
    team_id: int,
    conversation_id: str,
    *,
    reason: tuple[str, str],
    now: Millis,
    priority: int = USUAL_PRIORITY,
) -> None:
    """End the analysis with a code and a sentence; the recording stays, and so does an earlier analysis."""
    before = tx.one(_before, {"team_id": team_id, "id": conversation_id})
    status = ProcessingStatus.ANALYZED if before is not None and before[1] else ProcessingStatus.FAILED
    kind = _to(tx, team_id, conversation_id, status, reason, now)
    if kind is not None:
        tell(tx, f"{kind}.failed", team_id, conversation_id, now=now, priority=priority)


def withhold_recording(tx: Tx, team_id: int, conversation_id: str, *, reason: tuple[str, str], now: Millis) -> None:
    """Say, by a code and a sentence, why nobody is given the recording that is held; what waits for it has failed."""
    before = tx.one(_before, {"team_id": team_id, "id": conversation_id})
    if before is None or held_recording(tx, team_id, conversation_id) is None:
        return
    if before[0] == _ANALYZED:
        _explain_why(tx, team_id, conversation_id, reason, now)
    else:
        record_failure(tx, team_id, conversation_id, reason=reason, now=now)


def delay_recording(tx: Tx, team_id: int, conversation_id: str, *, reason: tuple[str, str], now: Millis) -> None:
    """Say, by a code and a sentence, why nobody is given the recording that is held yet: it is tried again."""
    before = tx.one(_before, {"team_id": team_id, "id": conversation_id})
    if before is None or held_recording(tx, team_id, conversation_id) is None:
        return
    if before[0] == _ANALYZED:
        _explain_why(tx, team_id, conversation_id, reason, now)
    else:
        keep_waiting(tx, team_id, conversation_id, reason=reason, now=now)


def record_analysis(tx: Tx, done: Analyzed) -> None:
    """Store the analysis in place of an earlier one and announce it.

    Left alone is a conversation that is gone, or that another run has analyzed meanwhile. What was placed under a hold
    meanwhile keeps the analysis it has.
    """
    key = {"key_team_id": done.team_id, "key_id": done.conversation_id}
    if tx.one(_has_analysis, {"team_id": done.team_id, "id": done.conversation_id}) is not None:
        team_for_change(tx, done.team_id)  # the row that placing a hold locks, too
    before = tx.one(_before, {"team_id": done.team_id, "id": done.conversation_id})
    if before is None or before[0] == _ANALYZED:
        return
    held = holds_on(tx, done.team_id, [done.conversation_id]) if before[1] else {}
    if held:
        reason = ("legal_hold", f"It is held ({held[done.conversation_id][0]}): it keeps the analysis it has.")
        record_failure(tx, done.team_id, done.conversation_id, reason=reason, now=done.now, priority=done.priority)
        return
    row = tx.one(
        _complete,
        {
            **key,
            "code": done.reason_code,
            "reason": done.reason,
            "new_duration_ms": done.duration_ms,
            "new_language": done.language,
            "new_metrics": dict(done.metrics),
            "now": done.now,
        },
    )
    if row is None:
        return
    replace_transcript(tx, done.team_id, done.conversation_id, _audible(tx, done, _relabeled(tx, done)))
    tx.run(
        _set_share, [{**key, "key_position": at, "share": permille(share)} for at, share in done.speak_shares.items()]
    )
    for change in (Change.TRANSCRIBED, Change.RE_ANALYZED if before[1] else Change.ANALYZED):
        note_change(tx, done.team_id, row[0], done.conversation_id, change, now=done.now)
    what = f"{row[0]}.analyzed"
    tell(tx, what, done.team_id, done.conversation_id, now=done.now, priority=done.priority)


def _audible(tx: Tx, done: Analyzed, segments: Sequence[Segment]) -> Sequence[Segment]:
    """Return the segments without what was redacted while they were written down."""
    if muted_spans(tx, done.team_id, done.conversation_id) == list(done.muted):
        return segments
    return without_muted(segments, intervals_of(tx, done.team_id, done.conversation_id))


def _explain_why(tx: Tx, team_id: int, conversation_id: str, reason: tuple[str, str], now: Millis) -> None:
    params = {"key_team_id": team_id, "key_id": conversation_id, "code": reason[0], "reason": reason[1], "now": now}
    kind = tx.all(_explain, params)[0][0]
    note_change(tx, team_id, kind, conversation_id, Change.EDITED, now=now)


def _relabeled(tx: Tx, done: Analyzed) -> Sequence[Segment]:
    """Return the segments with the names that participants were given meanwhile."""
    found = tx.all(_speakers, {"team_id": done.team_id, "conversation_id": done.conversation_id})
    known = {one.position: one for one in (Speaker(*row) for row in found)}
    labels = list(done.labels.values())
    new = {
        label: label_of(known[at].name, known[at].email, is_internal=known[at].is_internal)
        for at, label in done.labels.items()
        if at in known and labels.count(label) == 1
    }
    return [dataclasses.replace(one, speaker=new.get(one.speaker, one.speaker)) for one in done.segments]


def _to(
    tx: Tx, team_id: int, conversation_id: str, status: ProcessingStatus, reason: tuple[str, str] | None, now: Millis
) -> str | None:
    code, text = reason or (None, None)
    params = {
        "key_team_id": team_id,
        "key_id": conversation_id,
        "status": status.value,
        "code": code,
        "reason": text,
        "now": now,
    }
    row = tx.one(_move, params)
    if row is None:
        return None
    note_change(tx, team_id, row[0], conversation_id, _CHANGE_TO[status], now=now)
    return row[0]
