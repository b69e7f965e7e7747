"""`/api/v2/calls|meetings/{id}/redactions`: parts taken out of a conversation, tried out first, and the receipts."""

from __future__ import annotations

import functools
import math
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.api import Id
from callfloor.conversations.holds_api import ActorShown
from callfloor.conversations.locking import Which, check_met
from callfloor.conversations.muting import MutedInterval
from callfloor.conversations.redacting import (
    INTERVALS_LIMIT,
    NEWEST,
    RedactConversation,
    Redaction,
    redact_conversation,
    redactions_below,
)
from callfloor.conversations.shapes import MutedIntervalShown
from callfloor.conversations.stewardship_tables import RedactionState
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.database import Tx
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.web import Cursor, Facts, Limit, RequestFacts, Shape, cursor_after, position_of

router = APIRouter(tags=["Stewardship"])

_CALL, _MEETING = ConversationKind.CALL, ConversationKind.MEETING

Eraser = Annotated[Caller, needs(Scope.CONVERSATIONS_ERASE)]
Seconds = Annotated[float, Field(ge=0, le=604_800, strict=False)]


class Interval(Shape):
    """A part of a conversation, in seconds from the beginning."""

    start: Seconds = Field(examples=[61.5])
    end: Seconds = Field(examples=[74.0])


class NewRedaction(Shape):
    """The parts that nobody is to hear or read any more."""

    intervals: Annotated[list[Interval], Field(min_length=1, max_length=INTERVALS_LIMIT)]
    dry_run: bool = Field(default=False, description="Only tell what would be taken out.")


class RedactionShown(Shape):
    """The receipt of a redaction; of a dry run, what would be taken out: `id` is null then."""

    id: str | None
    state: RedactionState = Field(
        description="`running` until the recording is silent; `withheld`: it cannot be, and nobody is given it."
    )
    intervals: list[MutedIntervalShown]
    requested_at: str
    requested_by: ActorShown
    finished_at: str | None
    scrubbed_at: str | None = Field(description="When the database's file was written anew; null where it was not.")
    counts: dict[str, int] = Field(
        description="How many `segments` of the transcript lost words or went away, how many `comments` on these "
        "moments lost their text, and how many `webhook_deliveries` that told of them their body."
    )


class RedactionPage(Shape):
    """The redactions of a conversation, newest first."""

    data: list[RedactionShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


@router.post("/calls/{call_id}/redactions", operation_id="redact_call", status_code=202)
async def redact_call(
    call_id: Id, body: NewRedaction, facts: Facts, caller: Eraser, response: Response
) -> RedactionShown:
    """Take parts out of a call for good; 409 `legal_hold` where it is held. A dry run changes nothing."""
    return await _redact(_CALL, call_id, body, facts, caller, response)


@router.post("/meetings/{meeting_id}/redactions", operation_id="redact_meeting", status_code=202)
async def redact_meeting(
    meeting_id: Id, body: NewRedaction, facts: Facts, caller: Eraser, response: Response
) -> RedactionShown:
    """Take parts out of a meeting for good; 409 `legal_hold` where it is held. A dry run changes nothing."""
    return await _redact(_MEETING, meeting_id, body, facts, caller, response)


@router.get("/calls/{call_id}/redactions", operation_id="list_call_redactions")
async def list_call_redactions(
    call_id: Id, facts: Facts, caller: Eraser, limit: Limit = 50, cursor: Cursor = None
) -> RedactionPage:
    """List what was taken out of a call, newest first."""
    return await _page(_which(caller, _CALL, call_id), facts, limit, cursor)


@router.get("/meetings/{meeting_id}/redactions", operation_id="list_meeting_redactions")
async def list_meeting_redactions(
    meeting_id: Id, facts: Facts, caller: Eraser, limit: Limit = 50, cursor: Cursor = None
) -> RedactionPage:
    """List what was taken out of a meeting, newest first."""
    return await _page(_which(caller, _MEETING, meeting_id), facts, limit, cursor)


async def _redact(  # of what, what, for whom, and how it is answered
    kind: ConversationKind, id_: str, body: NewRedaction, facts: RequestFacts, caller: Caller, response: Response
) -> RedactionShown:
    # Outwards to whole milliseconds: no part of what is named stays.
    intervals = [MutedInterval(math.floor(one.start * 1000), math.ceil(one.end * 1000)) for one in body.intervals]
    command = RedactConversation(_which(caller, kind, id_), intervals, caller.actor(facts), facts.now)
    redact = functools.partial(redact_conversation, command=command)
    done = await write_or_try(facts.services.db, redact, dry_run=body.dry_run)
    if not body.dry_run:
        return _shown(done)
    response.status_code = 200
    return _shown(done).model_copy(update={"id": None})


async def _page(which: Which, facts: RequestFacts, limit: int, cursor: str | None) -> RedactionPage:
    (before,) = position_of(cursor, str) or (NEWEST,)

    def read(tx: Tx) -> list[Redaction]:
        check_met(tx, which)
        return redactions_below(tx, which.team_id, which.id, before=before, take=limit + 1)

    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return RedactionPage(data=[_shown(one) for one in found[:limit]], next_cursor=more)


def _which(caller: Caller, kind: ConversationKind, conversation_id: str) -> Which:
    return Which(caller.team_id, kind, conversation_id, caller.only_account_id)


def _shown(one: Redaction) -> RedactionShown:
    parts: Any = one.intervals
    return RedactionShown(
        id=one.id,
        state=RedactionState(one.state),
        intervals=[MutedIntervalShown(start=start / 1000, end=end / 1000) for start, end in parts],
        requested_at=iso(one.requested_at),
        requested_by=ActorShown(**one.requested_by),
        finished_at=iso_or_none(one.finished_at),
        scrubbed_at=iso_or_none(one.scrubbed_at),
        counts=one.counts,
    )
