"""What people write about a conversation, and what they changed of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class ConversationCommentColumns(TypedColumns):
    """A comment, on the whole conversation or on one moment of it."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    id: Column[str] = Column(Text, primary_key=True)
    author_kind: Column[str] = Column(Text)
    author_id: Column[str] = Column(Text)
    author_name: Column[str] = Column(Text)
    text: Column[str] = Column(Text)
    start_ms: Column[int | None] = Column(BigInteger, nullable=True)
    """The moment it is about, from the beginning."""
    created_at: Column[int] = Column(Instant)
    updated_at: Column[int | None] = Column(Instant, nullable=True)


conversation_comment = Table("conversation_comment", metadata, ConversationCommentColumns)


class ConversationEditColumns(TypedColumns):
    """One change by a person or a key: what it was before, and after."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    id: Column[str] = Column(Text, primary_key=True)
    at: Column[int] = Column(Instant)
    actor_kind: Column[str] = Column(Text)
    actor_id: Column[str] = Column(Text)
    actor_name: Column[str] = Column(Text)
    field: Column[str] = Column(Text)
    before: Column[Any | None] = Column(Json, nullable=True)
    after: Column[Any | None] = Column(Json, nullable=True)


conversation_edit = Table(
    "conversation_edit", metadata, ConversationEditColumns, Index(None, "team_id", "conversation_id", "at", "id")
)
