"""A conversation analyzed anew: with another model, in another language, or after its analysis failed.

What an earlier analysis said of it stays until the new one takes its place.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import Integer, Text, func, select, update

from callfloor.access import audit
from callfloor.conversations.arrival import CONSENT_DECLINED, transcribe_order
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.holds import check_conversation
from callfloor.conversations.locking import Which, lock_conversation
from callfloor.conversations.tables import ConversationKind, ProcessingStatus, conversation, recording
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.jobs import BACKGROUND_PRIORITY, enqueue
from callfloor.teams.teams import team_for_change

_UNFINISHED = (ProcessingStatus.QUEUED.value, ProcessingStatus.PROCESSING.value)
_c, _r = conversation.c, recording.c
_this = (_c.team_id == param("team"), _c.id == param("conversation"))
_state = (
    select(_c.processing_status, _c.recording_consent, _r.id)
    .join(recording, (_r.team_id == _c.team_id) & (_r.conversation_id == _c.id), isouter=True)
    .where(*_this)
)
_queue = (
    update(conversation)
    .where(*_this)
    .values(
        processing_status=ProcessingStatus.QUEUED.value,
        processing_reason_code=None,
        processing_reason=None,
        asked_language=param("language", Text()),
        updated_at=param("now"),
    )
)
_recorded = (
    select(_c.date, _c.id)
    .join(recording, (_r.team_id == _c.team_id) & (_r.conversation_id == _c.id))
    .where(
        _c.team_id == param("team"),
        _c.kind == param("kind"),
        _c.date >= param("from_date"),
        (_c.date > param("from_date")) | (_c.id > param("after_id", Text())),
        _c.date < param("to_date"),
        *(_c.processing_status != status for status in _UNFINISHED),
    )
    .order_by(_c.date, _c.id)
    .limit(param("take", Integer))
)
_failed = _recorded.where(_c.processing_status == ProcessingStatus.FAILED.value)
_count, _count_failed = (
    select(func.count()).select_from(statement.order_by(None).limit(None).subquery())
    for statement in (_recorded, _failed)
)


class AnalysisUnderWay(DomainError):
    """The conversation is being analyzed, or waits for it."""

    code = "analysis_under_way"


class NothingToAnalyze(DomainError):
    """There is no recording that could be analyzed."""

    code = "no_recording"


class ConsentDeclined(DomainError):
    """Somebody did not agree to be recorded."""

    code = "consent_declined"


@dataclasses.dataclass(frozen=True, slots=True)
class Reanalyze:
    """Which conversation is to be analyzed anew; `language` None is that of before, `tables.AUTO` is found out."""

    which: Which
    actor: audit.Actor
    now: Millis
    language: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Recorded:
    """Conversations of one kind with a recording that began in a time, all or those whose analysis failed."""

    team_id: int
    kind: ConversationKind
    from_date: Millis
    to_date: Millis
    only_failed: bool


def recorded_count(tx: Tx, asked: Recorded) -> int:
    """Return how many there are whose analysis has ended."""
    ((count,),) = tx.all(_count_failed if asked.only_failed else _count, _window(asked, None))
    return int(count)


def recorded_after(tx: Tx, asked: Recorded, *, after: tuple[Millis, str] | None, take: int) -> list[tuple[Millis, str]]:
    """Return date and id of those whose analysis has ended, oldest first, after a place."""
    statement = _failed if asked.only_failed else _recorded
    return [(row[0], row[1]) for row in tx.all(statement, {**_window(asked, after), "take": take})]


def reanalyze_conversation(tx: Tx, command: Reanalyze) -> None:
    """Put the conversation into the queue again, behind those that came today.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
        AnalysisUnderWay, NothingToAnalyze, ConsentDeclined: see there.
        LegalHold: it is held, and what was transcribed of it with it.
    """
    which, now = command.which, command.now
    # The row that placing a hold locks, too.
    team_for_change(tx, which.team_id)
    held = lock_conversation(tx, which)
    check_conversation(tx, which.team_id, which.id)
    own: dict[str, Any] = {"team": which.team_id, "conversation": which.id}
    ((status, consent, recording_id),) = tx.all(_state, own)
    if consent == CONSENT_DECLINED:
        raise ConsentDeclined("consent to the recording was declined: it is not analyzed")
    if status in _UNFINISHED:
        raise AnalysisUnderWay(f"this {which.kind.value} is {status} already; wait for the end of that")
    if recording_id is None:
        raise NothingToAnalyze(f"this {which.kind.value} has no recording that can be listened to")
    # Two changes within a millisecond have two tags all the same.
    tx.run(_queue, {**own, "language": command.language, "now": max(now, held.updated_at + 1)})
    kind = which.kind.value
    note_change(tx, which.team_id, kind, which.id, Change.QUEUED, now=now)
    change = audit.Change(
        which.team_id, f"{kind}.analysis_requested", kind, which.id, after={"language": command.language}
    )
    audit.note(tx, command.actor, change, now=now)
    enqueue(tx, transcribe_order(which.team_id, which.id, now, priority=BACKGROUND_PRIORITY))


def _window(asked: Recorded, after: tuple[Millis, str] | None) -> dict[str, Any]:
    from_date, after_id = after or (asked.from_date, "")
    params = {"team": asked.team_id, "kind": asked.kind.value, "to_date": asked.to_date}
    return {**params, "from_date": from_date, "after_id": after_id}
