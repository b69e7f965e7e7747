"""Lists that are longer than one answer, walked to their end: by cursor, by page number, by link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import httpx2

from callfloor_sdk.records import read
from callfloor_sdk.requests import Request
from callfloor_sdk.sending import AsyncSender, Sender

P = TypeVar("P")
R = TypeVar("R")

Next = Callable[[Request[Any], Any, httpx2.Response], Request[Any] | None]
"""The request of the next page, None after the last one."""


def by_cursor(request: Request[Any], page: Any, _answer: httpx2.Response) -> Request[Any] | None:
    """Go on by `next_cursor`, as the Callfloor API does: what is added or taken meanwhile moves nothing."""
    return None if page.next_cursor is None else request.asking(cursor=page.next_cursor)


def by_number(request: Request[Any], page: Any, _answer: httpx2.Response) -> Request[Any] | None:
    """Go on by the page's number, as the Portal API does."""
    number, size = int(str(request.query.get("page") or 1)), int(str(request.query.get("perPage") or 20))
    return request.asking(page=number + 1) if page.rows and number * size < page.count else None


def by_link(request: Request[Any], _page: Any, answer: httpx2.Response) -> Request[Any] | None:
    """Go on by the header `Link`, as the Conversations API does: nothing is lost or repeated while others are added."""
    link = answer.links.get("next")
    if link is None:
        return None
    cursor = httpx2.URL(link["url"]).params.get("cursor")
    return request.asking(page=None, cursor=cursor)


def whole(_request: Request[Any], _page: Any, _answer: httpx2.Response) -> Request[Any] | None:
    """Go nowhere: the list was whole."""
    return None


class Pages(Generic[P, R]):
    """A list: iterate over its rows, page after page; nothing is asked before.

    `pages()` has whole answers, with what else they say; `first()` is the first of them alone.
    """

    def __init__(self, sender: Sender, request: Request[P], following: Next, rows: str = "data") -> None:
        self._sender = sender
        self._request = request
        self._following = following
        self._rows = rows

    def pages(self) -> Iterator[P]:
        """Yield each page."""
        request: Request[P] | None = self._request
        while request is not None:
            answer = self._sender.answer(request)
            page = read(request, answer)
            yield page
            request = self._following(request, page, answer)

    def first(self) -> P:
        """Return the first page."""
        return self._sender.send(self._request)

    def __iter__(self) -> Iterator[R]:
        for page in self.pages():
            rows: Sequence[R] = getattr(page, self._rows)
            yield from rows


class AsyncPages(Generic[P, R]):
    """A list: iterate over its rows by `async for`, page after page; nothing is asked before.

    `pages()` has whole answers, with what else they say; `first()` is the first of them alone.
    """

    def __init__(self, sender: AsyncSender, request: Request[P], following: Next, rows: str = "data") -> None:
        self._sender = sender
        self._request = request
        self._following = following
        self._rows = rows

    async def pages(self) -> AsyncIterator[P]:
        """Yield each page."""
        request: Request[P] | None = self._request
        while request is not None:
            answer = await self._sender.answer(request)
            page = read(request, answer)
            yield page
            request = self._following(request, page, answer)

    async def first(self) -> P:
        """Return the first page."""
        return await self._sender.send(self._request)

    async def __aiter__(self) -> AsyncIterator[R]:
        async for page in self.pages():
            rows: Sequence[R] = getattr(page, self._rows)
            for row in rows:
                yield row
