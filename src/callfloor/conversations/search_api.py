"""`/api/v2/search`: where in the team's conversations something was said."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.search_words import MAX_QUERY_LENGTH, parse_query
from callfloor.conversations.searching import FoundConversation, Search, Snippet, search_conversations
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import from_datetime, iso
from callfloor.foundation.fields import Moment
from callfloor.foundation.web import Facts, Shape, cursor_after, position_of

router = APIRouter(prefix="/search", tags=["Search"])

Reader = Annotated[Caller, needs(Scope.CONVERSATIONS_READ)]


class SnippetMark(Shape):
    """A hit in a snippet's text: its first character, and the one after its last."""

    start: int
    end: int


class SearchSnippet(Shape):
    """What was said, by whom, and when, in seconds from the beginning."""

    speaker: str
    start: float
    end: float
    text: str
    marks: list[SnippetMark]


class SearchHit(Shape):
    """A conversation in which it was said, with the last places where it was said, in their order."""

    id: str
    kind: ConversationKind
    name: str
    date: str
    snippets: list[SearchSnippet]


class SearchPage(Shape):
    """Conversations in which it was said, newest first."""

    data: list[SearchHit]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


@router.get("", operation_id="search_conversations")
async def search(  # noqa: PLR0913, PLR0917  # one parameter a filter
    facts: Facts,
    caller: Reader,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=MAX_QUERY_LENGTH,
            pattern=r"^[^\x00]*$",
            description='Words that are all said in one breath; "a phrase"; begin*; -without.',
            examples=['refund "next week" -invoice'],
        ),
    ],
    kind: Annotated[Literal["call", "meeting"] | None, Query()] = None,
    scope: Annotated[Literal["external", "internal", "all"], Query()] = "all",
    from_: Annotated[Moment | None, Query(alias="from", description="Began then or later.")] = None,
    to: Annotated[Moment | None, Query(description="Began then or earlier.")] = None,
    customer_domain: Annotated[str | None, Query(min_length=1, max_length=253, pattern=r"^[^\x00]*$")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SearchPage:
    """Find conversations by what was said in them."""
    looked_for = Search(
        team_id=caller.team_id,
        terms=parse_query(q),
        kind=None if kind is None else ConversationKind(kind),
        is_external=None if scope == "all" else scope == "external",
        date_from=None if from_ is None else from_datetime(from_),
        date_to=None if to is None else from_datetime(to),
        domain=None if customer_domain is None else customer_domain.lower(),
        owner_account_id=caller.only_account_id,
    )
    position = position_of(cursor, int)
    before = None if position is None else position[0]
    find = functools.partial(search_conversations, search=looked_for, before=before, count=limit + 1)
    found = await facts.services.db.report(find)
    page = found[:limit]
    return SearchPage(
        data=[_hit(one) for one in page],
        next_cursor=cursor_after(page[-1].place) if len(found) > limit else None,
    )


def _hit(one: FoundConversation) -> SearchHit:
    snippets = [_snippet(snippet) for snippet in one.snippets]
    return SearchHit(id=one.id, kind=ConversationKind(one.kind), name=one.name, date=iso(one.date), snippets=snippets)


def _snippet(one: Snippet) -> SearchSnippet:
    marks = [SnippetMark(start=start, end=end) for start, end in one.marks]
    return SearchSnippet(
        speaker=one.speaker, start=one.start_ms / 1000, end=one.end_ms / 1000, text=one.text, marks=marks
    )
