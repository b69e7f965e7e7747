"""Transcripts of many teams, made in bulk with the index of every word; two of the teams have keys that may search."""

from __future__ import annotations

import functools
import itertools
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import insert
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from benchmarks.calls_data import DAYS, FIRST_DAY
from benchmarks.seats_data import add_team, postgres_database, sqlite_url
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, create_key
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.conversations.search_index import first_id_of, search_text
from callfloor.conversations.search_tables import search_entry
from callfloor.conversations.search_words import IndexedWords, team_word
from callfloor.conversations.tables import conversation, transcript_segment
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database, Tx, param
from callfloor.foundation.ids import new_secret
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings

SEGMENTS_EACH = 10
"""Of a conversation."""
SMALL_TEAM = 50
"""Conversations of the small team."""
LARGE_SHARE = 0.2
"""Of all conversations, those of the large team."""
_AT_ONCE = 2_000
_WORDS = 5_000
_LENGTHS = range(4, 21)
"""Words of a segment."""
_SYLLABLES = [first + last for first in "bdfgklmnprstv" for last in "aeiou"]

_INSERTS = {table.name: insert(table) for table in (conversation, search_entry, transcript_segment)}
_add_text = insert(search_text).values(rowid=param("id"), team=param("team"), words=param("words", IndexedWords()))

Words = list[str]


@dataclass(frozen=True, slots=True)
class Team:
    """One team whose key may search: how it is asked, what was said in it, by segment."""

    id: int
    headers: dict[str, str]
    said: list[Words]


@dataclass(frozen=True, slots=True)
class Seeded:
    """One seeded database: where it is, the words in it, most said first, and the teams that search."""

    data: Path
    database: str
    vocabulary: Words
    small: Team
    large: Team


def seed(folder: Path, name: str, server: str | None, *, segments: int, teams: int) -> Seeded:
    """Make a database with the transcripts of so many teams in the order of their dates, mixed.

    Args:
        folder: where its data folder is made.
        name: of the data folder and of the database.
        server: address of the PostgreSQL server; None makes an SQLite file.
        segments: of all teams.
        teams: how many; one of them is small, one large, the others share the rest evenly.
    """
    data = folder / name
    data.mkdir()
    url = sqlite_url(data) if server is None else postgres_database(server, name)
    services = open_services(Settings(data=data, database=SecretStr(url)))
    try:
        small, large = (_team(services) for _ in range(2))
        vocabulary = _vocabulary()
        made = _conversations(small.id, large.id, vocabulary, segments // SEGMENTS_EACH, teams)
        kept = (_keeping(one, (small, large)) for one in made)
        if server is None:
            _load_sqlite(services.db, kept)
        else:
            _load_postgres(services.db, url, kept)
    finally:
        services.close_now()
    return Seeded(data, url, vocabulary, small, large)


def _team(services: Services) -> Team:
    key = services.settings.hash_key
    team_id = services.db.write_now(functools.partial(add_team, secret_hash=keyed_hash(new_secret(), key=key)))
    secret = new_secret()
    command = CreateKey(
        team_id, KeyKind.API, "search", keyed_hash(secret, key=key), OPERATOR, 0, scopes=("conversations:read",)
    )
    services.db.write_now(functools.partial(create_key, command=command))
    return Team(team_id, {"Authorization": f"Bearer {secret}"}, [])


@dataclass(frozen=True, slots=True)
class _Made:
    team_id: int
    id: str
    date: int
    said: list[Words]


def _conversations(small: int, large: int, vocabulary: Words, count: int, teams: int) -> Iterator[_Made]:
    """Yield conversations in the order of their dates; no two begin in the same millisecond."""
    dice = random.Random(count)
    many = int(count * LARGE_SHARE)
    others = itertools.cycle(range(max(small, large) + 1, max(small, large) + teams - 1))
    owners = [small] * SMALL_TEAM + [large] * many + list(itertools.islice(others, count - many - SMALL_TEAM))
    dice.shuffle(owners)
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(vocabulary))))
    apart = DAYS * DAY // count
    for at, team_id in enumerate(owners):
        date = FIRST_DAY * DAY + at * apart + dice.randrange(apart)
        lengths = dice.choices(_LENGTHS, k=SEGMENTS_EACH)
        words = iter(dice.choices(vocabulary, cum_weights=weights, k=sum(lengths)))
        said = [list(itertools.islice(words, length)) for length in lengths]
        yield _Made(team_id, str(uuid.UUID(int=dice.getrandbits(128), version=4)), date, said)


