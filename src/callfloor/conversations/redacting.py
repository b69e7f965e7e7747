"""Parts of a conversation taken out after it came in: nobody hears or reads them again.

What was said goes in the transaction of the request: from the transcript, the index, comments on these moments, and
what webhooks were told of those. The recording is withdrawn in it, too, and comes back silenced. Measures stay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, insert, select, update

from callfloor.access import audit
from callfloor.conversations.changes import Change, note_change
from callfloor.conversations.commenting import blank_comments
from callfloor.conversations.holds import check_conversation, named
from callfloor.conversations.locking import Which, lock_conversation
from callfloor.conversations.muting import (
    MutedInterval,
    intervals_of,
    merged,
    replace_intervals,
    withdraw_recording,
    without_muted,
)
from callfloor.conversations.stewardship_tables import RedactionState, is_under_way, redaction
from callfloor.conversations.tables import ProcessingStatus, conversation
from callfloor.conversations.transcripts import replace_transcript, transcripts_of
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import invalid
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.outbox import Event, publish
from callfloor.teams.teams import team_for_change
from callfloor.webhooks.deliveries import erase_subjects, waiting_for

REDACT = "redact_recording"
"""The job kind that brings the recording back silenced and completes the receipt."""
INTERVALS_LIMIT = 1000
NEWEST = "~"
"""After every id."""

_c, _x = conversation.c, redaction.c
_add = insert(redaction)
_touch = (
    update(conversation)
    .where(_c.team_id == param("team"), _c.id == param("conversation"))
    .values(updated_at=param("now"))
)
_requeue = _touch.where(_c.processing_status == ProcessingStatus.PROCESSING.value).values(
    processing_status=ProcessingStatus.QUEUED.value
)
_columns = (
    _x.id,
    _x.conversation_id,
    _x.intervals,
    _x.state,
    _x.requested_at,
    _x.requested_by,
    _x.finished_at,
    _x.scrubbed_at,
    _x.counts,
)
_one = select(*_columns).where(_x.team_id == param("team"), _x.id == param("redaction"))
_page = (
    select(*_columns)
    .where(
        _x.team_id == param("team"),
        _x.conversation_id == param("conversation"),
        _x.id < param("before"),
    )
    .order_by(_x.id.desc())
    .limit(param("take", Integer))
)
_finish = (
    update(redaction)
    .where(_x.team_id == param("team"), _x.id == param("redaction"), _x.state == RedactionState.RUNNING.value)
    .values(state=param("new_state"), finished_at=param("now"), scrubbed_at=param("scrubbed"))
)
_running = select(_x.team_id, _x.id).where(is_under_way).order_by(_x.team_id, _x.id)


@dataclasses.dataclass(frozen=True, slots=True)
class RedactConversation:
    """Which parts of which conversation nobody is to hear or read."""

    which: Which
    intervals: Sequence[MutedInterval]
    actor: audit.Actor
    now: Millis


@dataclasses.dataclass(frozen=True, slots=True)
class Redaction:
    """The receipt; `counts` of `segments` that lost words, of `comments` and of `webhook_deliveries`."""

    id: str
    conversation_id: str
    intervals: Sequence[Sequence[int]]
    state: str
    requested_at: Millis
    requested_by: dict[str, str]
    finished_at: Millis | None
    scrubbed_at: Millis | None
    counts: dict[str, int]


def redact_conversation(tx: Tx, command: RedactConversation) -> Redaction:
    """Take what was said in these parts away, and withdraw the recording until it is silent there.

    Raises:
        ConversationNotFound: there is none that the caller may meet.
        InvalidInput: a part is empty; there would be more than 1,000 parts.
        LegalHold: it is held.
    """
    which, now = command.which, command.now
    # The row that placing a hold locks, too.
    team_for_change(tx, which.team_id)
    held = lock_conversation(tx, which)
    check_conversation(tx, which.team_id, which.id)
    known = intervals_of(tx, which.team_id, which.id)
    for at, one in enumerate(command.intervals):
        if one.end_ms <= one.start_ms:
            raise invalid(f"intervals[{at}].end", "must be after the start")
    intervals = merged([*known, *command.intervals])
    if len(intervals) > INTERVALS_LIMIT:
        raise invalid("intervals", f"there would be more than {INTERVALS_LIMIT} silent parts")
    if list(intervals) != known:
        replace_intervals(tx, which.team_id, which.id, intervals)
        withdraw_recording(tx, which.team_id, which.id)
        tx.run(_requeue, {"team": which.team_id, "conversation": which.id, "now": now})
    # Two changes within a millisecond have two tags all the same.
    tx.run(_touch, {"team": which.team_id, "conversation": which.id, "now": max(now, held.updated_at + 1)})
    counts, is_told = _take_words(tx, command, intervals)
    counts["webhook_deliveries"] = _blank_deliveries(tx, which, now) if is_told else 0
    return _tell(tx, command, counts)


def resume_redactions(tx: Tx, *, now: Millis) -> None:
    """Start the job of each redaction that is not done; one that has its job keeps it."""
    for team_id, redaction_id in tx.all(_running):
        _start(tx, team_id, redaction_id, now)


def redaction_by_id(tx: Tx, team_id: int, redaction_id: str) -> Redaction | None:
    """Return the receipt, or None when its conversation was erased."""
    row: Any = tx.one(_one, {"team": team_id, "redaction": redaction_id})
    return None if row is None else Redaction(*row)


def redactions_below(tx: Tx, team_id: int, conversation_id: str, *, before: str = NEWEST, take: int) -> list[Redaction]:
    """Return the receipts of a conversation before an id, newest first."""
    params = {"team": team_id, "conversation": conversation_id, "before": before, "take": take}
    return [Redaction(*row) for row in tx.all(_page, params)]


def finish_redaction(  # which one, how it ended, when
    tx: Tx, team_id: int, redaction_id: str, *, state: RedactionState, scrubbed_at: Millis | None, now: Millis
) -> None:
    """Complete the receipt; one that is complete stays as it is."""
    params = {"team": team_id, "redaction": redaction_id, "new_state": state.value}
    tx.run(_finish, {**params, "scrubbed": scrubbed_at, "now": now})


def _take_words(tx: Tx, command: RedactConversation, intervals: Sequence[MutedInterval]) -> tuple[dict[str, int], bool]:
    """Return what lost words, and whether webhooks may have told of any: they tell comments, no transcripts."""
    which = command.which
    before = transcripts_of(tx, which.team_id, [which.id]).get(which.id, [])
    after = without_muted(before, intervals)
    kept = set(map(id, after))
    lost = sum(id(segment) not in kept for segment in before)
    if lost:
        replace_transcript(tx, which.team_id, which.id, after)
    comments, is_told = blank_comments(tx, which, command.intervals, now=command.now)
    return {"segments": lost, "comments": comments}, is_told


def _tell(tx: Tx, command: RedactConversation, counts: dict[str, int]) -> Redaction:
    which, now = command.which, command.now
    kind, team_id, redaction_id = which.kind.value, which.team_id, new_id()
    made = Redaction(
        redaction_id,
        which.id,
        [list(one) for one in command.intervals],
        RedactionState.RUNNING.value,
        now,
        named(command.actor),
        None,
        None,
        counts,
    )
    tx.run(_add, {"team_id": team_id, **dataclasses.asdict(made)})
    note_change(tx, team_id, kind, which.id, Change.REDACTED, now=now)
    after = {"redaction_id": redaction_id, "intervals": len(command.intervals)}
    audit.note(tx, command.actor, audit.Change(team_id, f"{kind}.redacted", kind, which.id, after=after), now=now)
    publish(tx, Event(f"{kind}.redacted", team_id, which.id, {"id": which.id}, now))
    _start(tx, team_id, redaction_id, now)
    return made


def _blank_deliveries(tx: Tx, which: Which, now: Millis) -> int:
    """Take away what endpoints were told: records hold comments. What one still waited for it is told anew."""
    subject = f"{which.kind.value} {which.id}"
    waiting = waiting_for(tx, which.team_id, subject)
    blanked = erase_subjects(tx, which.team_id, [subject], now=now)
    for event_kind, endpoints in waiting.items():
        publish(tx, Event(event_kind, which.team_id, which.id, {"id": which.id, "endpoints": endpoints}, now))
    return blanked


def _start(tx: Tx, team_id: int, redaction_id: str, now: Millis) -> None:
    args = {"redaction_id": redaction_id}
    enqueue(tx, Enqueue(kind=REDACT, args=args, team_id=team_id, now=now, unique_key=redaction_id))
