"""`/api/v2/retention`: for how long the team keeps its calls and its meetings."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.retaining import DAYS, SetRetention, due_count, retention_of_team, set_retention
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.web import Facts, IfMatch, Shape, check_match, entity_tag

router = APIRouter(prefix="/retention", tags=["Stewardship"])

Reader = Annotated[Caller, needs(Scope.TEAM_READ)]
Eraser = Annotated[Caller, needs(Scope.CONVERSATIONS_ERASE)]
Days = Annotated[int, Field(ge=DAYS[0], le=DAYS[-1])]


class Retention(Shape):
    """Days that conversations are kept, counted from when they began; null is for ever."""

    call_days: Days | None = Field(examples=[365])
    meeting_days: Days | None


class RetentionShown(Shape):
    """What holds, and how many conversations are older: the next night removes those that are not held."""

    call_days: int | None
    meeting_days: int | None
    calls_due: int
    meetings_due: int


@router.get("", operation_id="show_retention")
async def show_retention(facts: Facts, caller: Reader, response: Response) -> RetentionShown:
    """Show for how long conversations are kept."""
    shown = await facts.services.db.report(functools.partial(_shown, team_id=caller.team_id, now=facts.now))
    response.headers["ETag"] = entity_tag(_tagged(shown))
    return shown


@router.put("", operation_id="set_retention")
async def put_retention(
    body: Retention, facts: Facts, caller: Eraser, response: Response, if_match: IfMatch = None
) -> RetentionShown:
    """Set for how long conversations are kept; what is older is removed from the next night on."""

    def check(known: Mapping[ConversationKind, int]) -> None:
        check_match(if_match, [known.get(kind) for kind in ConversationKind])

    days = {ConversationKind.CALL: body.call_days, ConversationKind.MEETING: body.meeting_days}
    command = SetRetention(caller.team_id, days, caller.actor(facts), facts.now, check)

    def put(tx: Tx) -> RetentionShown:
        set_retention(tx, command)
        return _shown(tx, caller.team_id, facts.now)

    shown = await facts.services.db.write(put)
    response.headers["ETag"] = entity_tag(_tagged(shown))
    return shown


def _shown(tx: Tx, team_id: int, now: Millis) -> RetentionShown:
    rules = retention_of_team(tx, team_id)
    due = {kind: due_count(tx, team_id, kind, days=days, now=now) for kind, days in rules.items()}
    call, meeting = ConversationKind.CALL, ConversationKind.MEETING
    return RetentionShown(
        call_days=rules.get(call),
        meeting_days=rules.get(meeting),
        calls_due=due.get(call, 0),
        meetings_due=due.get(meeting, 0),
    )


def _tagged(shown: RetentionShown) -> list[int | None]:
    return [shown.call_days, shown.meeting_days]
