"""`PATCH /api/v2/calls|meetings/{id}`, their comments, and the history of both."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.api import Id, Reader, one_shown
from callfloor.conversations.commenting import add_comment, change_comment, remove_comment
from callfloor.conversations.editing import LATEST, By, EditConversation, PastEdit, edit_conversation, history_of
from callfloor.conversations.locking import Held, Which, tag_material
from callfloor.conversations.shapes import ConversationShown
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Tx
from callfloor.foundation.fields import checked_name, name_field
from callfloor.foundation.idempotency import Repeatable
from callfloor.foundation.web import (
    Cursor,
    Facts,
    IfMatch,
    Limit,
    RepeatKey,
    RequestFacts,
    Shape,
    check_match,
    cursor_after,
    entity_tag,
    position_of,
)

router = APIRouter(tags=["Conversations"])

NAME_LENGTH, TEXT_LENGTH, OUTCOME_LENGTH, REFERENCES = 500, 10_000, 200, 20
_CALL, _MEETING = ConversationKind.CALL, ConversationKind.MEETING

Writer = Annotated[Caller, needs(Scope.CONVERSATIONS_WRITE)]
Word = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]
Reference = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]
CommentText = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH, pattern=r"^[^\x00]*$")]


class ParticipantChange(Shape):
    """Another name for a participant; null takes it away."""

    id: str
    name: Annotated[str, name_field(255)] | None


class ConversationChange(Shape):
    """What to change; what is left out stays, null empties."""

    name: Annotated[str, name_field(NAME_LENGTH)] = Field(default_factory=str, description="Cannot be emptied.")
    outcome: Annotated[str, name_field(OUTCOME_LENGTH)] | None = Field(default=None, examples=["won"])
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    crm_reference: Annotated[dict[Word, Reference], Field(max_length=REFERENCES)] | None = Field(
        default=None, examples=[{"system": "hubspot", "id": "4711"}]
    )
    participants: Annotated[list[ParticipantChange], Field(max_length=100)] | None = Field(
        default=None, description="Only those whose name is to change."
    )


class NewComment(Shape):
    """A comment; `start` is the moment it is about, in seconds from the beginning."""

    text: CommentText
    start: Annotated[float, Field(ge=0, le=604_800, strict=False)] | None = None


class CommentChange(Shape):
    """Another text of a comment."""

    text: CommentText


class EditShown(Shape):
    """One change: of which field, by whom, what it was before and after."""

    id: str
    at: str
    actor_kind: str
    actor_id: str
    actor_name: str
    field: str
    before: Any
    after: Any


class EditPage(Shape):
    """The history of a conversation, newest first."""

    data: list[EditShown]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


@dataclasses.dataclass(frozen=True, slots=True)
class Editing:
    """Who asks for a change, and how it is answered."""

    facts: RequestFacts
    caller: Caller
    request: Request
    response: Response
    if_match: str | None

    def which(self, kind: ConversationKind, conversation_id: str) -> Which:
        """Return the conversation as the caller may meet it."""
        return Which(self.caller.team_id, kind, conversation_id, self.caller.only_account_id)

    @property
    def by(self) -> By:
        """Return who changes it, and what they have read of it."""

        def check(held: Held) -> None:
            check_match(self.if_match, tag_material(held.id, held.updated_at))

        return By(self.caller.actor(self.facts), self.facts.now, check)

    async def run(self, verb: Callable[[Tx], object], which: Which) -> ConversationShown:
        """Run the verb; return the conversation as it is then."""
        await self.facts.services.db.write(verb)
        return await one_shown(self.facts, self.caller, which.kind, which.id, self.request, self.response)

    async def edit(self, kind: ConversationKind, conversation_id: str, body: ConversationChange) -> ConversationShown:
        """Change the conversation."""
        which = self.which(kind, conversation_id)
        names = {one.id: _name(one.name) for one in body.participants or ()}
        command = EditConversation(which, self.by, _fields(body), names)
        return await self.run(functools.partial(edit_conversation, command=command), which)

    async def comment(
        self, kind: ConversationKind, conversation_id: str, body: NewComment, key: str | None
    ) -> ConversationShown:
        """Add a comment, once for each Idempotency-Key."""
        which, by = self.which(kind, conversation_id), self.by
        start_ms = None if body.start is None else round(body.start * 1000)

        def add(tx: Tx) -> None:
            if key is None:
                add_comment(tx, which, by, text=body.text, start_ms=start_ms)
                return
            asked = entity_tag([which.id, body.model_dump(mode="json")])
            repeatable = Repeatable(which.team_id, "add_comment", key, asked, self.facts.now)
            if repeatable.first_answer(tx) is None:
                # What is remembered is not the text: it would outlive the comment.
                added = add_comment(tx, which, by, text=body.text, start_ms=start_ms)
                repeatable.remember(tx, {"id": added})

        return await self.run(add, which)

    async def recomment(
        self, kind: ConversationKind, conversation_id: str, comment_id: str, body: CommentChange
    ) -> ConversationShown:
        """Give a comment another text."""
        which = self.which(kind, conversation_id)
        verb = functools.partial(change_comment, which=which, by=self.by, comment_id=comment_id, text=body.text)
        return await self.run(verb, which)

    async def uncomment(self, kind: ConversationKind, conversation_id: str, comment_id: str) -> ConversationShown:
        """Remove a comment."""
        which = self.which(kind, conversation_id)
        verb = functools.partial(remove_comment, which=which, by=self.by, comment_id=comment_id)
        return await self.run(verb, which)


def editing_of(facts: Facts, caller: Writer, request: Request, response: Response, if_match: IfMatch = None) -> Editing:
    """Return who asks for a change."""
    return Editing(facts, caller, request, response, if_match)


Asked = Annotated[Editing, Depends(editing_of)]
CommentId = Annotated[str, Path(max_length=255, pattern=r"^[^\x00]+$")]


@router.patch("/calls/{call_id}", operation_id="change_call")
async def change_call(call_id: Id, asked: Asked, body: ConversationChange) -> ConversationShown:
    """Change a call's name, outcome, rating, CRM reference, or the names of who took part."""
    return await asked.edit(_CALL, call_id, body)


