"""`/api/v2/holds`: what must be kept, whoever asks for its erasure."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from callfloor.access.accounts import EMAIL_MAX_LENGTH, EMAIL_PATTERN
from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.holds import FIRST, Hold, PlaceHold, hold_by_id, holds_below, lift_hold, place_hold
from callfloor.conversations.subjects import person_of, shown_person
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.fields import checked_name, name_field
from callfloor.foundation.web import Cursor, Facts, Limit, Shape, cursor_after, position_of

router = APIRouter(prefix="/holds", tags=["Stewardship"])

REASON_LENGTH = 500

Eraser = Annotated[Caller, needs(Scope.CONVERSATIONS_ERASE)]
HoldId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00]+$")]
Id = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")]
Email = Annotated[
    str,
    Field(
        min_length=3,
        max_length=EMAIL_MAX_LENGTH,
        examples=["cleo@customer.example"],
        json_schema_extra={"pattern": EMAIL_PATTERN},
    ),
]
Number = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[^\x00]+$", examples=["+49 30 1234"])]


class NewHold(Shape):
    """One of a conversation, and a person by e-mail address or telephone number; and why."""

    conversation_id: Id | None = None
    email: Email | None = None
    number: Number | None = None
    reason: Annotated[str, name_field(REASON_LENGTH)]


class ActorShown(Shape):
    """Who did it."""

    kind: str
    id: str
    name: str


class HoldShown(Shape):
    """A hold; `person` holds an email or a number, and is null once the person was erased."""

    id: str
    conversation_id: str | None
    person: dict[str, str] | None
    reason: str
    placed_at: str
    placed_by: ActorShown
    lifted_at: str | None
    lifted_by: ActorShown | None


class HoldPage(Shape):
    """The team's holds, newest first, the lifted ones among them."""

    data: list[HoldShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


@router.post("", operation_id="place_hold", status_code=201)
async def post_hold(body: NewHold, facts: Facts, caller: Eraser) -> HoldShown:
    """Keep a conversation, or every conversation of a person, until the hold is lifted."""
    command = PlaceHold(
        caller.team_id,
        checked_name("reason", body.reason, limit=REASON_LENGTH),
        caller.actor(facts),
        facts.now,
        body.conversation_id,
        person_of(body.email, body.number),
    )
    return _shown(await facts.services.db.write(functools.partial(place_hold, command=command)))


@router.get("", operation_id="list_holds")
async def list_holds(facts: Facts, caller: Eraser, limit: Limit = 50, cursor: Cursor = None) -> HoldPage:
    """List the holds, newest first."""
    (before,) = position_of(cursor, str) or (FIRST,)
    read = functools.partial(holds_below, team_id=caller.team_id, before=before, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return HoldPage(data=[_shown(one) for one in found[:limit]], next_cursor=more)


@router.get("/{hold_id}", operation_id="show_hold")
async def show_hold(hold_id: HoldId, facts: Facts, caller: Eraser) -> HoldShown:
    """Show one hold."""
    read = functools.partial(hold_by_id, team_id=caller.team_id, hold_id=hold_id)
    return _shown(await facts.services.db.report(read))


@router.post("/{hold_id}/lift", operation_id="lift_hold")
async def post_lift(hold_id: HoldId, facts: Facts, caller: Eraser) -> HoldShown:
    """Lift a hold: what it kept may be erased again, by retention too."""
    lift = functools.partial(
        lift_hold, team_id=caller.team_id, hold_id=hold_id, actor=caller.actor(facts), now=facts.now
    )
    return _shown(await facts.services.db.write(lift))


def _shown(hold: Hold) -> HoldShown:
    return HoldShown(
        id=hold.id,
        conversation_id=hold.conversation_id,
        person=shown_person(hold.person_key),
        reason=hold.reason,
        placed_at=iso(hold.placed_at),
        placed_by=ActorShown(**hold.placed_by),
        lifted_at=iso_or_none(hold.lifted_at),
        lifted_by=None if hold.lifted_by is None else ActorShown(**hold.lifted_by),
    )
