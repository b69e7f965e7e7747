"""Conversations as this API writes them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from callfloor.conversations.commenting import Comment
from callfloor.conversations.listing import Conversation, Found, Participant
from callfloor.conversations.recording_links import Holder, recording_path
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.conversations_api import wire
from callfloor.conversations_api.wire import Expand
from callfloor.foundation.clock import Millis, iso, iso_or_none


@dataclasses.dataclass(frozen=True, slots=True)
class Links:
    """How recordings are linked to: the address of this server, the time, the key that signs, and for whom."""

    base_url: str
    now: Millis
    key: bytes
    holder: Holder

    def recording(self, team_id: int, recording_id: str | None) -> str | None:
        """Return the address of a recording, or None where there is none."""
        if recording_id is None:
            return None
        return self.base_url + recording_path(team_id, recording_id, holder=self.holder, now=self.now, key=self.key)


@dataclasses.dataclass(frozen=True, slots=True)
class View:
    """For whom records are written, and how full."""

    team_id: int
    client_id: str
    expand: Collection[Expand]
    links: Links


def call_records(found: Found, view: View) -> list[wire.CallRecord]:
    """Return the calls with every key."""
    return [
        wire.CallRecord(
            **_shared(row, found, view),
            caller=row.caller,
            callee=row.callee,
            direction=row.direction,
            external_call_id=row.external_call_id,
        )
        for row in found.rows
    ]


def meeting_records(found: Found, view: View) -> list[wire.MeetingRecord]:
    """Return the meetings with every key."""
    return [
        wire.MeetingRecord(
            **_shared(row, found, view),
            participant_emails=[p.email for p in found.participants.get(row.id, ()) if p.email],
        )
        for row in found.rows
    ]


def records(kind: ConversationKind, found: Found, view: View) -> list[wire.CallRecord] | list[wire.MeetingRecord]:
    """Return the records of the kind."""
    if kind is ConversationKind.CALL:
        return call_records(found, view)
    return meeting_records(found, view)


def _shared(row: Conversation, found: Found, view: View) -> dict[str, Any]:
    transcript = found.transcripts.get(row.id, []) if Expand.TRANSCRIPT in view.expand else None
    return {
        "id": row.id,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "client_id": view.client_id,
        "name": row.name,
        "date": iso(row.date),
        "participants": [_participant(p) for p in found.participants.get(row.id, ())],
        "duration": None if row.duration_ms is None else row.duration_ms / 1000,
        "metrics": _metrics(row),
        "language": row.language,
        "outcome": row.outcome,
        "comments": [_comment(one) for one in found.comments.get(row.id, ())],
        "rating": row.rating,
        "crm_reference": row.crm_reference,
        "user": _user(row, view.client_id, is_expanded=Expand.USER in view.expand),
        "recording_ref": view.links.recording(view.team_id, row.recording_id),
        "transcript": None if transcript is None else _transcript(transcript),
        "customer_domains": row.customer_domains,
        "recording_consent": row.recording_consent,
        "processing_status": row.processing_status,
        "processing_reason": row.processing_reason,
    }


def _comment(one: Comment) -> wire.Comment:
    start = None if one.start_ms is None else one.start_ms / 1000
    return wire.Comment(one.id, one.text, one.author_name, start, iso(one.created_at), iso_or_none(one.updated_at))


def _participant(party: Participant) -> wire.Participant:
    share = None if party.speak_permille is None else party.speak_permille / 1000
    return wire.Participant(party.id, party.name, party.email, party.is_internal, share)


def _metrics(row: Conversation) -> wire.Metrics:
    measured = row.metrics
    if measured is None:
        return wire.Metrics()
    return wire.Metrics(
        speak_ratio=measured.get("speak_share"),
        questions=measured.get("question_count"),
        patience=measured.get("patience_seconds"),
        words_per_minute=measured.get("words_per_minute"),
        longest_monologue=measured.get("longest_monologue_seconds"),
        interruptions=measured.get("interruption_count"),
        silence_ratio=measured.get("silence_share"),
        talk_to_listen=measured.get("talk_to_listen"),
    )


def _user(row: Conversation, client_id: str, *, is_expanded: bool) -> wire.User:
    if row.owner_account_id is None:
        return wire.User()
    name = f"{row.owner_first_name or ''} {row.owner_last_name or ''}".strip()
    user = wire.User(str(row.owner_account_id), name or None, row.owner_email)
    if is_expanded:
        user.first_name = row.owner_first_name
        user.last_name = row.owner_last_name
        user.client_id = client_id
        user.created_at = iso_or_none(row.owner_created_at)
    return user


def _transcript(segments: Sequence[Segment]) -> list[wire.Segment]:
    return [
        wire.Segment(
            speaker=segment.speaker,
            start=segment.start_ms / 1000,
            end=segment.end_ms / 1000,
            text=segment.text,
            words=None
            if segment.words is None
            else [wire.Word(text, start / 1000, end / 1000) for text, start, end in segment.words],
        )
        for segment in segments
    ]
