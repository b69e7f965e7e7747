"""The full-text index of transcripts, kept in the transaction that writes or removes what was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, column, delete, insert, select, table
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import Boolean

from callfloor.conversations.search_tables import search_entry, search_slot
from callfloor.conversations.search_words import IndexedQuery, IndexedWords, team_word, words_of
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param, upsert

IDS_OF_AN_INSTANT = 1 << 21
"""Segments that may begin their conversations in one millisecond, over all teams."""
_LAST_INSTANT = (1 << 42) - 1
"""In the year 2109: ids have 63 bits. What claims to be of later stands there."""

search_text = table("search_text", column("rowid", BigInteger), column("team", Text), column("words", IndexedWords))
"""Made by a migration: an FTS5 table on SQLite, one with a tsvector on PostgreSQL."""

_e, _slot = search_entry.c, search_slot.c
_fresh_slot = upsert(search_slot).values(first_id=param("first_id"), taken=param("count"))
_take_ids = _fresh_slot.on_conflict_do_update(
    index_elements=[_slot.first_id], set_={"taken": _slot.taken + _fresh_slot.excluded.taken}
).returning(_slot.taken)
_add_entry = insert(search_entry)
_add_text = insert(search_text).values(rowid=param("id"), team=param("team"), words=param("words", IndexedWords()))
_entries = select(_e.id).where(_e.team_id == param("team_id"), _e.conversation_id == param("conversation_id"))
_remove_texts = delete(search_text).where(any_of(search_text.c.rowid, "ids"))
_remove_entries = delete(search_entry).where(
    _e.team_id == param("team_id"), _e.conversation_id == param("conversation_id")
)


class Matches(ColumnElement[bool]):
    """Whether a row of `search_text` meets the query that is sent as parameter `name`.

    Not `by_index` PostgreSQL looks at the words of each row that it has come to by another way.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, name: str, *, by_index: bool = True) -> None:
        self.query = param(name, IndexedQuery())
        self.by_index = by_index

    def self_group(self, against: Any = None) -> Matches:  # noqa: ARG002  # SQLAlchemy's interface
        """Stand as it is: "= 1" behind it would keep the index from serving."""
        return self


@compiles(Matches, "postgresql")
def _matches_on_postgres(element: Matches, compiler: SQLCompiler, **kw: Any) -> str:
    words, query = compiler.process(search_text.c.words, **kw), compiler.process(element.query, **kw)
    # The operator's own function, which no index serves.
    return f"{words} @@ {query}" if element.by_index else f"ts_match_vq({words}, {query})"


@compiles(Matches, "sqlite")
def _matches_on_sqlite(element: Matches, compiler: SQLCompiler, **kw: Any) -> str:
    return f"search_text MATCH {compiler.process(element.query, **kw)}"


class Place(ColumnElement[int]):
    """The id of a row of `search_text`, by which FTS5 begins and ends; PostgreSQL shall not look rows up by it."""

    inherit_cache = False
    type = BigInteger()


@compiles(Place, "postgresql")
def _place_on_postgres(element: Place, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001  # its interface
    return f"({compiler.process(search_text.c.rowid, **kw)} + 0)"


@compiles(Place, "sqlite")
def _place_on_sqlite(element: Place, compiler: SQLCompiler, **kw: Any) -> str:  # noqa: ARG001  # its interface
    return compiler.process(search_text.c.rowid, **kw)


def first_id_of(date: Millis) -> int:
    """Return the lowest id of the conversations that began at this instant."""
    return max(-_LAST_INSTANT, min(date, _LAST_INSTANT)) * IDS_OF_AN_INSTANT


def index_transcript(tx: Tx, team_id: int, conversation_id: str, texts: Sequence[str], *, date: Millis) -> None:
    """Put the texts of a conversation's segments into the index, in place of what was there; it began at `date`."""
    forget_transcript(tx, team_id, conversation_id)
    if not texts:
        return
    count = len(texts)
    row = tx.one(_take_ids, {"first_id": first_id_of(date), "count": count})
    first = first_id_of(date) + (row[0] if row else count) - count
    own = {"team_id": team_id, "conversation_id": conversation_id}
    tx.run(_add_entry, [{**own, "id": first + at, "position": at} for at in range(count)])
    tx.run(
        _add_text,
        [
            {
                "id": first + at,
                "team": team_word(team_id),
                "words": (team_id, words_of(text)),
            }
            for at, text in enumerate(texts)
        ],
    )


def forget_transcript(tx: Tx, team_id: int, conversation_id: str) -> None:
    """Take a conversation out of the index."""
    own = {"team_id": team_id, "conversation_id": conversation_id}
    ids = [row[0] for row in tx.all(_entries, own)]
    if ids:
        tx.run(_remove_texts, {"ids": ids})
        tx.run(_remove_entries, own)
