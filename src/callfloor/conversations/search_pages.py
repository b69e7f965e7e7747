"""A page of the search as bytes, and the short way of a plain search past the framework, whose cost is the greater."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from callfloor.access.guard import Caller
from callfloor.conversations.search_words import MAX_QUERY_LENGTH, parse_query
from callfloor.conversations.searching import FoundConversation, Search, search_conversations
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError, Unavailable
from callfloor.foundation.web import CALLER, cursor_after, position_of

PATH = "/api/v2/search"
MEDIA_TYPE = "application/json"
USUAL_LIMIT, MAX_LIMIT = 20, 100
_PLAIN = frozenset({"q", "limit", "cursor"})
_LIMITS = frozenset(str(limit) for limit in range(1, MAX_LIMIT + 1))
_ENCODER = msgspec.json.Encoder()

Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


@dataclasses.dataclass(frozen=True, slots=True)
class AskedSearch:
    """What is looked for, after which place, and how many conversations at most."""

    search: Search
    after: tuple[Any, ...] | None
    limit: int


async def found_page(db: Database, asked: AskedSearch) -> bytes:
    """Return a `SearchPage` as JSON."""
    before = None if asked.after is None else asked.after[0]
    found = await search_conversations(db, asked.search, before=before, count=asked.limit + 1)
    page = found[: asked.limit]
    next_cursor = cursor_after(page[-1].place) if len(found) > asked.limit else None
    return _ENCODER.encode({"data": [_hit(one) for one in page], "next_cursor": next_cursor})


def _hit(one: FoundConversation) -> dict[str, Any]:
    snippets = [
        {
            "speaker": snippet.speaker,
            "start": snippet.start_ms / 1000,
            "end": snippet.end_ms / 1000,
            "text": snippet.text,
            "marks": [{"start": start, "end": end} for start, end in snippet.marks],
        }
        for snippet in one.snippets
    ]
    return {"id": one.id, "kind": one.kind, "name": one.name, "date": iso(one.date), "snippets": snippets}


class PlainSearches:
    """Answers searches without filters from callers who are known already; what else comes goes to the framework.

    Args:
        db: where it is looked.
        app: the framework, which has the route too, for the filters and for every refusal.
    """

    def __init__(self, db: Database, app: Application) -> None:
        self._db = db
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Answer a request."""
        asked = _plain_search(scope)
        try:
            body = None if asked is None else await found_page(self._db, asked)
        except Unavailable:
            body = None
        if body is None:
            await self._app(scope, receive, send)
            return
        headers = [(b"content-length", b"%d" % len(body)), (b"content-type", MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _plain_search(scope: MutableMapping[str, Any]) -> AskedSearch | None:
    """Return what is asked for; None if it is more than words, or not what it should be."""
    caller = scope.get(CALLER)
    if scope["method"] != "GET" or not isinstance(caller, Caller):
        return None
    given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    asked = dict(given)
    words, limit = asked.get("q", ""), asked.get("limit", str(USUAL_LIMIT))
    if len(asked) < len(given) or not asked.keys() <= _PLAIN or not 0 < len(words) <= MAX_QUERY_LENGTH:
        return None
    if "\x00" in words or limit not in _LIMITS:
        return None
    try:
        search = Search(team_id=caller.team_id, terms=parse_query(words), owner_account_id=caller.only_account_id)
        return AskedSearch(search, position_of(asked.get("cursor"), int), int(limit))
    except DomainError:
        return None
