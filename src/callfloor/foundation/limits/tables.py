"""Clients that are counted in the database, and every block, wherever it is counted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class RateLimitClientColumns(TypedColumns):
    """One client in its window or its block; with a store in memory or in Valkey, its block alone."""

    api: Column[str] = Column(Text, primary_key=True)
    client: Column[str] = Column(Text, primary_key=True)
    """An address, a key, a person or a device, as the operator is shown it."""
    total: Column[int] = Column(BigInteger)
    """Requests of this window, the one that went over included."""
    ends_at: Column[int] = Column(Instant)
    """Of the window, or of the block."""
    blocked_at: Column[int | None] = Column(Instant, nullable=True)
    lifted_at: Column[int | None] = Column(Instant, nullable=True)
    """When an operator last lifted a block; kept when the count begins anew, so that every server hears of it."""


rate_limit_client = Table("rate_limit_client", metadata, RateLimitClientColumns, Index(None, "ends_at"))
Index(
    "ix_rate_limit_client_blocked",
    rate_limit_client.c.blocked_at,
    sqlite_where=rate_limit_client.c.blocked_at.is_not(None),
    postgresql_where=rate_limit_client.c.blocked_at.is_not(None),
)
Index(
    "ix_rate_limit_client_lifted",
    rate_limit_client.c.lifted_at,
    sqlite_where=rate_limit_client.c.lifted_at.is_not(None),
    postgresql_where=rate_limit_client.c.lifted_at.is_not(None),
)
