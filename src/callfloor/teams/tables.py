"""Teams, seats, the counts kept of them, and the ledger of charges."""

from __future__ import annotations

import enum

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class TeamType(enum.StrEnum):
    """Whether a seat is a machine or a person."""

    DEVICE = "device"
    EMAIL = "email"


class Payment(enum.StrEnum):
    """How a team pays."""

    CARD = "card"
    INVOICE = "invoice"


class SeatStatus(enum.StrEnum):
    """Whether somebody holds the seat."""

    UNASSIGNED = "unassigned"
    INVITED = "invited"
    ASSIGNED = "assigned"


class TeamColumns(TypedColumns):
    """One tenant."""

    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    name: Column[str] = Column(Text)
    type: Column[str] = Column(Text)
    payment: Column[str] = Column(Text)
    activity_billing: Column[bool] = Column(Boolean)
    client_id: Column[str] = Column(Text, unique=True)
    device_secret_hash: Column[bytes | None] = Column(LargeBinary, nullable=True, unique=True)
    seat_price: Column[int] = Column(BigInteger)
    currency: Column[str] = Column(Text)
    created_at: Column[int] = Column(Instant)


team = Table("team", metadata, TeamColumns)


class TeamDomainColumns(TypedColumns):
    """An e-mail domain of the team's own people: who writes from it is internal."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    domain: Column[str] = Column(Text, primary_key=True)
    created_at: Column[int] = Column(Instant)


team_domain = Table("team_domain", metadata, TeamDomainColumns)


class SeatColumns(TypedColumns):
    """One paid place; `_key` columns hold the case-folded text that is searched."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    type: Column[str] = Column(Text)
    status: Column[str] = Column(Text)
    role: Column[str] = Column(Text)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    hostname: Column[str | None] = Column(Text, nullable=True)
    hostname_key: Column[str | None] = Column(Text, nullable=True)
    nickname: Column[str | None] = Column(Text, nullable=True)
    nickname_key: Column[str | None] = Column(Text, nullable=True)
    created_at: Column[int] = Column(Instant)
    assigned_at: Column[int | None] = Column(Instant, nullable=True)
    last_active_at: Column[int | None] = Column(Instant, nullable=True)


seat = Table(
    "seat",
    metadata,
    SeatColumns,
    Index(None, "team_id", "status", "id"),
    Index(None, "team_id", "role", "id"),
    Index(None, "team_id", "status", "role", "id"),
    Index(None, "team_id", "account_id", unique=True),
)


class SeatTotalColumns(TypedColumns):
    """How many seats a team has, by status and role: kept, so that a list's total is not counted."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    status: Column[str] = Column(Text, primary_key=True)
    role: Column[str] = Column(Text, primary_key=True)
    seats: Column[int] = Column(BigInteger)


seat_total = Table("seat_total", metadata, SeatTotalColumns)


class SeatBucketColumns(TypedColumns):
    """The same by range of ids (`id >> BUCKET_BITS`), so that a far page is found without walking to it."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    status: Column[str] = Column(Text, primary_key=True)
    role: Column[str] = Column(Text, primary_key=True)
    bucket: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    seats: Column[int] = Column(BigInteger)


seat_bucket = Table("seat_bucket", metadata, SeatBucketColumns)


class ChargeColumns(TypedColumns):
    """One amount owed, with all it was computed from; money is in minor units, rows are only ever added."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, primary_key=True)
    at: Column[int] = Column(Instant)
    amount: Column[int] = Column(BigInteger)
    currency: Column[str] = Column(Text)
    period_start: Column[int] = Column(Instant)
    period_end: Column[int] = Column(Instant)
    seats: Column[int] = Column(BigInteger)
    seats_before: Column[int] = Column(BigInteger)
    seats_after: Column[int] = Column(BigInteger)
    seat_price: Column[int] = Column(BigInteger)
    days_left: Column[int] = Column(Integer)
    days_in_period: Column[int] = Column(Integer)


charge = Table("charge", metadata, ChargeColumns, Index(None, "team_id", "at"))
