"""`POST /api/v2/calls|meetings/{id}/analysis`: a conversation analyzed anew."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller
from callfloor.conversations.api import Id, one_shown
from callfloor.conversations.editing_api import Writer
from callfloor.conversations.locking import Which
from callfloor.conversations.reanalyzing import Reanalyze, reanalyze_conversation
from callfloor.conversations.shapes import ConversationShown
from callfloor.conversations.tables import AUTO, ConversationKind
from callfloor.foundation.fields import LANGUAGE_PATTERN
from callfloor.foundation.web import Facts, RequestFacts, Shape

router = APIRouter(tags=["Conversations"])

Language = Annotated[str, Field(pattern=f"^({AUTO}|{LANGUAGE_PATTERN})$", examples=["de"])]


class Reanalysis(Shape):
    """How to analyze it anew."""

    language: Language | None = Field(
        default=None, description="What is spoken; `auto` finds it out, left out it stays as it is."
    )


@router.post("/calls/{call_id}/analysis", operation_id="reanalyze_call", status_code=202)
async def reanalyze_call(  # which, how, and how it is answered
    call_id: Id, body: Reanalysis, facts: Facts, caller: Writer, request: Request, response: Response
) -> ConversationShown:
    """Analyze the recording of a call anew; what is there stays until then."""
    await _reanalyze(facts, caller, Which(caller.team_id, ConversationKind.CALL, call_id, caller.only_account_id), body)
    return await one_shown(facts, caller, ConversationKind.CALL, call_id, request, response)


@router.post("/meetings/{meeting_id}/analysis", operation_id="reanalyze_meeting", status_code=202)
async def reanalyze_meeting(  # which, how, and how it is answered
    meeting_id: Id, body: Reanalysis, facts: Facts, caller: Writer, request: Request, response: Response
) -> ConversationShown:
    """Analyze the recording of a meeting anew; what is there stays until then."""
    which = Which(caller.team_id, ConversationKind.MEETING, meeting_id, caller.only_account_id)
    await _reanalyze(facts, caller, which, body)
    return await one_shown(facts, caller, ConversationKind.MEETING, meeting_id, request, response)


async def _reanalyze(facts: RequestFacts, caller: Caller, which: Which, body: Reanalysis) -> None:
    command = Reanalyze(which, caller.actor(facts), facts.now, body.language)
    await facts.services.db.write(functools.partial(reanalyze_conversation, command=command))
