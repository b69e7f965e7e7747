"""The last number given in each sequence."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table, Text, TypedColumns

from callfloor.foundation.database import metadata


class SequenceHeadColumns(TypedColumns):
    """One sequence; whoever holds this row's lock is its sequencer."""

    name: Column[str] = Column(Text, primary_key=True)
    last: Column[int] = Column(BigInteger)


sequence_head = Table("sequence_head", metadata, SequenceHeadColumns)
