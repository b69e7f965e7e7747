"""What a team wants of reclaiming, its runs, and every seat that was noticed."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, TypedColumns, literal_column

from callfloor.foundation.database import Instant, Json, metadata


class ReclaimPolicyColumns(TypedColumns):
    """What a team has set; without a row it has never been switched on."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    is_on: Column[bool] = Column(Boolean)
    inactive_days: Column[int] = Column(Integer)
    grace_days: Column[int] = Column(Integer)
    protected_roles: Column[Any] = Column(Json)
    tells_person: Column[bool] = Column(Boolean)
    tells_administrators: Column[bool] = Column(Boolean)
    hour: Column[int] = Column(Integer)
    """In UTC."""
    next_run_at: Column[int | None] = Column(Instant, nullable=True)
    """Null while it is off."""


reclaim_policy = Table("reclaim_policy", metadata, ReclaimPolicyColumns, Index(None, "next_run_at"))


class ReclaimRunColumns(TypedColumns):
    """One look at all seats of a team, and how many of them it changed."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    at: Column[int] = Column(Instant)
    started_by: Column[str] = Column(Text)
    noticed: Column[int] = Column(Integer)
    canceled: Column[int] = Column(Integer)
    reclaimed: Column[int] = Column(Integer)
    refused: Column[int] = Column(Integer)


reclaim_run = Table("reclaim_run", metadata, ReclaimRunColumns)


class CaseState(enum.StrEnum):
    """How far the reclaiming of a seat is.

    noticed ─┬→ reclaimed → restored
             └→ canceled    (it was used, its holder left, or the policy changed)
    """

    NOTICED = "noticed"
    CANCELED = "canceled"
    RECLAIMED = "reclaimed"
    RESTORED = "restored"


class ReclaimCaseColumns(TypedColumns):
    """A seat that its holder did not use, with the holder as known then; either a person or a device."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    state: Column[str] = Column(Text)
    seat_id: Column[int] = Column(BigInteger)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    device_id: Column[int | None] = Column(BigInteger, nullable=True)
    name: Column[str] = Column(Text)
    """The person's address, or the machine's hostname."""
    role: Column[str] = Column(Text)
    inactive_since: Column[int] = Column(Instant)
    run_id: Column[int] = Column(BigInteger)
    noticed_at: Column[int] = Column(Instant)
    due_at: Column[int] = Column(Instant)
    ended_at: Column[int | None] = Column(Instant, nullable=True)
    reason: Column[str | None] = Column(Text, nullable=True)
    """Why it was canceled."""
    restored_at: Column[int | None] = Column(Instant, nullable=True)
    restored_seat_id: Column[int | None] = Column(BigInteger, nullable=True)


reclaim_case = Table(
    "reclaim_case",
    metadata,
    ReclaimCaseColumns,
    Index(None, "team_id", "state", "id"),
    Index(None, "team_id", "run_id", "id"),
)
is_open = reclaim_case.c.state == literal_column(f"'{CaseState.NOTICED.value}'")
"""Written out, not a parameter: only so does a database see that the index below answers it."""
Index(
    "uq_reclaim_case_open",
    *(reclaim_case.c.team_id, reclaim_case.c.seat_id),
    unique=True,
    sqlite_where=is_open,
    postgresql_where=is_open,
)
