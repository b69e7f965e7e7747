"""Events as agents sent them, kept for as long as one may be sent again."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class AgentEventColumns(TypedColumns):
    """A state or a call as it was reported."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Column[str] = Column(Text, primary_key=True)
    """A UUID in its canonical form."""
    kind: Column[str] = Column(Text)
    at: Column[int] = Column(Instant)
    received_at: Column[int] = Column(Instant)
    content: Column[str] = Column(Text)
    """The event as JSON, as it was sent."""


# With row ids: rows are appended; only the small entries of the key's index go where ids, which are random, say.
agent_event = Table("agent_event", metadata, AgentEventColumns, Index(None, "team_id", "received_at"))
