"""Parts of conversations that nobody may hear, and recordings that wait until these are silent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import metadata


class MutedIntervalColumns(TypedColumns):
    """A pause in the recording, from the beginning of the conversation; intervals do not touch each other."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    position: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    start_ms: Column[int] = Column(BigInteger)
    end_ms: Column[int] = Column(BigInteger)


muted_interval = Table("muted_interval", metadata, MutedIntervalColumns)


class UnmutedRecordingColumns(TypedColumns):
    """A recording as it came, which nobody is given: it becomes the conversation's once its intervals are silent."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    file_id: Column[str] = Column(Text)
    file_key: Column[str] = Column(Text)
    original_name: Column[str | None] = Column(Text, nullable=True)


unmuted_recording = Table("unmuted_recording", metadata, UnmutedRecordingColumns)