@router.patch("/meetings/{meeting_id}", operation_id="change_meeting")
async def change_meeting(meeting_id: Id, asked: Asked, body: ConversationChange) -> ConversationShown:
    """Change a meeting's name, outcome, rating, CRM reference, or the names of who took part."""
    return await asked.edit(_MEETING, meeting_id, body)


@router.post("/calls/{call_id}/comments", operation_id="add_call_comment", status_code=HTTPStatus.CREATED)
async def add_call_comment(call_id: Id, asked: Asked, body: NewComment, key: RepeatKey = None) -> ConversationShown:
    """Comment on a call; shows the call."""
    return await asked.comment(_CALL, call_id, body, key)


@router.post("/meetings/{meeting_id}/comments", operation_id="add_meeting_comment", status_code=HTTPStatus.CREATED)
async def add_meeting_comment(
    meeting_id: Id, asked: Asked, body: NewComment, key: RepeatKey = None
) -> ConversationShown:
    """Comment on a meeting; shows the meeting."""
    return await asked.comment(_MEETING, meeting_id, body, key)


@router.patch("/calls/{call_id}/comments/{comment_id}", operation_id="change_call_comment")
async def change_call_comment(
    call_id: Id, comment_id: CommentId, asked: Asked, body: CommentChange
) -> ConversationShown:
    """Give your comment on a call another text; shows the call."""
    return await asked.recomment(_CALL, call_id, comment_id, body)


@router.patch("/meetings/{meeting_id}/comments/{comment_id}", operation_id="change_meeting_comment")
async def change_meeting_comment(
    meeting_id: Id, comment_id: CommentId, asked: Asked, body: CommentChange
) -> ConversationShown:
    """Give your comment on a meeting another text; shows the meeting."""
    return await asked.recomment(_MEETING, meeting_id, comment_id, body)


@router.delete("/calls/{call_id}/comments/{comment_id}", operation_id="remove_call_comment")
async def remove_call_comment(call_id: Id, comment_id: CommentId, asked: Asked) -> ConversationShown:
    """Remove a comment on a call; shows the call."""
    return await asked.uncomment(_CALL, call_id, comment_id)


@router.delete("/meetings/{meeting_id}/comments/{comment_id}", operation_id="remove_meeting_comment")
async def remove_meeting_comment(meeting_id: Id, comment_id: CommentId, asked: Asked) -> ConversationShown:
    """Remove a comment on a meeting; shows the meeting."""
    return await asked.uncomment(_MEETING, meeting_id, comment_id)


@router.get("/calls/{call_id}/history", operation_id="list_call_history")
async def list_call_history(
    call_id: Id, facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> EditPage:
    """List who changed what of a call, newest first."""
    return await _history(facts, Which(caller.team_id, _CALL, call_id, caller.only_account_id), limit, cursor)


@router.get("/meetings/{meeting_id}/history", operation_id="list_meeting_history")
async def list_meeting_history(
    meeting_id: Id, facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> EditPage:
    """List who changed what of a meeting, newest first."""
    return await _history(facts, Which(caller.team_id, _MEETING, meeting_id, caller.only_account_id), limit, cursor)


async def _history(facts: RequestFacts, which: Which, limit: int, cursor: str | None) -> EditPage:
    before = position_of(cursor, int, str) or LATEST
    read = functools.partial(history_of, which=which, before=(before[0], before[1]), take=limit + 1)
    found = await facts.services.db.report(read)
    page = found[:limit]
    more = cursor_after(page[-1].at, page[-1].id) if len(found) > limit else None
    return EditPage(data=[_edit(one) for one in page], next_cursor=more)


def _edit(one: PastEdit) -> EditShown:
    return EditShown(**{**dataclasses.asdict(one), "at": iso(one.at)})


def _fields(body: ConversationChange) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if "name" in body.model_fields_set:
        fields["name"] = checked_name("name", body.name, limit=NAME_LENGTH)
    if "outcome" in body.model_fields_set:
        fields["outcome"] = body.outcome and checked_name("outcome", body.outcome, limit=OUTCOME_LENGTH)
    if "rating" in body.model_fields_set:
        fields["rating"] = body.rating
    if "crm_reference" in body.model_fields_set:
        fields["crm_reference"] = body.crm_reference or {}
    return fields


def _name(name: str | None) -> str | None:
    return None if name is None else checked_name("participants", name, limit=255)
