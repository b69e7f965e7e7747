"""The jobs, waiting, running and ended, and when the scheduled ones are due next."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class JobState(enum.StrEnum):
    """How far a job is.

    available ─claim→ running ─→ done
        ↑                ├─→ retrying ─claim→ running   (failed or lost its worker, attempts are left)
        └─interrupted────┼─→ failed                     (no attempts left, or a permanent failure)
                         └─→ cancelled                  (also straight from available and retrying)
    """

    AVAILABLE = "available"
    RUNNING = "running"
    RETRYING = "retrying"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobColumns(TypedColumns):
    """One piece of work.

    A job stands in line (`turn` is set), waits for `run_at` (it is not, and neither are the others), runs
    (`lease_until` is set) or has ended (`finished_at` is set).
    """

    id: Column[str] = Column(Text, primary_key=True)
    team_id: Column[int | None] = Column(BigInteger, nullable=True)
    share: Column[int] = Column(BigInteger)
    """Whose fair share it is run on: the team, 0 for none."""
    kind: Column[str] = Column(Text)
    queue: Column[str] = Column(Text)
    args: Column[Any] = Column(Json)
    priority: Column[int] = Column(Integer)
    """Lower runs first."""
    state: Column[str] = Column(Text)
    turn: Column[int | None] = Column(BigInteger, nullable=True)
    """Place in line among equal priorities: the teams' n-th jobs stand beside each other."""
    run_at: Column[int] = Column(Instant)
    attempt: Column[int] = Column(Integer)
    max_attempts: Column[int | None] = Column(Integer, nullable=True)
    """Null: as its kind says."""
    claim: Column[int] = Column(Integer)
    """Counts claims and only grows: with `lease_owner` it tells a worker that lost the job from the one that has it."""
    lease_owner: Column[str | None] = Column(Text, nullable=True)
    lease_until: Column[int | None] = Column(Instant, nullable=True)
    cancel_requested: Column[bool] = Column(Boolean)
    unique_key: Column[str | None] = Column(Text, nullable=True)
    """Held until the job ends."""
    progress: Column[Any | None] = Column(Json, nullable=True)
    """``{"stage", "done", "total"}``."""
    errors: Column[Any] = Column(Json)
    """The last failures: ``[{"attempt", "at", "error", "detail"}, …]``."""
    created_at: Column[int] = Column(Instant)
    started_at: Column[int | None] = Column(Instant, nullable=True)
    finished_at: Column[int | None] = Column(Instant, nullable=True)


job = Table("job", metadata, JobColumns, Index(None, "team_id", "id"), Index(None, "state", "id"))
_c = job.c
_in_line = _c.turn.is_not(None)
_waits = _c.turn.is_(None) & _c.lease_until.is_(None) & _c.finished_at.is_(None)
_leased = _c.lease_until.is_not(None)
_ended = _c.finished_at.is_not(None)
_keyed = _c.unique_key.is_not(None)

Index(
    "ix_job_line",
    *(_c.queue, _c.priority, _c.turn, _c.id),
    sqlite_where=_in_line,
    postgresql_where=_in_line,
)
Index(
    "ix_job_share",
    *(_c.queue, _c.priority, _c.share, _c.turn),
    sqlite_where=_in_line,
    postgresql_where=_in_line,
)
Index("ix_job_waiting", _c.run_at, sqlite_where=_waits, postgresql_where=_waits)
Index("ix_job_leased", _c.lease_until, sqlite_where=_leased, postgresql_where=_leased)
Index("ix_job_ended", _c.state, _c.finished_at, sqlite_where=_ended, postgresql_where=_ended)
Index("uq_job_unique_key", _c.kind, _c.unique_key, unique=True, sqlite_where=_keyed, postgresql_where=_keyed)


class JobScheduleColumns(TypedColumns):
    """When one schedule is due next."""

    name: Column[str] = Column(Text, primary_key=True)
    rule: Column[str] = Column(Text)
    """The rule `next_at` was computed by; another rule computes it anew."""
    next_at: Column[int] = Column(Instant)
    last_due_at: Column[int | None] = Column(Instant, nullable=True)
    last_job_id: Column[str | None] = Column(Text, nullable=True)


job_schedule = Table("job_schedule", metadata, JobScheduleColumns)
