"""The bound of the search: a bare ASGI program, the same query with the team in the index on the raw driver.

It knows its team and its words, which are of small plain letters, takes no key, limits nobody and checks nothing;
BENCH_DATABASE and BENCH_TEAM tell it where.
"""

from __future__ import annotations

import base64
import datetime
import os
import re
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

import msgspec
from psycopg_pool import AsyncConnectionPool

from callfloor.foundation.database.sqlite_connection import connect

_TEAM = int(os.environ["BENCH_TEAM"])
_AT_ONCE = 100
_SNIPPETS = 3
_NEWEST = 2**63 - 1
_TERM = re.compile(r'"([a-z ]+)"|([a-z]+)(\*?)')
_WORD = re.compile(r"[a-z]+")
_FOUND = (
    "WITH said AS {materialized} (SELECT rowid FROM search_text WHERE {matches} AND {place} < {before}) "
    "SELECT t.rowid, e.position, c.id, c.kind, c.name, c.date, s.speaker, s.start_ms, s.end_ms, s.text "
    "FROM said t JOIN search_entry e ON e.id = t.rowid "
    "JOIN conversation c ON c.team_id = e.team_id AND c.id = e.conversation_id "
    "JOIN transcript_segment s ON s.team_id = e.team_id AND s.conversation_id = e.conversation_id "
    "AND s.position = e.position WHERE e.team_id + 0 = {team} "
    "ORDER BY t.rowid DESC LIMIT {take}"
)

Term = tuple[list[str], bool]
"""Words side by side; whether the last one may go on."""


class Mark(msgspec.Struct):
    """A hit."""

    start: int
    end: int


class Snippet(msgspec.Struct):
    """A segment."""

    speaker: str
    start: float
    end: float
    text: str
    marks: list[Mark]


class Hit(msgspec.Struct):
    """A conversation."""

    id: str
    kind: str
    name: str
    date: str
    snippets: list[Snippet]


class Page(msgspec.Struct):
    """What is answered."""

    data: list[Hit]
    next_cursor: str | None


class Driver(Protocol):
    """One database, by its raw driver."""

    def query(self, terms: list[Term]) -> str:
        """Return the terms in the database's own language, the team among them."""

    async def found(self, query: str, before: int) -> list[Any]:
        """Return the next segments, newest first."""


class Sqlite:
    """apsw, in the loop."""

    _sql = _FOUND.format(
        materialized="",
        matches="search_text MATCH :query",
        place="rowid",
        before=":before",
        team=":team",
        take=":take",
    )

    def __init__(self, path: Path) -> None:
        self._reader = connect(path, read_only=True)

    def query(self, terms: list[Term]) -> str:
        words = (f'words : "{" ".join(term)}"{"*" if is_prefix else ""}' for term, is_prefix in terms)
        return " AND ".join([f'team : "team{_TEAM}"', *words])

    async def found(self, query: str, before: int) -> list[Any]:
        params = {"query": query, "before": before, "team": _TEAM, "take": _AT_ONCE}
        rows: list[Any] = self._reader.execute(self._sql, params).fetchall()
        return rows


class Postgres:
    """psycopg's pool."""

    _sql = _FOUND.format(
        materialized="MATERIALIZED",
        matches="words @@ CAST(%(query)s AS tsquery)",
        place="(rowid + 0)",
        before="%(before)s",
        team="%(team)s",
        take="%(take)s",
    )

    def __init__(self, url: str) -> None:
        self._pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
            url, min_size=1, max_size=8, kwargs={"autocommit": True}, open=False
        )
        self._is_open = False

    def query(self, terms: list[Term]) -> str:
        words = (f"({' <-> '.join(term)}{':*' if is_prefix else ''})" for term, is_prefix in terms)
        return " & ".join([f"team{_TEAM}", *words])

    async def found(self, query: str, before: int) -> list[Any]:
        if not self._is_open:
            await self._pool.open()
            self._is_open = True
        params = {"query": query, "before": before, "team": _TEAM, "take": _AT_ONCE}
        async with self._pool.connection() as connection:
            rows: list[Any] = await (await connection.execute(self._sql, params)).fetchall()
            return rows


def _driver(database: str) -> Driver:
    if database.startswith("sqlite:///"):
        return Sqlite(Path(database.removeprefix("sqlite:///")))
    return Postgres(database)


_driver_of = _driver(os.environ["BENCH_DATABASE"])
_encode = msgspec.json.Encoder().encode


async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  # ASGI
    """Answer the newest conversations in which the words were said."""
    asked = parse_qs(scope["query_string"].decode())
    body = _encode(await _page(asked["q"][0], int(asked["limit"][0])))
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _page(asked: str, count: int) -> Page:
    terms = [((phrase or word).split(), bool(star)) for phrase, word, star in _TERM.findall(asked)]
    query = _driver_of.query(terms)
    hits: list[Hit] = []
    place = last = _NEWEST
    while True:
        rows = await _driver_of.found(query, place)
        for row in rows:
            begun = row[0] - row[1]
            if begun != last:
                if len(hits) == count:
                    return Page(_in_order(hits), _cursor(last))
                hits.append(Hit(row[2], row[3], row[4], _iso(row[5]), []))
                last = begun
            if len(hits[-1].snippets) < _SNIPPETS:
                hits[-1].snippets.append(Snippet(row[6], row[7] / 1000, row[8] / 1000, row[9], _marks(row[9], terms)))
            place = row[0]
        if len(rows) < _AT_ONCE:
            return Page(_in_order(hits), None)
        if len(hits[-1].snippets) == _SNIPPETS:
            place = last


def _in_order(hits: list[Hit]) -> list[Hit]:
    for hit in hits:
        hit.snippets.reverse()
    return hits


def _marks(text: str, terms: list[Term]) -> list[Mark]:
    words = [(match[0], match.start(), match.end()) for match in _WORD.finditer(text.lower())]
    found = []
    for term, is_prefix in terms:
        *before, last = term
        for at in range(len(words) - len(before)):
            word, _, end = words[at + len(before)]
            if (word.startswith(last) if is_prefix else word == last) and all(
                words[at + i][0] == other for i, other in enumerate(before)
            ):
                found.append((words[at][1], end))
    merged: list[Mark] = []
    for start, end in sorted(found):
        if merged and start < merged[-1].end:
            merged[-1].end = max(end, merged[-1].end)
        else:
            merged.append(Mark(start, end))
    return merged


def _cursor(place: int) -> str:
    return base64.urlsafe_b64encode(_encode([place])).decode().rstrip("=")


def _iso(instant: int) -> str:
    at = datetime.datetime.fromtimestamp(instant // 1000, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03}Z"
