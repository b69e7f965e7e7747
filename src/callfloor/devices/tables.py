"""Devices, the tokens they speak by, how people's agents come by one, and the list of devices that are blocked."""

from __future__ import annotations

import enum

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class DeviceColumns(TypedColumns):
    """One machine of a team, as it described itself last; `_key` columns hold the case-folded text that is searched."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    """Whose it is, in an email team: there a machine is a device for each person, and takes no seat of its own."""
    machine_id: Column[str] = Column(Text)
    hostname: Column[str] = Column(Text)
    hostname_key: Column[str] = Column(Text)
    nickname: Column[str | None] = Column(Text, nullable=True)
    nickname_key: Column[str | None] = Column(Text, nullable=True)
    username: Column[str] = Column(Text)
    os: Column[str] = Column(Text)
    os_version: Column[str] = Column(Text)
    app_version: Column[str] = Column(Text)
    seat_id: Column[int | None] = Column(BigInteger, nullable=True)
    enrolled_at: Column[int] = Column(Instant)
    last_seen_at: Column[int] = Column(Instant)
    active_until: Column[int] = Column(Instant)
    """Until then another host with this machine id is refused, unless the device leaves or is heard of again."""
    conflict_hostname: Column[str | None] = Column(Text, nullable=True)
    conflict_at: Column[int | None] = Column(Instant, nullable=True)
    blocked_at: Column[int | None] = Column(Instant, nullable=True)


device = Table("device", metadata, DeviceColumns, Index(None, "team_id", "seat_id", unique=True))
is_let_in = device.c.blocked_at.is_(None)
Index(
    "ix_device_let_in", device.c.team_id, device.c.id, sqlite_where=is_let_in, postgresql_where=is_let_in
)  # counted for each page of live rows
is_of_team = device.c.account_id.is_(None)
"""A machine of a device team, known again by its machine id alone."""
Index(
    "uq_device_machine",
    *(device.c.team_id, device.c.machine_id),
    unique=True,
    sqlite_where=is_of_team,
    postgresql_where=is_of_team,
)
is_of_person = device.c.account_id.is_not(None)
Index(
    "uq_device_person_machine",
    *(device.c.team_id, device.c.account_id, device.c.machine_id),
    unique=True,
    sqlite_where=is_of_person,
    postgresql_where=is_of_person,
)


class DeviceTokenColumns(TypedColumns):
    """What an agent speaks by, one for each OS user of a device; the token is kept only as a keyed hash."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    username: Column[str] = Column(Text, primary_key=True)
    token_hash: Column[bytes] = Column(LargeBinary, unique=True)
    expires_at: Column[int] = Column(Instant)
    seated_at: Column[int | None] = Column(Instant, nullable=True)
    """In an email team, since when the person held their seat: who leaves and comes back signs in anew."""


device_token = Table("device_token", metadata, DeviceTokenColumns)


class DeviceBlockColumns(TypedColumns):
    """An entry of the block list, with the device as it was known then."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger)
    hostname: Column[str] = Column(Text)
    hostname_key: Column[str] = Column(Text)
    nickname: Column[str | None] = Column(Text, nullable=True)
    nickname_key: Column[str | None] = Column(Text, nullable=True)
    username: Column[str] = Column(Text)
    reason: Column[str | None] = Column(Text, nullable=True)
    blocked_at: Column[int] = Column(Instant)
    blocked_by: Column[str] = Column(Text)


device_block = Table("device_block", metadata, DeviceBlockColumns, Index(None, "team_id", "device_id", unique=True))


class AuthorizationState(enum.StrEnum):
    """How far the sign-in of a person's agent is.

    pending ─┬→ approved → redeemed    (the agent has its token)
             └→ denied
    """

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    REDEEMED = "redeemed"


class DeviceAuthorizationColumns(TypedColumns):
    """A machine that waits for a person to confirm it (RFC 8628); both codes are kept only as keyed hashes."""

    device_code_hash: Column[bytes] = Column(LargeBinary, primary_key=True)
    user_code_hash: Column[bytes] = Column(LargeBinary, unique=True)
    state: Column[str] = Column(Text)
    machine_id: Column[str] = Column(Text)
    hostname: Column[str] = Column(Text)
    username: Column[str] = Column(Text)
    os: Column[str] = Column(Text)
    os_version: Column[str] = Column(Text)
    app_version: Column[str] = Column(Text)
    address: Column[str] = Column(Text)
    created_at: Column[int] = Column(Instant)
    expires_at: Column[int] = Column(Instant)
    interval_seconds: Column[int] = Column(Integer)
    """How long the agent waits between two questions; one that asks sooner has to wait longer."""
    ask_after: Column[int] = Column(Instant)
    team_id: Column[int | None] = Column(BigInteger, nullable=True)
    account_id: Column[int | None] = Column(BigInteger, nullable=True)
    """Who confirmed it, or refused."""
    seated_at: Column[int | None] = Column(Instant, nullable=True)
    decided_at: Column[int | None] = Column(Instant, nullable=True)


device_authorization = Table("device_authorization", metadata, DeviceAuthorizationColumns, Index(None, "expires_at"))


class AgentCodeColumns(TypedColumns):
    """A code by which a person's agent signs in once, made by an administrator; kept only as a keyed hash."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    account_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    code_hash: Column[bytes] = Column(LargeBinary, unique=True)
    seated_at: Column[int] = Column(Instant)
    made_by: Column[str] = Column(Text)
    created_at: Column[int] = Column(Instant)
    expires_at: Column[int] = Column(Instant)


agent_code = Table("agent_code", metadata, AgentCodeColumns, Index(None, "expires_at"))
