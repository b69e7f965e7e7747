"""The feed of changes, followed from where one was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator

from callfloor_sdk.errors import CallfloorError
from callfloor_sdk.generated.async_callfloor import AsyncChangesMethods
from callfloor_sdk.generated.callfloor import ChangesMethods
from callfloor_sdk.generated.callfloor_types import ChangePage
from callfloor_sdk.patience import Patience
from callfloor_sdk.requests import Api, Request

WAIT_SECONDS = 25
ANSWER_SECONDS = 45.0
"""For an answer that waits for a change: longer than that, however impatient the client is otherwise."""


def _next(after: str | None, limit: int | None) -> Request[ChangePage]:
    return Request(
        api=Api.CALLFLOOR,
        method="GET",
        path="/api/v2/changes",
        answer=ChangePage,
        query={"after": after, "limit": limit, "wait": WAIT_SECONDS},
        timeout=ANSWER_SECONDS,
    )


class ChangeFeed(ChangesMethods):
    """The feed of changes: whoever follows it has a copy that stays equal."""

    def catch_up(self, after: str | None = None, *, limit: int | None = None) -> Generator[ChangePage, None, None]:
        """Yield pages of changes up to now; keep `next` of the last one with your copy.

        Args:
            after: `next` of the last page that you have worked through; None: from the first change on.
            limit: changes on a page.
        """
        has_more = True
        while has_more:
            page = self.list(after=after, limit=limit)
            after, has_more = page.next, page.has_more
            if page.data:
                yield page

    def follow(
        self, after: str | None = None, *, limit: int | None = None, give_up_after: float | None = None
    ) -> Generator[ChangePage, None, None]:
        """Yield pages of changes as they happen, without an end; no page is empty.

        Work through a page, then keep its `next` with your copy: after any fault you go on there.

        Args:
            after: `next` of the last page that you have worked through; None: from the first change on.
            limit: changes on a page.
            give_up_after: seconds without an answer, after which the fault is raised; left out, never.
        """
        patience = Patience(give_up_after)
        while True:
            try:
                page = self._sender.send(_next(after, limit))
            except CallfloorError as fault:
                time.sleep(patience.wait_after(fault))
                continue
            patience.note_success()
            after = page.next
            if page.data:
                yield page


class AsyncChangeFeed(AsyncChangesMethods):
    """The feed of changes: whoever follows it has a copy that stays equal."""

    async def catch_up(self, after: str | None = None, *, limit: int | None = None) -> AsyncGenerator[ChangePage, None]:
        """Yield pages of changes up to now; keep `next` of the last one with your copy.

        Args:
            after: `next` of the last page that you have worked through; None: from the first change on.
            limit: changes on a page.
        """
        has_more = True
        while has_more:
            page = await self.list(after=after, limit=limit)
            after, has_more = page.next, page.has_more
            if page.data:
                yield page

    async def follow(
        self, after: str | None = None, *, limit: int | None = None, give_up_after: float | None = None
    ) -> AsyncGenerator[ChangePage, None]:
        """Yield pages of changes as they happen, without an end; no page is empty.

        Work through a page, then keep its `next` with your copy: after any fault you go on there.

        Args:
            after: `next` of the last page that you have worked through; None: from the first change on.
            limit: changes on a page.
            give_up_after: seconds without an answer, after which the fault is raised; left out, never.
        """
        patience = Patience(give_up_after)
        while True:
            try:
                page = await self._sender.send(_next(after, limit))
            except CallfloorError as fault:
                await asyncio.sleep(patience.wait_after(fault))
                continue
            patience.note_success()
            after = page.next
            if page.data:
                yield page
