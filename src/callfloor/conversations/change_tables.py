"""What changed in a team's conversations, for whoever keeps a copy of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class ConversationChangeColumns(TypedColumns):
    """One change of one conversation; `seq` is given after the commit by the sequencer."""

    entry: Column[int] = Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    """Order of insertion."""
    team_id: Column[int] = Column(BigInteger)
    conversation_id: Column[str] = Column(Text)
    kind: Column[str] = Column(Text)
    """`call` or `meeting`."""
    change: Column[str] = Column(Text)
    owner_account_id: Column[int | None] = Column(BigInteger, nullable=True)
    """Whose conversation it is, or was."""
    at: Column[int] = Column(Instant)
    seq: Column[int | None] = Column(BigInteger, nullable=True, unique=True)


conversation_change = Table(
    "conversation_change",
    metadata,
    ConversationChangeColumns,
    Index(None, "team_id", "seq"),
    Index(None, "team_id", "owner_account_id", "seq"),
)
Index(
    "ix_conversation_change_waiting",
    conversation_change.c.entry,
    sqlite_where=conversation_change.c.seq.is_(None),
    postgresql_where=conversation_change.c.seq.is_(None),
)
