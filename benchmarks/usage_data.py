"""A team whose many users talked on many days: the days' sums in bulk; weeks and months added up from the same numbers.

The same days stand in a native DuckDB file, which is what an analyst would reach for.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psycopg
from numpy.typing import NDArray
from pydantic import SecretStr
from sqlalchemy import Table, insert

from benchmarks.seats_data import add_team, postgres_database, sqlite_url
from callfloor.access.secrets import keyed_hash
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from callfloor.usage.calendar import date_of, day_of, month_of, week_of
from callfloor.usage.tables import (
    DAYS_OF_WEEK,
    SUMS,
    Cadence,
    GroupKind,
    usage_count,
    usage_day,
    usage_month,
    usage_week,
)

KIND = GroupKind.USERNAME.value
_AT_ONCE = 20_000
_MOST_SECONDS = 6 * 3600
_WORKING = 0.8
"""Share of the days on which a user has calls."""
_BEFORE_SUMS = 2 * len(DAYS_OF_WEEK)
"""Columns of `usage_week` that stand before the sums."""
_INSERTS = {table.name: insert(table) for table in (usage_day, usage_week, usage_month, usage_count)}
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seeded database, and the same days in DuckDB; days count from 1970-01-01, the last is `last_day`."""

    data: Path
    database: str
    headers: dict[str, str]
    team_id: int
    users: int
    days: range
    duckdb: Path


def seed(folder: Path, name: str, server: str | None, users: int, days: int, *, now: Millis) -> Seeded:
    """Make a database with the usage of `users` OS users on `days` days before today, and one Portal key.

    Args:
        folder: where its data folder is made.
        name: of the data folder and of the database.
        server: address of the PostgreSQL server; None makes an SQLite file.
        users: how many.
        days: how many, the last of them yesterday.
        now: the present.
    """
    data = folder / name
    data.mkdir()
    url = sqlite_url(data) if server is None else postgres_database(server, name)
    services = open_services(Settings(data=data, database=SecretStr(url)))
    secret = new_secret()
    hashed = keyed_hash(secret, key=services.settings.hash_key)
    seen = range(day_of(now) - days, day_of(now))
    try:
        team_id = services.db.write_now(functools.partial(add_team, secret_hash=hashed))
        with duckdb.connect(str(data / "usage.duckdb")) as peer:
            _fill(services.db, peer, team_id, _Usage(users, seen))
    finally:
        services.close_now()
    if server is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    headers = {"Authorization": "Basic " + base64.b64encode(f"bench:{secret}".encode()).decode()}
    return Seeded(data, url, headers, team_id, users, seen, data / "usage.duckdb")


class _Usage:
    """Numbers made of a seed: for each day an array of one row a user, one column for each of `SUMS`."""

    def __init__(self, users: int, days: range) -> None:
        self.names = [f"agent-{number:06}" for number in range(users)]
        self.days = days
        self._dice = np.random.default_rng(users)
        self._talkative = self._dice.lognormal(0.0, 0.5, users)

    def __iter__(self) -> Iterator[tuple[int, Numbers]]:
        for day in self.days:
            yield day, self._of_day()

    def _of_day(self) -> Numbers:
        users = len(self.names)
        is_there = self._dice.random(users) < _WORKING
        calls = (1 + self._dice.poisson(20 * self._talkative)) * is_there
        seconds = np.minimum(calls * self._dice.integers(60, 600, users), _MOST_SECONDS)
        shares = self._dice.integers(0, 101, (len(SUMS) - 2, users))
        return np.stack([calls, seconds, *(seconds * shares // 100)], axis=1).astype(np.int64)


def _fill(db: Database, peer: duckdb.DuckDBPyConnection, team_id: int, usage: _Usage) -> None:
    columns = ", ".join(f"{name} BIGINT" for name in SUMS)
    peer.execute(f"CREATE TABLE usage_day (day DATE, username VARCHAR, {columns})")
    ours = _Ours(db, team_id, usage.names)
    weeks: dict[int, Numbers] = {}
    months: dict[int, Numbers] = {}
    for day, sums in usage:
        ours.load(usage_day, Cadence.DAILY, day, np.column_stack([sums, sums[:, 1]]), sums[:, 0])
        _load_peer(peer, day, usage.names, sums)
        week = weeks.setdefault(week_of(day), np.zeros((len(usage.names), _BEFORE_SUMS + len(SUMS)), np.int64))
        weekday = day - week_of(day)
        week[:, weekday] += sums[:, 1]
        week[:, len(DAYS_OF_WEEK) + weekday] += sums[:, 0]
        week[:, _BEFORE_SUMS:] += sums
        month = months.setdefault(month_of(day), np.zeros_like(sums))
        month += sums
    for start, sums in weeks.items():
        ours.load(usage_week, Cadence.WEEKLY, start, sums, sums[:, _BEFORE_SUMS])
    for start, sums in months.items():
        ours.load(usage_month, Cadence.MONTHLY, start, sums, sums[:, 0])


class _Ours:
    """Loads rows of one team."""

    def __init__(self, db: Database, team_id: int, names: list[str]) -> None:
        self._db = db
        self._team_id = team_id
        self._names = names

    def load(self, table: Table, cadence: Cadence, start: int, values: Numbers, calls: Numbers) -> None:
        """Write a period's row of every user who has calls, and how many these are."""
        rows = [
            (self._team_id, KIND, start, name, *row)
            for name, row, has_calls in zip(self._names, values.tolist(), calls.tolist(), strict=True)
            if has_calls
        ]
        for first in range(0, len(rows), _AT_ONCE):
            self._write(table, rows[first : first + _AT_ONCE])
        self._write(usage_count, [(self._team_id, KIND, cadence.value, start, len(rows))])

    def _write(self, table: Table, rows: list[tuple[Any, ...]]) -> None:
        def verb(tx: Tx) -> None:
            tx.load(_INSERTS[table.name], rows)

        self._db.write_now(verb)


def _load_peer(peer: duckdb.DuckDBPyConnection, day: int, names: list[str], sums: Numbers) -> None:
    found: dict[str, Any] = {"username": np.array(names, dtype=object)}
    found |= {name: np.ascontiguousarray(sums[:, at]) for at, name in enumerate(SUMS)}
    peer.register("found", found)
    peer.execute(f"INSERT INTO usage_day SELECT DATE '{date_of(day)}', * FROM found WHERE calls > 0")
    peer.unregister("found")
