"""A team with many seats, made in bulk through the seam; its kept totals by the product's own verb."""

from __future__ import annotations

import base64
import contextlib
import functools
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import func, insert, select

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind, Role, account
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_secret
from callfloor.foundation.numbers import take_numbers
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.teams.seat_counts import count_seats, place_of
from callfloor.teams.tables import Payment, SeatStatus, TeamType, seat, seat_total
from callfloor.teams.teams import CreateTeam, create_team
from tests.support.databases import postgres_server

PER_PAGE = 50
_NOW = 1_780_000_000_000
_AT_ONCE = 10_000
_DELETABLE = 2_000
_STATUSES = (SeatStatus.ASSIGNED, SeatStatus.UNASSIGNED, SeatStatus.INVITED)
_STATUS_WEIGHTS = (60, 30, 10)
_ROLE_WEIGHTS = (1, 2, 3, 94)
_FIRST_NAMES = ("Ada", "Bruno", "Chiara", "Dmitri", "Elif", "Farah", "Gösta", "Hana", "Ivo", "Jürgen")
_LAST_NAMES = ("Almeida", "Björk", "Castillo", "Dąbrowska", "Eriksen", "Fontaine", "García", "Horváth")

_counted = select(seat.c.status, func.count()).group_by(seat.c.status)
_kept = select(seat_total.c.status, func.sum(seat_total.c.seats)).group_by(seat_total.c.status)


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seeded database: where it is, how it is asked, what it holds."""

    data: Path
    database: str
    hash_key: bytes
    team_id: int
    headers: dict[str, str]
    totals: dict[str, int]
    deletable: tuple[int, ...]

    @property
    def seats(self) -> int:
        """Return how many seats the team has."""
        return sum(self.totals.values())

    def copied(self, name: str) -> Seeded:
        """Return a copy, so that each program writes to its own."""
        data = self.data.parent / name
        shutil.copytree(self.data, data)
        if self.database.startswith("sqlite:///"):
            return Seeded(
                data, sqlite_url(data), self.hash_key, self.team_id, self.headers, self.totals, self.deletable
            )
        database = postgres_database(self.database, name, template=_name_of(self.database))
        return Seeded(data, database, self.hash_key, self.team_id, self.headers, self.totals, self.deletable)


@contextlib.contextmanager
def database_server(kind: str, folder: Path) -> Iterator[str | None]:
    """Yield the address of a new PostgreSQL server, or None for SQLite, which needs none."""
    if kind == "sqlite":
        yield None
        return
    with postgres_server(folder / "postgresql") as url:
        yield url


def seed(folder: Path, name: str, server: str | None, seats: int) -> Seeded:
    """Make a database with one team of `seats` seats and one Portal key, and check its kept totals.

    Args:
        folder: where its data folder is made.
        name: of the data folder and of the database.
        server: address of the PostgreSQL server; None makes an SQLite file.
        seats: how many.
    """
    data = folder / name
    data.mkdir()
    url = sqlite_url(data) if server is None else postgres_database(server, name)
    services = open_services(Settings(data=data, database=SecretStr(url)))
    try:
        seeded = _fill(services, url, seats)
    finally:
        services.close_now()
    if server is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    return seeded


def _fill(services: Services, url: str, seats: int) -> Seeded:
    key = services.settings.hash_key
    secret = new_secret()
    team_id = services.db.write_now(functools.partial(add_team, secret_hash=keyed_hash(secret, key=key)))
    dice = random.Random(seats)
    free: list[int] = []
    for first in range(0, seats, _AT_ONCE):
        count = min(_AT_ONCE, seats - first)
        free += services.db.write_now(functools.partial(_add_seats, team_id=team_id, count=count, dice=dice))
    counted, kept = services.db.read_now(lambda tx: (dict(tx.all(_counted)), dict(tx.all(_kept))))
    if {status: int(count) for status, count in kept.items()} != counted:
        raise ArithmeticError(f"the kept totals {kept} are not the seats counted {counted}")
    headers = {"Authorization": "Basic " + base64.b64encode(f"bench:{secret}".encode()).decode()}
    return Seeded(services.settings.data, url, key, team_id, headers, counted, tuple(free[-_DELETABLE:]))


def add_team(tx: Tx, secret_hash: bytes) -> int:
    """Make the team and its Portal key; returns the team's id."""
    command = CreateTeam(
        name="Benchmark",
        type=TeamType.EMAIL,
        payment=Payment.CARD,
        seat_price=1000,
        currency="USD",
        device_secret_hash=None,
        actor=OPERATOR,
        now=_NOW,
    )
    team = create_team(tx, command)
    create_key(tx, CreateKey(team.id, KeyKind.PORTAL, "bench", secret_hash, OPERATOR, _NOW))
    return team.id


def _add_seats(tx: Tx, team_id: int, count: int, dice: random.Random) -> list[int]:
    """Add seats in all statuses and return the ids of the free ones."""
    first_id, first_account = take_numbers(tx, "seat", count), take_numbers(tx, "account", count)
    statuses = dice.choices(_STATUSES, _STATUS_WEIGHTS, k=count)
    rows = [_seat(team_id, first_id + i, first_account + i, status, dice) for i, status in enumerate(statuses)]
    tx.run(insert(account), [_account(row["account_id"], dice) for row in rows if row["account_id"] is not None])
    tx.run(insert(seat), rows)
    count_seats(tx, team_id, [(place_of(row["id"], row["status"], row["role"]), 1) for row in rows])
    return [row["id"] for row in rows if row["status"] == SeatStatus.UNASSIGNED.value]


def _seat(team_id: int, seat_id: int, account_id: int, status: SeatStatus, dice: random.Random) -> dict[str, Any]:
    is_held = status is SeatStatus.ASSIGNED
    created_at = _NOW - dice.randrange(300 * DAY)
    role = dice.choices(tuple(Role), _ROLE_WEIGHTS)[0] if is_held else Role.USER
    return {
        "team_id": team_id,
        "id": seat_id,
        "type": TeamType.EMAIL.value,
        "status": status.value,
        "role": role.value,
        "account_id": account_id if is_held else None,
        "created_at": created_at,
        "assigned_at": created_at + dice.randrange(DAY) if is_held else None,
        "last_active_at": _NOW - dice.randrange(30 * DAY) if is_held else None,
    }


def _account(account_id: int, dice: random.Random) -> dict[str, Any]:
    email = f"agent.{account_id}@people.example"
    return {
        "id": account_id,
        "email": email,
        "email_key": email,
        "first_name": dice.choice(_FIRST_NAMES),
        "last_name": dice.choice(_LAST_NAMES),
        "password_hash": None,
        "created_at": _NOW,
    }


def sqlite_url(data: Path) -> str:
    """Return the address of the database in a data folder."""
    return f"sqlite:///{data / 'callfloor.db'}"


def postgres_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database on the server and return its address."""
    with psycopg.connect(server.replace(f"/{_name_of(server)}?", "/postgres?"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return server.replace(f"/{_name_of(server)}?", f"/{name}?")


def _name_of(url: str) -> str:
    return url.rpartition("?")[0].rpartition("/")[2]
