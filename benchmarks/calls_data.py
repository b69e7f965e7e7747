"""A team with many calls, made in bulk through the seam; their kept counts are checked against the rows."""

from __future__ import annotations

import functools
import random
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import func, insert, select

from benchmarks.seats_data import add_team, postgres_database, sqlite_url
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.conversations.counts import ALL_DOMAINS
from callfloor.conversations.tables import (
    conversation,
    conversation_count,
    conversation_domain,
    conversation_participant,
    recording,
)
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.teams.teams import team_by_id

DAYS = 400
FIRST_DAY = 20_200
"""Counted from 1970-01-01."""
DOMAINS = tuple(f"customer-{number}.example" for number in range(500))
_INTERNAL = 0.1
_AT_ONCE = 20_000
_KIND = "call"
_METRICS = {
    "speak_share": 0.42,
    "question_count": 7,
    "words_per_minute": 143.0,
    "longest_monologue_seconds": 38.5,
    "silence_share": 0.11,
    "talk_to_listen": 1.3,
}

_TABLES = (conversation, conversation_participant, conversation_domain, recording, conversation_count)
_INSERTS = {table.name: insert(table) for table in _TABLES}
_counted = select(func.count()).select_from(conversation)
_kept = select(func.sum(conversation_count.c.conversations)).where(conversation_count.c.domain == ALL_DOMAINS)

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seeded database: where it is, how it is asked."""

    data: Path
    database: str
    hash_key: bytes
    team_id: int
    key_id: int
    client_id: str
    headers: dict[str, str]
    calls: int


def seed(folder: Path, name: str, server: str | None, calls: int) -> Seeded:
    """Make a database with one team of `calls` calls over `DAYS` days, and one key of the Conversations API.

    Args:
        folder: where its data folder is made.
        name: of the data folder and of the database.
        server: address of the PostgreSQL server; None makes an SQLite file.
        calls: how many.
    """
    data = folder / name
    data.mkdir()
    url = sqlite_url(data) if server is None else postgres_database(server, name)
    services = open_services(Settings(data=data, database=SecretStr(url)))
    try:
        seeded = _fill(services, url, calls)
    finally:
        services.close_now()
    if server is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    return seeded


def _fill(services: Services, url: str, calls: int) -> Seeded:
    db, key = services.db, services.settings.hash_key
    team_id = db.write_now(functools.partial(add_team, secret_hash=keyed_hash(new_secret(), key=key)))
    secret = new_secret()
    command = CreateKey(team_id, KeyKind.CONVERSATIONS, "bench", keyed_hash(secret, key=key), OPERATOR, clock.now())
    made = db.write_now(functools.partial(create_key, command=command))
    client_id = db.read_now(functools.partial(team_by_id, team_id=team_id)).client_id
    _load_calls(db, team_id, calls)
    counted, kept = db.read_now(lambda tx: (tx.all(_counted)[0][0], int(tx.all(_kept)[0][0])))
    if not counted == kept == calls:
        raise ArithmeticError(f"{calls} calls are {counted} rows and {kept} by the kept counts")
    headers = {"api-key": secret, "client-id": client_id}
    return Seeded(services.settings.data, url, key, team_id, made.id, client_id, headers, calls)


def _load_calls(db: Database, team_id: int, calls: int) -> None:
    dice = random.Random(calls)
    counts: dict[tuple[str, int, bool], int] = {}
    for first in range(0, calls, _AT_ONCE):
        rows: Rows = {table.name: [] for table in _TABLES}
        for _ in range(min(_AT_ONCE, calls - first)):
            _add_call(rows, counts, team_id, dice)
        _load(db, rows)
    _load(
        db,
        {
            conversation_count.name: [
                (team_id, _KIND, domain, day, is_external, count)
                for (domain, day, is_external), count in counts.items()
            ]
        },
    )


def _add_call(rows: Rows, counts: dict[tuple[str, int, bool], int], team_id: int, dice: random.Random) -> None:
    """Add one call: two parties, a recording, one customer's domain unless it is internal."""
    call_id, file_id = (str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(2))
    date = FIRST_DAY * DAY + dice.randrange(DAYS * DAY)
    is_external = dice.random() >= _INTERNAL
    domain = DOMAINS[min(int(dice.expovariate(0.01)), len(DOMAINS) - 1)]
    number = f"+1555{dice.randrange(10**7):07}"
    values: dict[str, Any] = {
        "team_id": team_id,
        "id": call_id,
        "kind": _KIND,
        "name": f"Call with {number}",
        "date": date,
        "created_at": date + 60_000,
        "updated_at": date + 120_000,
        "duration_ms": dice.randrange(10_000, 1_800_000),
        "processing_status": "analyzed",
        "direction": dice.choice(("inbound", "outbound")),
        "caller": number,
        "callee": "+15550000000",
        "external_call_id": call_id[:18],
        "language": "en",
        "is_external": is_external,
        "channels": {"0": "agent", "1": "customer"},
        "customer_domains": [domain] if is_external else [],
        "metrics": _METRICS,
        "crm_reference": {},
        "comment_count": 0,
    }
    rows[conversation.name].append(tuple(values.get(column.name) for column in conversation.c))
    other = f"someone@{domain if is_external else 'bench.example'}"
    rows[conversation_participant.name] += [
        (team_id, call_id, 0, f"{call_id[:8]}-0", "Ada Almeida", "ada@bench.example", True, 0, 420),
        (team_id, call_id, 1, f"{call_id[:8]}-1", "Someone", other, not is_external, 1, 580),
    ]
    rows[recording.name].append(
        (team_id, file_id, call_id, f"recordings/{file_id}", 1_000_000, file_id, "audio/wav", None, date)
    )
    if is_external:
        rows[conversation_domain.name].append((team_id, _KIND, domain, date, call_id))
    for counted in (ALL_DOMAINS, domain) if is_external else (ALL_DOMAINS,):
        place = (counted, date // DAY, is_external)
        counts[place] = counts.get(place, 0) + 1


def _load(db: Database, rows: Rows) -> None:
    def verb(tx: Tx) -> None:
        for name, some in rows.items():
            for first in range(0, len(some), _AT_ONCE):
                tx.load(_INSERTS[name], some[first : first + _AT_ONCE])

    db.write_now(verb)
