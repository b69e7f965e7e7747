"""Teams, seats, the counts kept of them, and the ledger of what they cost."""

from __future__ import annotations

import enum

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    TypedColumns,
    literal_column,
)

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
    inviting_enabled: Column[bool] = Column(Boolean)
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


class InvitationState(enum.StrEnum):
    """What became of an invitation; only a pending one holds a seat.

    pending ─┬→ accepted
             ├→ revoked    (by somebody, or its seat was unassigned)
             └→ expired
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"


class InvitationColumns(TypedColumns):
    """A person asked to join by mail, with a reserved seat; the link's token is derived from `nonce`, never stored."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    email: Column[str] = Column(Text)
    email_key: Column[str] = Column(Text)
    role: Column[str] = Column(Text)
    state: Column[str] = Column(Text)
    seat_id: Column[int] = Column(BigInteger)
    nonce: Column[str] = Column(Text)
    token_hash: Column[bytes] = Column(LargeBinary, unique=True)
    link_base: Column[str] = Column(Text)
    """Address of the server as the inviter asked it."""
    sendings: Column[int] = Column(Integer)
    """How often a mail was enqueued; each has a link of its own, and only the newest works."""
    invited_by: Column[str] = Column(Text)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    """Who accepted."""
    created_at: Column[int] = Column(Instant)
    sent_at: Column[int] = Column(Instant)
    expires_at: Column[int] = Column(Instant)
    ended_at: Column[int | None] = Column(Instant, nullable=True)


invitation = Table("invitation", metadata, InvitationColumns, Index(None, "team_id", "state", "id"))
is_pending = invitation.c.state == literal_column(f"'{InvitationState.PENDING.value}'")
"""Written out, not a parameter: only so does a database see that the indexes below answer it."""
Index(
    "uq_invitation_pending_email",
    *(invitation.c.team_id, invitation.c.email_key),
    unique=True,
    sqlite_where=is_pending,
    postgresql_where=is_pending,
)
Index(
    "uq_invitation_pending_seat",
    *(invitation.c.team_id, invitation.c.seat_id),
    unique=True,
    sqlite_where=is_pending,
    postgresql_where=is_pending,
)
Index("ix_invitation_due", invitation.c.expires_at, sqlite_where=is_pending, postgresql_where=is_pending)


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
    bucket: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    status: Column[str] = Column(Text, primary_key=True)
    role: Column[str] = Column(Text, primary_key=True)
    seats: Column[int] = Column(BigInteger)


seat_bucket = Table("seat_bucket", metadata, SeatBucketColumns, sqlite_with_rowid=False)


class SeatStretchColumns(TypedColumns):
    """The same by stretch of buckets (`bucket >> STRETCH_BITS`), so that a million seats are few rows to add up."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    stretch: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    status: Column[str] = Column(Text, primary_key=True)
    role: Column[str] = Column(Text, primary_key=True)
    seats: Column[int] = Column(BigInteger)


seat_stretch = Table("seat_stretch", metadata, SeatStretchColumns, sqlite_with_rowid=False)


class EntryKind(enum.StrEnum):
    """What an entry of the ledger says."""

    RENEWAL = "renewal"
    """A period begins: the price of the seats held at its start."""
    CHARGE = "charge"
    """Seats added, paid by card: the price of the rest of the period."""
    ACTIVITY = "activity"
    """Seats added, paid by invoice: they count from the next renewal on."""
    REMOVAL = "removal"
    """Seats deleted: they no longer count from the next renewal on; nothing is paid back."""
    PRICE = "price"
    """The price of a seat, from here on."""


class LedgerEntryColumns(TypedColumns):
    """One fact of billing with all it was computed from; money is in minor units, rows are only ever added.

    `number` counts a team's entries from 1 without a gap, and `at` never goes back: the state of the team at any
    instant is its newest entry before.
    """

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    number: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[str] = Column(Text, unique=True)
    kind: Column[str] = Column(Text)
    at: Column[int] = Column(Instant)
    amount: Column[int] = Column(BigInteger)
    currency: Column[str] = Column(Text)
    payment: Column[str] = Column(Text)
    period_start: Column[int] = Column(Instant)
    period_end: Column[int] = Column(Instant)
    seats: Column[int] = Column(BigInteger)
    seats_before: Column[int] = Column(BigInteger)
    seats_after: Column[int] = Column(BigInteger)
    seat_price: Column[int] = Column(BigInteger)
    days_left: Column[int] = Column(Integer)
    days_in_period: Column[int] = Column(Integer)


ledger_entry = Table("ledger_entry", metadata, LedgerEntryColumns, Index(None, "team_id", "period_start", "number"))


class SettlementState(enum.StrEnum):
    """What became of an amount to be paid by card."""

    RECORDED = "recorded"
    """Written down; somebody collects it by other means."""
    PAID = "paid"
    DECLINED = "declined"


class SettlementColumns(TypedColumns):
    """What the payment provider made of an entry of the ledger; rows are only ever added."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    number: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    state: Column[str] = Column(Text)
    provider: Column[str] = Column(Text)
    reference: Column[str | None] = Column(Text, nullable=True)
    reason: Column[str | None] = Column(Text, nullable=True)
    at: Column[int] = Column(Instant)


settlement = Table("settlement", metadata, SettlementColumns)
