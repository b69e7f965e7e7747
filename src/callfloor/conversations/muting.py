"""Pauses of a recording: kept with the conversation, left out of what was said, and silent before anybody listens."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import delete, insert, select

from callfloor.conversations.incoming import ABANDONED_AFTER, announce_file, settle_file
from callfloor.conversations.intake import StoredRecording
from callfloor.conversations.muting_tables import muted_interval, unmuted_recording
from callfloor.conversations.tables import recording
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.jobs import Enqueue, enqueue

SILENCE = "silence_recording"
"""The job kind that writes a recording anew with its pauses silent."""
SWEEP = "sweep_incoming_files"
NOT_SILENCED, TOO_LARGE = "recording_not_silenced", "too_large"
"""Codes of why nobody is given a recording, and yet somebody may be one day."""

_m, _u, _r = muted_interval.c, unmuted_recording.c, recording.c
_add_interval = insert(muted_interval)
_remove_intervals = delete(muted_interval).where(
    _m.team_id == param("team_id"), _m.conversation_id == param("conversation_id")
)
INTERVALS = (
    select(_m.start_ms, _m.end_ms)
    .where(_m.team_id == param("team_id"), _m.conversation_id == param("conversation_id"))
    .order_by(_m.position)
)
"""The columns of a `MutedInterval`, by `team_id` and `conversation_id`."""
_hold = insert(unmuted_recording)
_withdraw = (
    delete(recording)
    .where(_r.team_id == param("team_id"), _r.conversation_id == param("conversation_id"))
    .returning(_r.id, _r.file_key, _r.original_name)
)
_this = (_u.team_id == param("team_id"), _u.conversation_id == param("conversation_id"))
_held = select(_u.file_id, _u.file_key, _u.original_name).where(*_this)
_release = delete(unmuted_recording).where(*_this).returning(_u.file_id, _u.file_key)


class MutedInterval(NamedTuple):
    """From and up to, in ms from the beginning."""

    start_ms: int
    end_ms: int


class HeldRecording(NamedTuple):
    """A recording that waits until its pauses are silent."""

    file_id: str
    file_key: str
    original_name: str | None


def merged(intervals: Sequence[MutedInterval]) -> tuple[MutedInterval, ...]:
    """Return the intervals in their order, those that meet as one."""
    done: list[MutedInterval] = []
    for one in sorted(intervals):
        if done and one.start_ms <= done[-1].end_ms:
            done[-1] = MutedInterval(done[-1].start_ms, max(done[-1].end_ms, one.end_ms))
        else:
            done.append(one)
    return tuple(done)


def without_muted(segments: Sequence[Segment], intervals: Sequence[MutedInterval]) -> list[Segment]:
    """Return what was said outside the intervals: word by word where the words' times are known, else by segment."""
    kept: list[Segment] = []
    for segment in segments:
        if not _meets(segment.start_ms, segment.end_ms, intervals):
            kept.append(segment)
            continue
        words = [word for word in segment.words or () if not _meets(word[1], word[2], intervals)]
        if words and len(words) == len(segment.words or ()):
            kept.append(segment)
        elif words:
            text = " ".join(word[0] for word in words)
            kept.append(dataclasses.replace(segment, start_ms=words[0][1], end_ms=words[-1][2], text=text, words=words))
    return kept


def is_inside(moment_ms: int, intervals: Sequence[MutedInterval]) -> bool:
    """Return whether a moment is in one of the intervals."""
    return any(one.start_ms <= moment_ms < one.end_ms for one in intervals)


def _meets(start_ms: int, end_ms: int, intervals: Sequence[MutedInterval]) -> bool:
    # What has no length, as words sometimes, lasts a moment all the same.
    end_ms = max(end_ms, start_ms + 1)
    return any(one.start_ms < end_ms and start_ms < one.end_ms for one in intervals)


def keep_intervals(tx: Tx, team_id: int, conversation_id: str, intervals: Sequence[MutedInterval]) -> None:
    """Write down the pauses of a new conversation."""
    own = {"team_id": team_id, "conversation_id": conversation_id}
    rows = [{**own, "position": at, **one._asdict()} for at, one in enumerate(intervals)]
    tx.run(_add_interval, rows)


def replace_intervals(tx: Tx, team_id: int, conversation_id: str, intervals: Sequence[MutedInterval]) -> None:
    """Make these the parts of a conversation that nobody may hear."""
    tx.run(_remove_intervals, {"team_id": team_id, "conversation_id": conversation_id})
    keep_intervals(tx, team_id, conversation_id, intervals)


def intervals_of(tx: Tx, team_id: int, conversation_id: str) -> list[MutedInterval]:
    """Return the pauses of a conversation in their order."""
    rows = tx.all(INTERVALS, {"team_id": team_id, "conversation_id": conversation_id})
    return [MutedInterval(*row) for row in rows]


def muted_spans(tx: Tx, team_id: int, conversation_id: str) -> list[tuple[float, float]]:
    """As `intervals_of`, in seconds."""
    return [(one.start_ms / 1000, one.end_ms / 1000) for one in intervals_of(tx, team_id, conversation_id)]


def hold_recording(tx: Tx, team_id: int, conversation_id: str, kept: StoredRecording, *, now: Millis) -> None:
    """Keep a recording that came from everybody until the job has silenced its pauses.

    Raises:
        FileSwept: see `settle_file`.
    """
    settle_file(tx, team_id, kept.id)
    own = {"team_id": team_id, "conversation_id": conversation_id}
    tx.run(_hold, {**own, "file_id": kept.id, "file_key": kept.file_key, "original_name": kept.original_name})
    args = {"conversation_id": conversation_id}
    enqueue(tx, Enqueue(kind=SILENCE, args=args, team_id=team_id, now=now))


def withdraw_recording(tx: Tx, team_id: int, conversation_id: str) -> None:
    """Keep the recording that the conversation has from everybody: it is to be silenced anew."""
    own = {"team_id": team_id, "conversation_id": conversation_id}
    row = tx.one(_withdraw, own)
    if row is not None:
        tx.run(_hold, {**own, "file_id": row[0], "file_key": row[1], "original_name": row[2]})


def held_recording(tx: Tx, team_id: int, conversation_id: str) -> HeldRecording | None:
    """Return the recording that waits, or None when there is none."""
    row = tx.one(_held, {"team_id": team_id, "conversation_id": conversation_id})
    return None if row is None else HeldRecording(*row)


def release_held(tx: Tx, team_id: int, conversation_id: str, *, now: Millis) -> bool:
    """Give the recording as it came to the sweep; return whether there was one."""
    row = tx.one(_release, {"team_id": team_id, "conversation_id": conversation_id})
    if row is None:
        return False
    # As one that was left behind long ago: the sweep removes it, whatever stops.
    announce_file(tx, team_id, row[0], row[1], now=now - ABANDONED_AFTER - 1)
    enqueue(tx, Enqueue(kind=SWEEP, args={}, team_id=None, now=now))
    return True
