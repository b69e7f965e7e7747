"""Find conversations by what was said in them, newest first, with the places where it was said."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, FromClause, Integer, Select, func, select, true

from callfloor.conversations.search_index import Matches, Place, first_id_of, search_text
from callfloor.conversations.search_tables import search_entry
from callfloor.conversations.search_words import Term, hits
from callfloor.conversations.tables import ConversationKind, conversation, conversation_domain, transcript_segment
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, param

SNIPPETS = 3
"""Shown of one conversation at most."""
MANY = 5_000
"""Segments that PostgreSQL gathers by their words, to be put in order; it takes microseconds for each."""
_HITS_AT_ONCE = 100
_FAR_BELOW, _FAR_ABOVE = -(2**63), 2**63 - 1

_e, _c, _d, _s = search_entry.c, conversation.c, conversation_domain.c, transcript_segment.c
_IS_OF_TEAM = func.coalesce(_e.team_id, 0) == param("team_id")
"""As no index serves it: each of a team's entries would be read, and on SQLite looked up among the words."""
_SPOKEN = (_s.speaker, _s.start_ms, _s.end_ms, _s.text)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for, and in which of a team's conversations; None does not narrow."""

    team_id: int
    terms: tuple[Term, ...]
    kind: ConversationKind | None = None
    is_external: bool | None = None
    date_from: Millis | None = None
    date_to: Millis | None = None
    domain: str | None = None
    owner_account_id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Snippet:
    """A segment that holds what was looked for; `marks` are the start and end of each hit in its text."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str
    marks: Sequence[tuple[int, int]]


@dataclasses.dataclass(frozen=True, slots=True)
class FoundConversation:
    """A conversation in which it was said; the next ones come before `place`."""

    id: str
    kind: str
    name: str
    date: Millis
    place: int
    snippets: list[Snippet]


def _hits(source: FromClause, row_id: Any) -> Select[Any]:
    """Return the segments of the source with their conversations, the greatest id first."""
    return (
        select(row_id.label("rowid"), _e.position, _c.id, _c.kind, _c.name, _c.date, *_SPOKEN)
        .select_from(source)
        .join(conversation, (_c.team_id == _e.team_id) & (_c.id == _e.conversation_id))
        .join(
            transcript_segment,
            (_s.team_id == _e.team_id) & (_s.conversation_id == _e.conversation_id) & (_s.position == _e.position),
        )
        .order_by(row_id.desc())
        .limit(param("take", Integer))
    )


def _said(*, most: int | None = None) -> CTE:
    """Return the ids of what meets the query between `above` and `before`.

    Found by its words first: PostgreSQL would else read every segment of the team, and look at its words.
    """
    between = Place() < param("before"), Place() >= param("above")
    return (
        select(search_text.c.rowid)
        .where(Matches("query"), *between)
        .limit(most)
        .cte("said")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )


def _hits_of(said: CTE) -> Select[Any]:
    return _hits(said.join(search_entry, _e.id == said.c.rowid), said.c.rowid).where(_IS_OF_TEAM)


@functools.cache
def hits_statement(*, by_kind: bool, by_scope: bool, by_domain: bool, by_owner: bool) -> Select[Any]:
    """Return the segments that meet the query, newest first, between the ids `above` and `before`."""
    statement = _hits_of(_said())
    if by_kind:
        statement = statement.where(_c.kind == param("kind"))
    if by_scope:
        statement = statement.where(_c.is_external == param("is_external"))
    if by_owner:
        statement = statement.where(_c.owner_account_id == param("owner"))
    if by_domain:
        with_domain = select(func.count()).where(
            _d.team_id == _c.team_id,
            _d.kind == _c.kind,
            _d.domain == param("domain"),
            _d.date == _c.date,
            _d.conversation_id == _c.id,
        )
        statement = statement.where(with_domain.scalar_subquery() > 0)
    return statement


def _counted(said: CTE) -> Select[Any]:
    """Return the hits, each with how many segments were found; one row at least."""
    shown = _hits_of(said).subquery("shown")
    found = select(func.count().label("segments")).select_from(said).subquery("found")
    counted = select(*shown.c, found.c.segments).select_from(found.outerjoin(shown, true()))
    return counted.order_by(shown.c.rowid.desc())


# FTS5 finds the newest first by itself. PostgreSQL finds all in any order, and is stopped where they are too many to
# be put in order: the team's newest segments soon have words that are said so often.
_capped_hits = _counted(_said(most=MANY + 1))
_newest_hits = _hits(search_entry.join(search_text, search_text.c.rowid == _e.id), _e.id).where(
    _e.team_id == param("team_id"),
    _e.id < param("before"),
    _e.id >= param("above"),
    Matches("query", by_index=False),
)


def ids_that_say() -> Select[str]:
    """Return the ids of the conversations that meet the query, for the condition of a list; team_id and query."""
    return _ids_that_say


# As `_said`: found by their words first.
_wherever_said = (
    select(search_text.c.rowid).where(Matches("query")).cte("said").prefix_with("MATERIALIZED", dialect="postgresql")
)
_ids_that_say = (
    select(_e.conversation_id)
    .select_from(_wherever_said)
    .join(search_entry, _e.id == _wherever_said.c.rowid)
    .where(_IS_OF_TEAM)
)


async def search_conversations(
    db: Database, search: Search, *, before: int | None = None, count: int = 20
) -> list[FoundConversation]:
    """Return up to `count` conversations, newest first, that come before the place `before`.

    A word that is said all through a conversation is not read to the end: its first snippets are enough.
    """
    narrowing = {
        "by_kind": search.kind is not None,
        "by_scope": search.is_external is not None,
        "by_domain": search.domain is not None,
        "by_owner": search.owner_account_id is not None,
    }
    # What is narrowed may be seldom however often it is said: it is not looked for among the newest.
    is_capped = db.name == "postgresql" and not any(narrowing.values())
    statement, params = _capped_hits if is_capped else hits_statement(**narrowing), _params(search)
    found: list[FoundConversation] = []
    place = _upper(search) if before is None else min(before, _upper(search))
    while True:
        rows = await db.select(statement, {**params, "before": place, "take": _HITS_AT_ONCE})
        if is_capped and rows[0][-1] > MANY:
            is_capped, statement = False, _newest_hits
            continue
        rows = [row for row in rows if row[0] is not None]
        for row in rows:
            begun = row[0] - row[1]
            if not found or found[-1].place != begun:
                if len(found) == count:
                    return found
                found.append(FoundConversation(row[2], row[3], row[4], row[5], begun, []))
            if len(found[-1].snippets) < SNIPPETS:
                # The last one comes first.
                found[-1].snippets.insert(0, Snippet(row[6], row[7], row[8], row[9], hits(row[9], search.terms)))
            place = row[0]
        if len(rows) < _HITS_AT_ONCE:
            return found
        if len(found[-1].snippets) == SNIPPETS:
            place = found[-1].place


def _upper(search: Search) -> int:
    return _FAR_ABOVE if search.date_to is None else first_id_of(search.date_to + 1)


def _params(search: Search) -> dict[str, Any]:
    lower = _FAR_BELOW if search.date_from is None else first_id_of(search.date_from)
    params: dict[str, Any] = {"query": (search.team_id, search.terms), "team_id": search.team_id, "above": lower}
    if search.kind is not None:
        params["kind"] = search.kind.value
    if search.is_external is not None:
        params["is_external"] = search.is_external
    if search.domain is not None:
        params["domain"] = search.domain
    if search.owner_account_id is not None:
        params["owner"] = search.owner_account_id
    return params
