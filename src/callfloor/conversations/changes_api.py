"""`/api/v2/changes`: what changed in the team's conversations, in the order in which it became visible."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.changes import CHANGES_AFTER, OWN_CHANGES_AFTER, Change, NumberedChange
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import iso
from callfloor.foundation.services import Services
from callfloor.foundation.web import Facts, Shape, cursor_after, position_of

router = APIRouter(prefix="/changes", tags=["Changes"])

LONGEST_WAIT_SECONDS = 30
_LOOK_EVERY_SECONDS = 0.25

Reader = Annotated[Caller, needs(Scope.CONVERSATIONS_READ)]


class ChangeShown(Shape):
    """One change; of an `erased` conversation nothing else is left."""

    conversation_id: str
    kind: ConversationKind
    change: Change
    at: str


class ChangePage(Shape):
    """Changes, oldest first; keep `next` with your copy and go on `after` it."""

    data: list[ChangeShown]
    next: str = Field(description="Give it as `after` of the next request, also when `data` is empty.")
    has_more: bool = Field(description="Whether more changes are there already.")


@router.get("", operation_id="list_changes")
async def list_changes(
    facts: Facts,
    caller: Reader,
    after: Annotated[str | None, Query(description="`next` of your last answer; left out, from the first.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many changes at most.")] = 100,
    wait: Annotated[
        int, Query(ge=0, le=LONGEST_WAIT_SECONDS, description="Seconds to wait for a change where there is none.")
    ] = 0,
) -> ChangePage:
    """List what changed after a point; a reader that only follows this misses nothing."""
    (seq,) = position_of(after, int, field="after") or (0,)
    found = await _changes(facts.services, caller, seq, limit + 1, wait)
    page = found[:limit]
    return ChangePage(
        data=[
            ChangeShown(
                conversation_id=one.conversation_id,
                kind=ConversationKind(one.kind),
                change=Change(one.change),
                at=iso(one.at),
            )
            for one in page
        ],
        next=cursor_after(page[-1].seq if page else seq),
        has_more=len(found) > limit,
    )


async def _changes(services: Services, caller: Caller, seq: int, take: int, wait: int) -> list[NumberedChange]:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    statement, params = CHANGES_AFTER, {"team_id": caller.team_id, "after": seq, "take": take}
    if caller.only_account_id is not None:
        statement, params = OWN_CHANGES_AFTER, {**params, "owner": caller.only_account_id}
    while True:
        rows = await services.db.read(statement, params)
        # A server that stops waits for the answers under way: the reader asks again, and meets the next one.
        if rows or loop.time() >= until or services.stopping.is_announced:
            return [NumberedChange(number or 0, *rest) for number, rest in ((row[0], row[1:]) for row in rows)]
        await asyncio.sleep(min(_LOOK_EVERY_SECONDS, max(until - loop.time(), 0)))
