"""Where the words of the full-text index were said; the index itself stands beside the tables (see migrations)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import metadata


class SearchEntryColumns(TypedColumns):
    """A segment of a transcript as the index knows it: ids grow with the conversation's date, then its segments."""

    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    team_id: Column[int] = Column(BigInteger)
    conversation_id: Column[str] = Column(Text)
    position: Column[int] = Column(Integer)


search_entry = Table(
    "search_entry",
    metadata,
    SearchEntryColumns,
    Index(None, "team_id", "conversation_id"),
    Index(None, "team_id", "id"),
)


class SearchSlotColumns(TypedColumns):
    """How many ids of one instant are given: conversations that began in the same millisecond share it."""

    first_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    taken: Column[int] = Column(BigInteger)


search_slot = Table("search_slot", metadata, SearchSlotColumns)
