"""Imports of calls: how far each is, which rows were refused, and what a dry run has seen."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class ImportState(enum.StrEnum):
    """How far an import is.

    queued → running ─┬→ done
       ↑              ├→ failed    (what it reads from cannot be read)
       │              └→ stopped   (also straight from queued)
       └──── resume ←─── failed, stopped
    """

    QUEUED = "queued"
    RUNNING = "running"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


class ConversationImportColumns(TypedColumns):
    """One import, and the place it has come to; everything before that place is committed."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    state: Column[str] = Column(Text)
    reason: Column[str | None] = Column(Text, nullable=True)
    """Why it failed."""
    is_dry_run: Column[bool] = Column(Boolean)
    origin: Column[str] = Column(Text)
    """What is read, for people and to know it again; without secrets."""
    location: Column[str | None] = Column(Text, nullable=True)
    """Name of the allowed location; null for the command line, which names its own."""
    csv_key: Column[str | None] = Column(Text, nullable=True)
    """The table in the store of files; gone when the import has ended."""
    options: Column[Any] = Column(Json)
    actor: Column[Any] = Column(Json)
    maker_account_id: Column[int | None] = Column(BigInteger, nullable=True)
    run: Column[int] = Column(Integer)
    """Counts resumptions: who works for an earlier one finds that it is over."""
    row_number: Column[int] = Column(BigInteger)
    """The last row that is committed; a table's header is row 1."""
    position: Column[str | None] = Column(Text, nullable=True)
    """Where that row ends, in the words of what is read."""
    done_units: Column[int] = Column(BigInteger)
    """Bytes of a table, files of a folder."""
    total_units: Column[int | None] = Column(BigInteger, nullable=True)
    created: Column[int] = Column(BigInteger)
    existing: Column[int] = Column(BigInteger)
    refused: Column[int] = Column(BigInteger)
    not_answered: Column[int] = Column(BigInteger)
    not_recorded: Column[int] = Column(BigInteger)
    run_began_at: Column[int | None] = Column(Instant, nullable=True)
    run_began_units: Column[int] = Column(BigInteger)
    created_at: Column[int] = Column(Instant)
    updated_at: Column[int] = Column(Instant)
    finished_at: Column[int | None] = Column(Instant, nullable=True)


conversation_import = Table("conversation_import", metadata, ConversationImportColumns)


class ImportRefusalColumns(TypedColumns):
    """One fault of one row; it repeats nothing of the row but the name of its file, where there is no table."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    import_id: Column[str] = Column(Text, primary_key=True)
    row_number: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    position: Column[int] = Column(Integer, primary_key=True, autoincrement=False)
    file: Column[str | None] = Column(Text, nullable=True)
    field: Column[str] = Column(Text)
    expected: Column[str] = Column(Text)


import_refusal = Table("import_refusal", metadata, ImportRefusalColumns)


class ImportKeyColumns(TypedColumns):
    """What a dry run would have created: its later rows find it there already. Gone when the run has ended."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    import_id: Column[str] = Column(Text, primary_key=True)
    key: Column[str] = Column(Text, primary_key=True)


import_key = Table("import_key", metadata, ImportKeyColumns)
