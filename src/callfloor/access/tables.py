"""Accounts, memberships, keys and the audit trail."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, Json, metadata


class Role(enum.StrEnum):
    """What a person may do in a team."""

    ADMIN = "admin"
    CONFIGURATOR = "configurator"
    ANALYTICS = "analytics"
    USER = "user"


class KeyKind(enum.StrEnum):
    """Which API a key opens."""

    PORTAL = "portal"
    CONVERSATIONS = "conversations"
    API = "api"


class AccountColumns(TypedColumns):
    """A person; may belong to several teams."""

    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    email: Column[str] = Column(Text)
    email_key: Column[str] = Column(Text, unique=True)
    first_name: Column[str] = Column(Text)
    last_name: Column[str] = Column(Text)
    password_hash: Column[str | None] = Column(Text, nullable=True)
    created_at: Column[int] = Column(Instant)
    last_signed_in_at: Column[int | None] = Column(Instant, nullable=True)


account = Table("account", metadata, AccountColumns)


class MembershipColumns(TypedColumns):
    """A person's role in a team."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    account_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    role: Column[str] = Column(Text)
    created_at: Column[int] = Column(Instant)


membership = Table(
    "membership",
    metadata,
    MembershipColumns,
    Index(None, "account_id"),
    Index(None, "team_id", "role"),
)


class AccessKeyColumns(TypedColumns):
    """A key of a team; its secrets are rows of their own."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    kind: Column[str] = Column(Text)
    name: Column[str] = Column(Text)
    scopes: Column[Any | None] = Column(Json, nullable=True)
    """What a key of the Callfloor API may do, as a list of texts."""
    made_by_account_id: Column[int | None] = Column(BigInteger, nullable=True)
    created_at: Column[int] = Column(Instant)
    expires_at: Column[int | None] = Column(Instant, nullable=True)
    networks: Column[Any | None] = Column(Json, nullable=True)
    """From where it may be used, as a list of networks; null is from everywhere."""
    last_used_at: Column[int | None] = Column(Instant, nullable=True)
    """At most a minute behind."""


access_key = Table(
    "access_key",
    metadata,
    AccessKeyColumns,
    Index(None, "team_id", "kind", "name", unique=True),
    Index(None, "expires_at"),
)


class AccessKeySecretColumns(TypedColumns):
    """A secret of a key, kept only as a keyed hash; during a rotation a key has two."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    key_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    secret_hash: Column[bytes] = Column(LargeBinary, primary_key=True)
    prefix: Column[str] = Column(Text)
    """The first characters of the secret, by which people tell it from another."""
    created_at: Column[int] = Column(Instant)
    ends_at: Column[int | None] = Column(Instant, nullable=True)
    """Set when another secret took its place."""


access_key_secret = Table(
    "access_key_secret", metadata, AccessKeySecretColumns, Index(None, "secret_hash", unique=True)
)
Index(
    "ix_access_key_secret_ending",
    access_key_secret.c.ends_at,
    sqlite_where=access_key_secret.c.ends_at.is_not(None),
    postgresql_where=access_key_secret.c.ends_at.is_not(None),
)


class AccessKeyNoticeColumns(TypedColumns):
    """A notice that a key is about to expire, so that each is sent once."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    key_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    expires_at: Column[int] = Column(Instant, primary_key=True, autoincrement=False)
    days_before: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    at: Column[int] = Column(Instant)


access_key_notice = Table("access_key_notice", metadata, AccessKeyNoticeColumns)


class SessionColumns(TypedColumns):
    """A person signed in to a team; the token is kept only as a keyed hash."""

    token_hash: Column[bytes] = Column(LargeBinary, primary_key=True)
    account_id: Column[int] = Column(BigInteger)
    team_id: Column[int] = Column(BigInteger)
    created_at: Column[int] = Column(Instant)
    expires_at: Column[int] = Column(Instant)


session = Table("session", metadata, SessionColumns, Index(None, "account_id"), Index(None, "expires_at"))


class AuditEntryColumns(TypedColumns):
    """One change: who did what to what, from where; rows are only added, and lose their content to an erasure."""

    entry: Column[int] = Column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)
    """Order of insertion."""
    id: Column[str] = Column(Text, unique=True)
    team_id: Column[int] = Column(BigInteger)
    at: Column[int] = Column(Instant)
    actor_kind: Column[str] = Column(Text)
    actor_id: Column[str] = Column(Text)
    actor_name: Column[str] = Column(Text)
    action: Column[str] = Column(Text)
    object_kind: Column[str] = Column(Text)
    object_id: Column[str] = Column(Text)
    before: Column[Any | None] = Column(Json, nullable=True)
    after: Column[Any | None] = Column(Json, nullable=True)
    request_id: Column[str] = Column(Text)
    address: Column[str] = Column(Text)
    seq: Column[int | None] = Column(BigInteger, nullable=True, unique=True)
    """Order of commit, given when the entry is sealed."""
    content_digest: Column[bytes | None] = Column(LargeBinary, nullable=True)
    """Stands for `before` and `after` where these were erased: the seal covers it, so that the chain still holds."""


audit_entry = Table(
    "audit_entry",
    metadata,
    AuditEntryColumns,
    Index(None, "team_id", "at", "id"),
    Index(None, "team_id", "object_id"),
)
Index(
    "ix_audit_entry_waiting",
    audit_entry.c.entry,
    sqlite_where=audit_entry.c.seq.is_(None),
    postgresql_where=audit_entry.c.seq.is_(None),
)


class AuditSealColumns(TypedColumns):
    """The seal of the entry with this number: a hash over it and the seal before it."""

    seq: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    hash: Column[bytes] = Column(LargeBinary)


audit_seal = Table("audit_seal", metadata, AuditSealColumns)
