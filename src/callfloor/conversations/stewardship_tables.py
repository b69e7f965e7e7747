"""How long conversations are kept, what is held, erased or redacted, and by what a person is known."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, TypedColumns, literal_column

from callfloor.foundation.database import Instant, Json, metadata


class ConversationPersonColumns(TypedColumns):
    """Somebody who took part, by the address or number they are known by; see `persons.person_key`."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    person_key: Column[str] = Column(Text, primary_key=True)
    conversation_id: Column[str] = Column(Text, primary_key=True)


conversation_person = Table(
    "conversation_person", metadata, ConversationPersonColumns, Index(None, "team_id", "conversation_id")
)


class RetentionRuleColumns(TypedColumns):
    """For how long a team keeps conversations of one kind, counted from their beginning; no row: for ever."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    kind: Column[str] = Column(Text, primary_key=True)
    days: Column[int] = Column(Integer)
    updated_at: Column[int] = Column(Instant)


retention_rule = Table("retention_rule", metadata, RetentionRuleColumns)


class LegalHoldColumns(TypedColumns):
    """What must be kept whatever else is asked, until it is lifted: a conversation, or all of a person."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    conversation_id: Column[str | None] = Column(Text, nullable=True)
    person_key: Column[str | None] = Column(Text, nullable=True)
    reason: Column[str] = Column(Text)
    placed_at: Column[int] = Column(Instant)
    placed_by: Column[Any] = Column(Json)
    """``{"kind", "id", "name"}`` of an actor of the audit trail."""
    lifted_at: Column[int | None] = Column(Instant, nullable=True)
    lifted_by: Column[Any | None] = Column(Json, nullable=True)


legal_hold = Table(
    "legal_hold",
    metadata,
    LegalHoldColumns,
    Index(None, "team_id", "conversation_id"),
    Index(None, "team_id", "person_key"),
)


class ErasureState(enum.StrEnum):
    """running → done."""

    RUNNING = "running"
    DONE = "done"


class ErasureColumns(TypedColumns):
    """The receipt of one erasure; it says nothing of what was erased but ids, counts and digests."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    cause: Column[str] = Column(Text)
    """`conversations`, `person` or `retention`."""
    person_digest: Column[bytes | None] = Column(LargeBinary, nullable=True)
    """A keyed hash of the address or number: who has it can prove that the receipt is about it."""
    state: Column[str] = Column(Text)
    requested_at: Column[int] = Column(Instant)
    requested_by: Column[Any] = Column(Json)
    """``{"kind", "id", "name"}`` of an actor of the audit trail."""
    finished_at: Column[int | None] = Column(Instant, nullable=True)
    scrubbed_at: Column[int | None] = Column(Instant, nullable=True)
    """When the database's file was written anew, so that nothing was left in it."""
    counts: Column[Any] = Column(Json)
    digest: Column[str | None] = Column(Text, nullable=True)
    """Over what each conversation was."""


erasure = Table(
    "erasure",
    metadata,
    ErasureColumns,
    Index(None, "team_id", "cause", "state"),
)
Index(
    "ix_erasure_unscrubbed",
    erasure.c.finished_at,
    sqlite_where=erasure.c.finished_at.is_not(None) & erasure.c.scrubbed_at.is_(None),
    postgresql_where=erasure.c.finished_at.is_not(None) & erasure.c.scrubbed_at.is_(None),
)


is_running = erasure.c.state == literal_column(f"'{ErasureState.RUNNING.value}'")
"""Written out, not a parameter: only so does a database see that the index below answers it."""
Index(
    "ix_erasure_running",
    *(erasure.c.team_id, erasure.c.id),
    sqlite_where=is_running,
    postgresql_where=is_running,
)


class ItemState(enum.StrEnum):
    """waiting → erased | held | gone."""

    WAITING = "waiting"
    ERASED = "erased"
    HELD = "held"
    GONE = "gone"
    """It was not there any more."""


class ErasureItemColumns(TypedColumns):
    """What became of one conversation."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    erasure_id: Column[str] = Column(Text, primary_key=True)
    conversation_id: Column[str] = Column(Text, primary_key=True)
    kind: Column[str] = Column(Text)
    state: Column[str] = Column(Text)
    at: Column[int | None] = Column(Instant, nullable=True)
    hold_id: Column[str | None] = Column(Text, nullable=True)
    digest: Column[str | None] = Column(Text, nullable=True)
    """SHA-256 over every row of it, as hexadecimal text."""
    recordings: Column[Any] = Column(Json)
    """``[{"sha256", "size_bytes"}, …]``."""
    counts: Column[Any] = Column(Json)


erasure_item = Table(
    "erasure_item",
    metadata,
    ErasureItemColumns,
    Index(None, "team_id", "erasure_id", "state", "conversation_id"),
)


class RedactionState(enum.StrEnum):
    """running → done | withheld."""

    RUNNING = "running"
    DONE = "done"
    WITHHELD = "withheld"
    """The recording cannot be silenced: nobody is given it."""


class RedactionColumns(TypedColumns):
    """The receipt of one redaction: parts of a conversation that nobody is to hear or read any more."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    conversation_id: Column[str] = Column(Text)
    intervals: Column[Any] = Column(Json)
    """``[[start_ms, end_ms], …]``, as they were asked for."""
    state: Column[str] = Column(Text)
    requested_at: Column[int] = Column(Instant)
    requested_by: Column[Any] = Column(Json)
    """``{"kind", "id", "name"}`` of an actor of the audit trail."""
    finished_at: Column[int | None] = Column(Instant, nullable=True)
    scrubbed_at: Column[int | None] = Column(Instant, nullable=True)
    """As that of an erasure."""
    counts: Column[Any] = Column(Json)


redaction = Table("redaction", metadata, RedactionColumns, Index(None, "team_id", "conversation_id", "id"))
is_under_way = redaction.c.state == literal_column(f"'{RedactionState.RUNNING.value}'")
"""As `is_running`, of redactions."""
Index(
    "ix_redaction_running",
    *(redaction.c.team_id, redaction.c.id),
    sqlite_where=is_under_way,
    postgresql_where=is_under_way,
)
_is_unscrubbed = redaction.c.finished_at.is_not(None) & redaction.c.scrubbed_at.is_(None)
Index("ix_redaction_unscrubbed", redaction.c.finished_at, sqlite_where=_is_unscrubbed, postgresql_where=_is_unscrubbed)