def _vocabulary() -> Words:
    dice = random.Random(_WORDS)
    found: dict[str, None] = {}
    while len(found) < _WORDS:
        found["".join(dice.choices(_SYLLABLES, k=dice.choice((1, 2, 2, 3, 4))))] = None
    return list(found)


def _keeping(made: _Made, teams: Sequence[Team]) -> _Made:
    for team in teams:
        if team.id == made.team_id:
            team.said.extend(made.said)
    return made


def _load_sqlite(db: Database, made: Iterator[_Made]) -> None:
    while some := list(itertools.islice(made, _AT_ONCE)):
        texts = [{"id": i, "team": team_word(team), "words": (team, words)} for i, team, words in _texts(some)]

        def verb(tx: Tx, some: list[_Made] = some, texts: list[dict[str, Any]] = texts) -> None:
            _load_tables(tx, some)
            tx.run(_add_text, texts)

        db.write_now(verb)


def _load_postgres(db: Database, url: str, made: Iterator[_Made]) -> None:
    """Load by COPY, the index of words made again afterwards: row by row it would take most of the time."""
    written = IndexedWords().bind_processor(psycopg_dialect.dialect())  # type: ignore[no-untyped-call]  # dialect
    with psycopg.connect(url, autocommit=True) as connection:
        named = "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_search_text_words'"
        ((index,),) = connection.execute(named).fetchall()
        connection.execute("DROP INDEX ix_search_text_words")
        while some := list(itertools.islice(made, _AT_ONCE)):
            db.write_now(functools.partial(_load_tables, some=some))
            with connection.cursor().copy("COPY search_text (rowid, team, words) FROM STDIN") as copy:
                for row_id, team, words in _texts(some):
                    copy.write_row((row_id, team_word(team), written((team, words))))
        connection.execute(index)
        connection.execute("VACUUM ANALYZE")


def _texts(made: Sequence[_Made]) -> Iterator[tuple[int, int, Words]]:
    for one in made:
        for at, words in enumerate(one.said):
            yield first_id_of(one.date) + at, one.team_id, words


def _load_tables(tx: Tx, some: Sequence[_Made]) -> None:
    tx.load(_INSERTS[conversation.name], [_conversation(one) for one in some])
    places = [(one, at, words) for one in some for at, words in enumerate(one.said)]
    tx.load(
        _INSERTS[search_entry.name],
        [(first_id_of(one.date) + at, one.team_id, one.id, at) for one, at, _ in places],
    )
    tx.load(_INSERTS[transcript_segment.name], [_segment(one, at, words) for one, at, words in places])


def _conversation(one: _Made) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "team_id": one.team_id,
        "id": one.id,
        "kind": "call",
        "name": f"Call {one.id[:8]}",
        "date": one.date,
        "created_at": one.date + 60_000,
        "updated_at": one.date + 120_000,
        "duration_ms": 5_000 * SEGMENTS_EACH,
        "processing_status": "analyzed",
        "direction": "inbound",
        "language": "en",
        "is_external": True,
        "channels": {"0": "agent", "1": "customer"},
        "customer_domains": [],
        "crm_reference": {},
        "comment_count": 0,
    }
    return tuple(values.get(column.name) for column in conversation.c)


def _segment(one: _Made, at: int, words: Words) -> tuple[Any, ...]:
    text = " ".join(words).capitalize() + "."
    speaker = "agent" if at % 2 == 0 else "customer"
    return one.team_id, one.id, at, at % 2, speaker, at * 5_000, at * 5_000 + 4_321, text, None
