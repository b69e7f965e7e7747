"""Uploads that may take hours and survive a stop."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class ResumableUploadColumns(TypedColumns):
    """A recording on its way in pieces; whole, it becomes a conversation."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    kind: Column[str] = Column(Text)
    only_account_id: Column[int | None] = Column(BigInteger, nullable=True)
    """The one person who may see it, where that is not the whole team."""
    sender: Column[Any] = Column(Json)
    """Who began it, as `conversations_api.arrivals.Sender`."""
    fields: Column[Any] = Column(Json)
    """Text by name, as the client gave it."""
    persons: Column[Any] = Column(Json)
    """Whom these name: `persons.person_key` of each, by which an erasure finds it."""
    length_bytes: Column[int] = Column(BigInteger)
    offset_bytes: Column[int] = Column(BigInteger)
    """What is on disk for good."""
    parts: Column[Any] = Column(Json)
    writer: Column[str | None] = Column(Text, nullable=True)
    """Names the request that may move the offset; a later one takes over."""
    created_at: Column[int] = Column(Instant)
    expires_at: Column[int] = Column(Instant)
    """`tus.ENDED_AT` once an erasure ended it."""
    conversation_id: Column[str | None] = Column(Text, nullable=True)
    is_new_conversation: Column[bool | None] = Column(Boolean, nullable=True)
    """False where the conversation had come before."""


resumable_upload = Table(
    "resumable_upload",
    metadata,
    ResumableUploadColumns,
    Index(None, "expires_at"),
    Index(None, "team_id", "conversation_id"),
)
