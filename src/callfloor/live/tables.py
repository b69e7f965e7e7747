"""The newest state of each device, every change of state, and each team's live sequence."""

from __future__ import annotations

import enum
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Table, Text, TypedColumns

from callfloor.foundation.database import Instant, RawJson, metadata


class State(enum.StrEnum):
    """What a device does, or why it does nothing."""

    ONLINE = "online"
    IN_CALL = "in_call"
    OFFLINE = "offline"
    """It logged out, said so, or was silent for a lease."""
    UNHEALTHY = "unhealthy"
    """A stream cannot be opened, or is broken."""
    UNAVAILABLE = "unavailable"
    """Running, not usable; or nothing was reported yet."""


class Source(enum.StrEnum):
    """Where a transition comes from."""

    AGENT = "agent"
    LEASE = "lease"
    """Nothing was heard for the length of a lease."""
    LOGOUT = "logout"
    RETURN = "return"
    """Heard of again, without a new state: it is in the last one that its agent reported before."""


class PresenceColumns(TypedColumns):
    """One device; `state` to `content` are of the newest report, the rest is what is shown and told of it."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    state: Column[str | None] = Column(Text, nullable=True)
    reason: Column[str | None] = Column(Text, nullable=True)
    at: Column[int | None] = Column(Instant, nullable=True)
    event_id: Column[str | None] = Column(Text, nullable=True)
    content: Column[Any] = Column(RawJson, nullable=True)
    """`{"call": …, "mic": …, "speaker": …}`, each as reported or null."""
    updated_at: Column[int] = Column(Instant)
    """When the server took the last change in."""
    shown_state: Column[str] = Column(Text)
    since: Column[int] = Column(Instant)
    """Since when it is in the shown state."""
    seq: Column[int] = Column(BigInteger)
    """The team's number of the last change that can be seen."""
    announced_state: Column[str | None] = Column(Text, nullable=True)
    """The last state that an event told of."""
    settle_at: Column[int | None] = Column(Instant, nullable=True)
    """When an event tells of the shown state, if it still holds then."""
    lapsed_at: Column[int | None] = Column(Instant, nullable=True)
    """The end of the last lease that ran out and was noted."""
    due_at: Column[int | None] = Column(Instant, nullable=True)
    """When the sweeper has to look at it: the lease may have run out, or the state has settled."""


presence = Table(
    "presence", metadata, PresenceColumns, Index(None, "team_id", "seq"), Index(None, "due_at"), sqlite_with_rowid=False
)


class TransitionColumns(TypedColumns):
    """A device is in the state from `at` until its next row, in the order of (at, event_id)."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    device_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    at: Column[int] = Column(Instant, primary_key=True, autoincrement=False)
    event_id: Column[str] = Column(Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True)
    """The agent's event, or the source's name."""
    state: Column[str] = Column(Text)
    reason: Column[str | None] = Column(Text, nullable=True)
    source: Column[str] = Column(Text)


transition = Table("transition", metadata, TransitionColumns, sqlite_with_rowid=False)


class LiveHeadColumns(TypedColumns):
    """The newest number of a team; its lock, held until the commit, makes the numbers grow in the order of commit."""

    team_id: Column[int] = Column(BigInteger, primary_key=True, autoincrement=False)
    seq: Column[int] = Column(BigInteger)


live_head = Table("live_head", metadata, LiveHeadColumns)


class LiveSweepColumns(TypedColumns):
    """The one row whose lock makes the sweepers of several workers take turns."""

    name: Column[str] = Column(Text, primary_key=True)
    swept_at: Column[int] = Column(Instant)


live_sweep = Table("live_sweep", metadata, LiveSweepColumns)
