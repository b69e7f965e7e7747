"""Calls as they were reported last, and their sums: by day with each report, by week and month a moment later.

A report adds to `usage_day` in its own transaction and leaves a row in `usage_unfolded`; folding takes those rows and
moves what they say into the other sums. Who reads folds first, so that nobody sees the difference.
"""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata

_GroupId = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by its bytes on both databases; a number is written so that this is its order."""


class GroupKind(enum.StrEnum):
    """What calls are added up by."""

    USER = "user"
    USERNAME = "username"
    DEVICE = "device"
    LANGUAGE = "language"


class Cadence(enum.StrEnum):
    """The periods of the calendar; weeks begin on Monday."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class CallRecordColumns(TypedColumns):
    """The newest revision of a call; `day` counts from 1970-01-01 in UTC, durations are seconds."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    call_id: Column[str] = Column(Text, primary_key=True)
    revision: Column[int] = Column(BigInteger)
    username: Column[str] = Column(Text)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    app_name: Column[str] = Column(Text)
    language: Column[str | None] = Column(Text, nullable=True)
    started_at: Column[int] = Column(Instant)
    ended_at: Column[int] = Column(Instant)
    day: Column[int] = Column(Integer)
    mic_seconds: Column[int] = Column(BigInteger)
    speaker_seconds: Column[int] = Column(BigInteger)
    mic_noise_cancellation: Column[int] = Column(BigInteger)
    speaker_noise_cancellation: Column[int] = Column(BigInteger)
    background_voice_cancellation: Column[int] = Column(BigInteger)
    mic_accent_conversion: Column[int] = Column(BigInteger)
    speaker_accent_conversion: Column[int] = Column(BigInteger)
    voice_translation: Column[int] = Column(BigInteger)
    transcription: Column[int] = Column(BigInteger)
    recorded_at: Column[int] = Column(Instant)


call_record = Table("call_record", metadata, CallRecordColumns, Index(None, "team_id", "day"), sqlite_with_rowid=False)

SUMS = (
    "calls",
    "mic_seconds",
    "speaker_seconds",
    "mic_noise_cancellation",
    "speaker_noise_cancellation",
    "background_voice_cancellation",
    "mic_accent_conversion",
    "speaker_accent_conversion",
    "voice_translation",
    "transcription",
)
"""What is added up: names of the columns that every table of sums has."""
DAYS_OF_WEEK = range(7)


def _sums() -> list[Column[Any]]:
    return [Column(name, BigInteger, nullable=False) for name in SUMS]


def _group() -> list[Column[Any]]:
    return [
        Column("team_id", BigInteger, primary_key=True, autoincrement=False),
        Column("group_kind", Text, primary_key=True),
    ]


usage_day = Table(
    "usage_day",
    metadata,
    *_group(),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("group_id", _GroupId, primary_key=True),
    *_sums(),
    Column("ranked_seconds", BigInteger, nullable=True),
    sqlite_with_rowid=False,
)
"""What a group's calls of one day add up to; `ranked_seconds` is mic_seconds as it was folded, null before."""
is_ranked = usage_day.c.ranked_seconds.is_not(None)
Index(
    "ix_usage_day_ranked",
    usage_day.c.team_id,
    usage_day.c.group_kind,
    usage_day.c.day,
    usage_day.c.ranked_seconds.desc(),
    usage_day.c.group_id,
    sqlite_where=is_ranked,
    postgresql_where=is_ranked,
)

usage_week = Table(
    "usage_week",
    metadata,
    *_group(),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("group_id", _GroupId, primary_key=True),
    # Before the sums: a row is read up to the last column that is asked for.
    *(Column(f"mic_seconds_{day}", BigInteger, nullable=False) for day in DAYS_OF_WEEK),
    *(Column(f"calls_{day}", BigInteger, nullable=False) for day in DAYS_OF_WEEK),
    *_sums(),
    sqlite_with_rowid=False,
)
"""The same by week, from the day `start`, a Monday; with calls and seconds of each day: a part of it can be ranked."""
Index(
    "ix_usage_week_ranked",
    usage_week.c.team_id,
    usage_week.c.group_kind,
    usage_week.c.start,
    usage_week.c.mic_seconds.desc(),
    usage_week.c.group_id,
)

usage_month = Table(
    "usage_month",
    metadata,
    *_group(),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("group_id", _GroupId, primary_key=True),
    *_sums(),
    sqlite_with_rowid=False,
)
"""The same by month, from the day `start`, its first."""
Index(
    "ix_usage_month_ranked",
    usage_month.c.team_id,
    usage_month.c.group_kind,
    usage_month.c.start,
    usage_month.c.mic_seconds.desc(),
    usage_month.c.group_id,
)

usage_count = Table(
    "usage_count",
    metadata,
    *_group(),
    Column("cadence", Text, primary_key=True),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("groups", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""How many groups have calls in a period: kept, so that a page's total is not counted."""

usage_quarter = Table(
    "usage_quarter",
    metadata,
    Column("team_id", BigInteger, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    *_sums(),
    sqlite_with_rowid=False,
)
"""What all of a team's calls add up to by quarter of an hour since 1970: every time zone's day begins at one."""

usage_unfolded = Table(
    "usage_unfolded",
    metadata,
    Column("team_id", BigInteger, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    Column("device_id", BigInteger, primary_key=True, autoincrement=False),
    Column("call_id", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    # The last of the key: a call is counted before it is taken back, wherever a batch ends.
    Column("is_taken_back", Integer, primary_key=True, autoincrement=False),
    Column("username", Text, nullable=False),
    Column("account_id", BigInteger, nullable=True),
    Column("language", Text, nullable=True),
    *_sums(),
    sqlite_with_rowid=False,
)
"""A call that the days count already, and weeks, months and quarters do not; or one taken back, its sums negative."""


class UsageFoldColumns(TypedColumns):
    """Who writes this row folds; nobody else does meanwhile."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    folded_at: Column[int] = Column(Instant)


usage_fold = Table("usage_fold", metadata, UsageFoldColumns)
