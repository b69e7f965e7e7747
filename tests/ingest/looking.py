"""What the database holds of a team's events, what they add up to, and what is answered."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

from sqlalchemy import select

from callfloor.devices.tables import device
from callfloor.foundation.database import Database, Tx, param
from callfloor.ingest.tables import agent_event
from callfloor.live.tables import presence, transition
from callfloor.usage.tables import SUMS, call_record, usage_day, usage_unfolded

_of_team = {
    table.name: select(*table.c).where(table.c.team_id == param("team"))
    for table in (agent_event, call_record, transition, presence, usage_day, usage_unfolded, device)
}


@dataclasses.dataclass(frozen=True)
class Seen:
    """All that a team's events ended in, without the instants at which they were received."""

    events: list[tuple[Any, ...]]
    calls: list[tuple[Any, ...]]
    days: list[tuple[Any, ...]]
    unfolded: list[tuple[int, ...]]
    """What is not folded yet, added up: the sums of `SUMS` by quarter, username, language."""
    transitions: list[tuple[Any, ...]]
    states: list[tuple[Any, ...]]


def rows_of(db: Database, name: str, team_id: int) -> list[dict[str, Any]]:
    """Return the team's rows of a table."""

    def read(tx: Tx) -> list[dict[str, Any]]:
        statement = _of_team[name]
        names = [column.name for column in statement.selected_columns]
        return [dict(zip(names, row, strict=True)) for row in tx.all(statement, {"team": team_id})]

    return db.read_now(read)


def seen_of(db: Database, team_id: int) -> Seen:
    """Return what the team's events ended in."""
    return Seen(
        events=_columns(db, team_id, "agent_event", "device_id", "event_id", "kind", "at", "content"),
        calls=_columns(db, team_id, "call_record", "device_id", "call_id", "revision", "username", *SUMS[1:]),
        days=_columns(db, team_id, "usage_day", "group_kind", "day", "group_id", *SUMS),
        unfolded=_added_up(rows_of(db, "usage_unfolded", team_id)),
        transitions=_columns(db, team_id, "transition", "device_id", "at", "event_id", "state", "reason"),
        states=_columns(db, team_id, "presence", "device_id", "state", "at", "event_id", "shown_state", "since"),
    )


def seconds_by_device(db: Database, team_id: int) -> tuple[int, int]:
    """Return how many calls the team's devices have in all, and how many seconds of talk."""
    rows = [row for row in rows_of(db, "usage_day", team_id) if row["group_kind"] == "device"]
    return sum(row["calls"] for row in rows), sum(row["mic_seconds"] for row in rows)


def lease_of(db: Database, team_id: int, device_id: int) -> int:
    """Return until when the device is active."""
    return next(int(row["active_until"]) for row in rows_of(db, "device", team_id) if row["id"] == device_id)


def _columns(db: Database, team_id: int, table: str, *names: str) -> list[tuple[Any, ...]]:
    rows = [tuple(row[name] for name in names) for row in rows_of(db, table, team_id)]
    return sorted((row for row in rows if any(row[3:])), key=repr)


def _added_up(rows: list[dict[str, Any]]) -> list[tuple[int, ...]]:
    totals: dict[tuple[Any, ...], list[int]] = collections.defaultdict(lambda: [0] * len(SUMS))
    for row in rows:
        key = (row["quarter"], row["username"], row["language"])
        totals[key] = [known + row[name] for known, name in zip(totals[key], SUMS, strict=True)]
    return sorted(((*key, *sums) for key, sums in totals.items() if any(sums)), key=repr)
