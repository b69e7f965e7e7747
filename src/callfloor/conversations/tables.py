"""Conversations, who took part, their recordings and their transcripts."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata

AUTO = "auto"
"""The language of a recording of which nobody knows what is spoken."""


class ConversationKind(enum.StrEnum):
    """A recorded video meeting, or a telephone call."""

    CALL = "call"
    MEETING = "meeting"


class ProcessingStatus(enum.StrEnum):
    """queued → processing → analyzed | failed; a retry leads from processing back to queued."""

    QUEUED = "queued"
    PROCESSING = "processing"
    ANALYZED = "analyzed"
    FAILED = "failed"


class ConversationColumns(TypedColumns):
    """One meeting or call."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    kind: Column[str] = Column(Text)
    name: Column[str] = Column(Text)
    date: Column[int] = Column(Instant)
    """When the conversation began; never moves."""
    created_at: Column[int] = Column(Instant)
    updated_at: Column[int] = Column(Instant)
    duration_ms: Column[int | None] = Column(BigInteger, nullable=True)
    processing_status: Column[str] = Column(Text)
    processing_reason_code: Column[str | None] = Column(Text, nullable=True)
    processing_reason: Column[str | None] = Column(Text, nullable=True)
    direction: Column[str | None] = Column(Text, nullable=True)
    caller: Column[str | None] = Column(Text, nullable=True)
    callee: Column[str | None] = Column(Text, nullable=True)
    external_call_id: Column[str | None] = Column(Text, nullable=True)
    content_sha256: Column[str | None] = Column(Text, nullable=True)
    content_key: Column[str | None] = Column(Text, nullable=True)
    """The content's hash where nothing else tells two uploads apart: there is no external id."""
    language: Column[str | None] = Column(Text, nullable=True)
    asked_language: Column[str | None] = Column(Text, nullable=True)
    """In which it is to be analyzed anew, until that has ended: a code, or `AUTO`."""
    owner_account_id: Column[int | None] = Column(BigInteger, nullable=True)
    made_by_key_id: Column[int | None] = Column(BigInteger, nullable=True)
    is_external: Column[bool] = Column(Boolean)
    recording_consent: Column[str | None] = Column(Text, nullable=True)
    channels: Column[Any] = Column(Json)
    """Party by channel number as text: ``{"0": "agent", "1": "customer"}``; empty when the upload did not say."""
    customer_domains: Column[Any] = Column(Json)
    metrics: Column[Any | None] = Column(Json, nullable=True)
    outcome: Column[str | None] = Column(Text, nullable=True)
    rating: Column[int | None] = Column(Integer, nullable=True)
    """1 to 5, as people give it."""
    crm_reference: Column[Any] = Column(Json)
    """Text by name, such as ``{"system": "hubspot", "id": "12"}``."""
    comment_count: Column[int] = Column(Integer)


conversation = Table(
    "conversation",
    metadata,
    ConversationColumns,
    Index(None, "team_id", "kind", "is_external", "date", "id"),
    Index(None, "team_id", "kind", "date", "id"),
    Index(None, "team_id", "kind", "owner_account_id", "date", "id"),
    # All that is needed to find, count and sort what changed since an instant.
    Index(None, "team_id", "kind", "updated_at", "is_external", "date", "id"),
    Index(None, "team_id", "kind", "external_call_id", unique=True),
    Index(None, "team_id", "kind", "content_key", unique=True),
    Index(None, "team_id", "kind", "content_sha256"),
)


class ConversationParticipantColumns(TypedColumns):
    """One person or party of a conversation, in the order they were named."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    position: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text)
    name: Column[str | None] = Column(Text, nullable=True)
    email: Column[str | None] = Column(Text, nullable=True)
    is_internal: Column[bool] = Column(Boolean)
    channel: Column[int | None] = Column(Integer, nullable=True)
    speak_permille: Column[int | None] = Column(Integer, nullable=True)
    """Share of the speech, in thousandths."""


conversation_participant = Table("conversation_participant", metadata, ConversationParticipantColumns)


class ConversationDomainColumns(TypedColumns):
    """An e-mail domain of the external participants, with what lists filter and sort by."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    kind: Column[str] = Column(Text, primary_key=True)
    domain: Column[str] = Column(Text, primary_key=True)
    date: Column[int] = Column(Instant, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)


conversation_domain = Table("conversation_domain", metadata, ConversationDomainColumns)


class ConversationCountColumns(TypedColumns):
    """How many conversations began on a day, in all (`domain` empty) and by external domain: kept, not counted."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    kind: Column[str] = Column(Text, primary_key=True)
    domain: Column[str] = Column(Text, primary_key=True)
    day: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    """Whole days of UTC since 1970-01-01."""
    is_external: Column[bool] = Column(Boolean, primary_key=True)
    conversations: Column[int] = Column(BigInteger)


conversation_count = Table("conversation_count", metadata, ConversationCountColumns)


class RecordingColumns(TypedColumns):
    """The original file of a conversation; its key in the file store ends in the recording's id."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    conversation_id: Column[str] = Column(Text)
    file_key: Column[str] = Column(Text)
    size_bytes: Column[int] = Column(BigInteger)
    sha256: Column[str] = Column(Text)
    media_type: Column[str] = Column(Text)
    original_name: Column[str | None] = Column(Text, nullable=True)
    created_at: Column[int] = Column(Instant)


recording = Table("recording", metadata, RecordingColumns, Index(None, "team_id", "conversation_id"))


class IncomingFileColumns(TypedColumns):
    """A file on its way into the store that no conversation has yet: what a stop leaves behind is found here."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    """The recording's, if it becomes one."""
    file_key: Column[str] = Column(Text)
    begun_at: Column[int] = Column(Instant)
    is_condemned: Column[bool] = Column(Boolean)
    """The sweep is deleting it: it can no longer become a recording."""


incoming_file = Table("incoming_file", metadata, IncomingFileColumns, Index(None, "begun_at"))


class TranscriptSegmentColumns(TypedColumns):
    """What one speaker said without a break, with the words' times when they are known."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    position: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    channel: Column[int | None] = Column(Integer, nullable=True)
    speaker: Column[str] = Column(Text)
    start_ms: Column[int] = Column(BigInteger)
    end_ms: Column[int] = Column(BigInteger)
    text: Column[str] = Column(Text)
    words: Column[Any | None] = Column(Json, nullable=True)
    """``[[word, start_ms, end_ms], …]``."""


transcript_segment = Table("transcript_segment", metadata, TranscriptSegmentColumns)
