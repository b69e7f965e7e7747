"""POST /calls: a recorded call comes in, once however often it is sent."""

from __future__ import annotations

import contextlib
from functools import partial
from http import HTTPStatus

from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.conversations.arrival import Received, receive_conversation
from callfloor.conversations.intake import Intake
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api.arrivals import Sender, arrival_of, check_recording_url
from callfloor.conversations_api.reading import record_response
from callfloor.conversations_api.refusals import bad_request
from callfloor.conversations_api.spelling import WIRE, Spelling
from callfloor.conversations_api.upload_bodies import read_upload
from callfloor.conversations_api.upload_fields import upload_fields
from callfloor.foundation import clock
from callfloor.foundation.services import Services
from callfloor.teams.principals import Principal


async def upload_call(request: Request, services: Services, principal: Principal) -> Response:
    """Answer 202 with the new call, or 200 with the one that came before."""
    if request.query_params:
        raise bad_request(*(f"{name}: is not a parameter of an upload" for name in request.query_params))
    received = await received_upload(request, services, _sender(request, principal), ConversationKind.CALL)
    return await record_response(
        request,
        services,
        principal,
        ConversationKind.CALL,
        received.conversation_id,
        status=HTTPStatus.ACCEPTED if received.is_new else HTTPStatus.OK,
        headers={"Location": f"/calls/{received.conversation_id}"},
    )


async def received_upload(
    request: Request, services: Services, sender: Sender, kind: ConversationKind, *, spelling: Spelling = WIRE
) -> Received:
    """Take in a conversation by the body of a request.

    The recording is on disk before the one transaction that makes the conversation, so a stop at any point leaves
    either nothing but a file that the sweep removes, or the whole conversation; the client's repeat finds it.

    Raises:
        Refused: 400, 413 or 415; nothing is kept then.
        ClientGone: nobody waits for an answer.
    """
    begun_at = clock.now()
    intake = Intake(services, sender.team_id, begun_at)
    body = await read_upload(request, intake, limit_bytes=services.settings.upload.max_bytes, spelling=spelling)
    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(intake.discard, body.recording)
        fields = upload_fields(body.fields)
        await check_recording_url(services, fields)
        arrival = arrival_of(sender, kind, fields, body.recording, begun_at)
        undo.pop_all()
    # A failed write may have been committed: its file is left to the sweep, which knows.
    received = await services.db.write(partial(receive_conversation, arrival=arrival))
    if received.conversation_id != arrival.conversation_id:
        await intake.discard(body.recording)
    return received


def _sender(request: Request, principal: Principal) -> Sender:
    client = request.scope.get("client")
    actor = principal.actor(
        request_id=request.scope.get("callfloor.request_id", ""), address=client[0] if client else ""
    )
    return Sender(
        team_id=principal.team_id,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        request_id=actor.request_id,
        address=actor.address,
        account_id=principal.made_by_account_id,
        key_id=principal.key_id,
    )
