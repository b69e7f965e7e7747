"""Devices, the tokens they speak by, and the list of those that are blocked."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, metadata


class DeviceColumns(TypedColumns):
    """One machine of a team, as it described itself last; `_key` columns hold the case-folded text that is searched."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
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


device = Table(
    "device",
    metadata,
    DeviceColumns,
    Index(None, "team_id", "machine_id", unique=True),
    Index(None, "team_id", "seat_id", unique=True),
)


class DeviceTokenColumns(TypedColumns):
    """What an agent speaks by, one for each OS user of a device; the token is kept only as a keyed hash."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    username: Column[str] = Column(Text, primary_key=True)
    token_hash: Column[bytes] = Column(LargeBinary, unique=True)
    expires_at: Column[int] = Column(Instant)


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
