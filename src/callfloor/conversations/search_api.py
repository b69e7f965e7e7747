"""`/api/v2/search`: where in the team's conversations something was said."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.filters_api import AskedScope, BeganFrom, BeganTo, CustomerDomain
from callfloor.conversations.search_pages import MAX_LIMIT, MEDIA_TYPE, USUAL_LIMIT, AskedSearch, found_page
from callfloor.conversations.search_words import MAX_QUERY_LENGTH, parse_query
from callfloor.conversations.searching import Search
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import from_datetime
from callfloor.foundation.web import Cursor, Facts, Shape, position_of

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


@router.get("", operation_id="search_conversations", response_model=SearchPage)
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
    kind: Annotated[Literal["call", "meeting"] | None, Query(description="Only of this kind.")] = None,
    scope: AskedScope = "all",
    from_: BeganFrom = None,
    to: BeganTo = None,
    customer_domain: CustomerDomain = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many conversations at most.")] = USUAL_LIMIT,
) -> Response:
    """Find conversations by what was said in them."""
    asked = AskedSearch(
        Search(
            team_id=caller.team_id,
            terms=parse_query(q),
            kind=None if kind is None else ConversationKind(kind),
            is_external=None if scope == "all" else scope == "external",
            date_from=None if from_ is None else from_datetime(from_),
            date_to=None if to is None else from_datetime(to),
            domain=None if customer_domain is None else customer_domain.lower(),
            owner_account_id=caller.only_account_id,
        ),
        position_of(cursor, int),
        limit,
    )
    return Response(await found_page(facts.services.db, asked), media_type=MEDIA_TYPE)
