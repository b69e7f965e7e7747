"""What was said: segments with times, kept and read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sqlalchemy import delete, insert, select

from callfloor.conversations.search_index import forget_transcript, index_transcript
from callfloor.conversations.tables import conversation, transcript_segment
from callfloor.foundation.database import Tx, any_of, param

_s = transcript_segment.c
_remove = delete(transcript_segment).where(
    _s.team_id == param("team_id"), _s.conversation_id == param("conversation_id")
)
_add = insert(transcript_segment)
_date = select(conversation.c.date).where(
    conversation.c.team_id == param("team_id"), conversation.c.id == param("conversation_id")
)
_of_conversations = (
    select(_s.conversation_id, _s.channel, _s.speaker, _s.start_ms, _s.end_ms, _s.text, _s.words)
    .where(_s.team_id == param("team_id"), any_of(_s.conversation_id, "ids"))
    .order_by(_s.conversation_id, _s.position)
)

Word = tuple[str, int, int]
"""A word, its start and its end in ms from the beginning of the conversation."""


@dataclasses.dataclass(frozen=True, slots=True)
class Segment:
    """What one speaker said without a break; `channel` is None where it is not known."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str
    channel: int | None = None
    words: Sequence[Word] | None = None


def replace_transcript(tx: Tx, team_id: int, conversation_id: str, segments: Sequence[Segment]) -> None:
    """Make these the conversation's segments, whatever was there, and let them be found."""
    own = {"team_id": team_id, "conversation_id": conversation_id}
    remove_transcript(tx, team_id, conversation_id)
    row = tx.one(_date, own)
    if row is not None:
        index_transcript(tx, team_id, conversation_id, [segment.text for segment in segments], date=row[0])
    tx.run(
        _add,
        [
            {
                **own,
                "position": position,
                "channel": segment.channel,
                "speaker": segment.speaker,
                "start_ms": segment.start_ms,
                "end_ms": segment.end_ms,
                "text": segment.text,
                "words": segment.words,
            }
            for position, segment in enumerate(segments)
        ],
    )


def remove_transcript(tx: Tx, team_id: int, conversation_id: str) -> None:
    """Remove the conversation's segments, from the index too."""
    tx.run(_remove, {"team_id": team_id, "conversation_id": conversation_id})
    forget_transcript(tx, team_id, conversation_id)


def transcripts_of(tx: Tx, team_id: int, ids: Sequence[str]) -> dict[str, list[Segment]]:
    """Return the segments of each conversation in their order; one without a transcript is left out."""
    found: dict[str, list[Segment]] = {}
    for conversation_id, channel, speaker, start_ms, end_ms, text, words in tx.all(
        _of_conversations, {"team_id": team_id, "ids": list(ids)}
    ):
        segment = Segment(speaker, start_ms, end_ms, text, channel, words)
        found.setdefault(conversation_id, []).append(segment)
    return found
