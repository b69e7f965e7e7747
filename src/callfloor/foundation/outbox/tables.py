"""What happened, for whoever follows it: one row for each event."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class OutboxEventColumns(TypedColumns):
    """One event; `seq` is given after the commit by the sequencer."""

    entry: Column[int] = Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    """Order of insertion: ties in time fall to it."""
    id: Column[str] = Column(Text, unique=True)
    team_id: Column[int | None] = Column(BigInteger, nullable=True)
    kind: Column[str] = Column(Text)
    """`noun.past_participle`."""
    subject: Column[str] = Column(Text)
    payload: Column[Any] = Column(Json)
    at: Column[int] = Column(Instant)
    seq: Column[int | None] = Column(BigInteger, nullable=True, unique=True)


outbox_event = Table("outbox_event", metadata, OutboxEventColumns)
Index(
    "ix_outbox_event_waiting",
    outbox_event.c.entry,
    sqlite_where=outbox_event.c.seq.is_(None),
    postgresql_where=outbox_event.c.seq.is_(None),
)


class OutboxFollowerColumns(TypedColumns):
    """How far one reader has come; whoever holds this row's lock reads on."""

    name: Column[str] = Column(Text, primary_key=True)
    seq: Column[int] = Column(BigInteger)


outbox_follower = Table("outbox_follower", metadata, OutboxFollowerColumns)
