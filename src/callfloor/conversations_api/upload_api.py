"""POST `/api/v2/calls` and `/api/v2/meetings`: conversations come in as on the Conversations API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.conversations.api import one_shown
from callfloor.conversations.arrival import Received
from callfloor.conversations.locking import ConversationNotFound
from callfloor.conversations.shapes import ConversationShown
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api.arrivals import Sender
from callfloor.conversations_api.refusals import ClientGone, Refused
from callfloor.conversations_api.spelling import UNDERSCORES, domain_error
from callfloor.conversations_api.upload_document import upload_body
from callfloor.conversations_api.uploading import received_upload
from callfloor.foundation.errors import DomainError
from callfloor.foundation.web import Facts, RequestFacts

router = APIRouter(tags=["Uploads"])

Writer = Annotated[Caller, needs(Scope.CONVERSATIONS_WRITE)]
CLIENT_GONE = 499
"""Nobody reads it; logs of proxies say the same."""
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "It came before.", "model": ConversationShown},
    202: {"description": "It is new; its analysis follows."},
    413: {"description": "More bytes than are taken."},
    415: {"description": "No recording and no body of a form that is read."},
}


class UploadOfAnother(DomainError):
    """The conversation came before, and belongs to somebody whose conversations the caller may not meet."""

    code = "conversation_exists"
    status = HTTPStatus.CONFLICT


@router.post(
    "/calls",
    operation_id="upload_call",
    status_code=202,
    response_model=ConversationShown,
    responses=_ANSWERS,
    openapi_extra=upload_body(),
)
async def upload_call(facts: Facts, caller: Writer, request: Request, response: Response) -> Any:
    """Upload a call: its recording, the recording's address, or a transcript."""
    return await _upload(facts, caller, ConversationKind.CALL, request, response)


@router.post(
    "/meetings",
    operation_id="upload_meeting",
    status_code=202,
    response_model=ConversationShown,
    responses=_ANSWERS,
    openapi_extra=upload_body(),
)
async def upload_meeting(facts: Facts, caller: Writer, request: Request, response: Response) -> Any:
    """Upload a meeting: its recording, the recording's address, or the transcript file of Zoom, Teams or Meet."""
    return await _upload(facts, caller, ConversationKind.MEETING, request, response)


def sender_of(caller: Caller, facts: RequestFacts) -> Sender:
    """Return the caller as the sender of conversations."""
    return Sender(
        team_id=caller.team_id,
        actor_kind=caller.kind,
        actor_id=str(caller.id),
        actor_name=caller.name,
        request_id=facts.request_id,
        address=facts.address,
        account_id=caller.account_id,
        key_id=caller.id if caller.kind == "api_key" else None,
        only_account_id=caller.only_account_id,
    )


async def _upload(
    facts: RequestFacts, caller: Caller, kind: ConversationKind, request: Request, response: Response
) -> Any:
    try:
        received = await received_upload(request, facts.services, sender_of(caller, facts), kind, spelling=UNDERSCORES)
    except Refused as refused:
        raise domain_error(refused) from None
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    return await _shown(facts, caller, kind, received, request, response)


async def _shown(  # who asks, for which one, and how it is answered
    facts: RequestFacts,
    caller: Caller,
    kind: ConversationKind,
    received: Received,
    request: Request,
    response: Response,
) -> ConversationShown:
    try:
        shown = await one_shown(facts, caller, kind, received.conversation_id, request, response)
    except ConversationNotFound:
        raise UploadOfAnother(f"this {kind.value} is here already, and belongs to somebody else") from None
    response.status_code = HTTPStatus.ACCEPTED if received.is_new else HTTPStatus.OK
    response.headers["Location"] = f"/api/v2/{kind.value}s/{received.conversation_id}"
    return shown
