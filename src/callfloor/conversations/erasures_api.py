"""`/api/v2/erasures`: conversations erased on request, tried out first, and the receipts."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.erasing import ITEMS_LIMIT, RequestErasure, request_erasure
from callfloor.conversations.holds_api import ActorShown, Email, Id, Number
from callfloor.conversations.receipts import (
    NEWEST,
    ErasedConversation,
    Receipt,
    conversations_of,
    receipt_by_id,
    receipts_below,
)
from callfloor.conversations.stewardship_tables import ErasureState, ItemState
from callfloor.conversations.subjects import person_of
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.web import Cursor, Facts, Limit, Shape, cursor_after, position_of

router = APIRouter(prefix="/erasures", tags=["Stewardship"])

Eraser = Annotated[Caller, needs(Scope.CONVERSATIONS_ERASE)]
ErasureId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]+$")]


class NewErasure(Shape):
    """Conversations by their ids, or all of a person by e-mail address or telephone number."""

    conversation_ids: Annotated[list[Id], Field(min_length=1, max_length=ITEMS_LIMIT)] | None = None
    email: Email | None = None
    number: Number | None = None
    dry_run: bool = Field(default=False, description="Only tell what would be erased, and what is held.")
    skip_held: bool = Field(default=False, description="Erase the rest where something is held, instead of nothing.")


class ErasureItemShown(Shape):
    """A conversation that is erased, or held and why."""

    conversation_id: str
    kind: ConversationKind
    state: ItemState
    hold_id: str | None
    reason: str | None


class ErasureRequested(Shape):
    """What is erased from now on; of a dry run, what would be: `id` is null then."""

    id: str | None
    conversations: list[ErasureItemShown]
    waiting: int
    held: int
    unfinished_uploads: int = Field(description="Uploads that name the person and had no end yet: they end now.")


class ErasureReceipt(Shape):
    """A receipt; `digest` is the SHA-256 over a line `id state digest` for each conversation, in their order."""

    id: str
    cause: str = Field(description="`conversations`, `person` or `retention`.")
    state: ErasureState
    requested_at: str
    requested_by: ActorShown
    finished_at: str | None
    scrubbed_at: str | None = Field(description="When the database's file was written anew; null where it was not.")
    counts: dict[str, int]
    digest: str | None


class ErasureReceipts(Shape):
    """A page of receipts, newest first."""

    data: list[ErasureReceipt]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class ErasedRecording(Shape):
    """A recording that was deleted."""

    sha256: str
    size_bytes: int


class ErasedConversationShown(Shape):
    """What became of a conversation; `digest` is the SHA-256 over all that it was."""

    conversation_id: str
    kind: ConversationKind
    state: ItemState
    at: str | None
    hold_id: str | None
    digest: str | None
    recordings: list[ErasedRecording]
    counts: dict[str, int]


class ErasedConversations(Shape):
    """A page of an erasure's conversations, by their ids."""

    data: list[ErasedConversationShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


@router.post("", operation_id="request_erasure", status_code=202)
async def post_erasure(body: NewErasure, facts: Facts, caller: Eraser, response: Response) -> ErasureRequested:
    """Erase conversations; 409 `legal_hold` says what is held. A dry run tells the very same, and erases nothing."""
    command = RequestErasure(
        caller.team_id,
        caller.actor(facts),
        facts.now,
        facts.services.settings.hash_key,
        tuple(body.conversation_ids or ()),
        person_of(body.email, body.number),
        body.skip_held,
    )
    request = functools.partial(request_erasure, command=command)
    done = await write_or_try(facts.services.db, request, dry_run=body.dry_run)
    if body.dry_run:
        response.status_code = 200
    else:
        response.headers["Location"] = f"/api/v2/erasures/{done.erasure_id}"
    items = [
        ErasureItemShown(
            conversation_id=one.conversation_id,
            kind=ConversationKind(one.kind),
            state=ItemState(one.state),
            hold_id=one.hold_id,
            reason=one.reason,
        )
        for one in done.items
    ]
    held = sum(one.state == ItemState.HELD for one in done.items)
    shown_id = None if body.dry_run else done.erasure_id
    return ErasureRequested(
        id=shown_id,
        conversations=items,
        waiting=len(items) - held,
        held=held,
        unfinished_uploads=done.unfinished_uploads,
    )


@router.get("", operation_id="list_erasures")
async def list_erasures(facts: Facts, caller: Eraser, limit: Limit = 50, cursor: Cursor = None) -> ErasureReceipts:
    """List the receipts, newest first."""
    (before,) = position_of(cursor, str) or (NEWEST,)
    read = functools.partial(receipts_below, team_id=caller.team_id, before=before, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ErasureReceipts(data=[_receipt(one) for one in found[:limit]], next_cursor=more)


@router.get("/{erasure_id}", operation_id="show_erasure")
async def show_erasure(erasure_id: ErasureId, facts: Facts, caller: Eraser) -> ErasureReceipt:
    """Show one receipt."""
    read = functools.partial(receipt_by_id, team_id=caller.team_id, erasure_id=erasure_id)
    return _receipt(await facts.services.db.report(read))


@router.get("/{erasure_id}/conversations", operation_id="list_erased_conversations")
async def list_erased(
    erasure_id: ErasureId, facts: Facts, caller: Eraser, limit: Limit = 50, cursor: Cursor = None
) -> ErasedConversations:
    """List what became of each conversation of an erasure."""
    (after,) = position_of(cursor, str) or ("",)
    read = functools.partial(
        conversations_of, team_id=caller.team_id, erasure_id=erasure_id, after=after, take=limit + 1
    )
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].conversation_id) if len(found) > limit else None
    return ErasedConversations(data=[_erased(one) for one in found[:limit]], next_cursor=more)


def _receipt(one: Receipt) -> ErasureReceipt:
    return ErasureReceipt(
        id=one.id,
        cause=one.cause,
        state=ErasureState(one.state),
        requested_at=iso(one.requested_at),
        requested_by=ActorShown(**one.requested_by),
        finished_at=iso_or_none(one.finished_at),
        scrubbed_at=iso_or_none(one.scrubbed_at),
        counts=dict(one.counts),
        digest=one.digest,
    )


def _erased(one: ErasedConversation) -> ErasedConversationShown:
    return ErasedConversationShown(
        conversation_id=one.conversation_id,
        kind=ConversationKind(one.kind),
        state=ItemState(one.state),
        at=iso_or_none(one.at),
        hold_id=one.hold_id,
        digest=one.digest,
        recordings=[ErasedRecording(**recording) for recording in one.recordings],
        counts=dict(one.counts),
    )
