"""POST /calls: a recorded call comes in, once however often it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from functools import partial
from http import HTTPStatus
from pathlib import PurePath

from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.analysis.given import analyzed
from callfloor.conversations.arrival import Arrival, Received, encoded, receive_conversation
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations.muting import without_muted
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api.reading import record_response
from callfloor.conversations_api.refusals import bad_request
from callfloor.conversations_api.upload_bodies import read_upload
from callfloor.conversations_api.upload_fields import UploadFields, upload_fields
from callfloor.conversations_api.wire import Upload
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis
from callfloor.foundation.ids import new_id
from callfloor.foundation.outgoing import AddressRefused, check_address, rules_of
from callfloor.foundation.services import Services
from callfloor.teams.principals import Principal

_NAMELESS = "Call"


async def upload_call(request: Request, services: Services, principal: Principal) -> Response:
    """Answer 202 with the new call, or 200 with the one that came before.

    The recording is on disk before the one transaction that makes the call, so a stop at any point leaves either
    nothing but a file that the sweep removes, or the whole call; the client's repeat finds it.
    """
    if request.query_params:
        raise bad_request(*(f"{name}: is not a parameter of an upload" for name in request.query_params))
    begun_at = clock.now()
    intake = Intake(services, principal.team_id, begun_at)
    body = await read_upload(request, intake, limit_bytes=services.settings.upload.max_bytes)
    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(intake.discard, body.recording)
        fields = upload_fields(body.fields)
        await _check_address(services, fields)
        arrival = _arrival(request, principal, fields, body.recording, begun_at)
        undo.pop_all()
    # A failed write may have been committed: its file is left to the sweep, which knows.
    received = await services.db.write(partial(receive_conversation, arrival=arrival))
    if received.conversation_id != arrival.conversation_id:
        await intake.discard(body.recording)
    return await _received(request, services, principal, arrival, received)


async def _received(
    request: Request, services: Services, principal: Principal, arrival: Arrival, received: Received
) -> Response:
    return await record_response(
        request,
        services,
        principal,
        arrival.kind,
        received.conversation_id,
        status=HTTPStatus.ACCEPTED if received.is_new else HTTPStatus.OK,
        headers={"Location": f"/calls/{received.conversation_id}"},
    )


def _arrival(
    request: Request, principal: Principal, fields: UploadFields, recording: StoredRecording | None, begun_at: Millis
) -> Arrival:
    if recording is None and fields.recording_url is None and fields.transcript is None:
        raise bad_request(
            f"{Upload.FILE}: is required; send the recording as a file part, its address as {Upload.RECORDING_URL}, "
            f"or a {Upload.TRANSCRIPT}"
        )
    if recording is not None and fields.recording_url is not None:
        raise bad_request(f"{Upload.RECORDING_URL}: cannot be combined with {Upload.FILE}")
    client = request.scope.get("client")
    actor = principal.actor(
        request_id=request.scope.get("callfloor.request_id", ""), address=client[0] if client else ""
    )
    arrival = Arrival(
        team_id=principal.team_id,
        kind=ConversationKind.CALL,
        conversation_id=new_id(),
        now=clock.now(),
        actor=actor,
        date=begun_at if fields.date is None else fields.date,
        name=fields.name or _name_of(recording),
        content_sha256=_content_of(fields, recording),
        direction=fields.direction,
        caller=fields.caller,
        callee=fields.callee,
        external_call_id=fields.external_call_id,
        language=fields.language,
        owner_email=fields.user_email,
        maker_account_id=principal.made_by_account_id,
        key_id=principal.key_id,
        parties=fields.parties,
        channels=fields.channels,
        recording=recording,
        recording_url=fields.recording_url,
        recording_consent=fields.recording_consent,
        muted=fields.muted,
    )
    if fields.transcript is None:
        return arrival
    return analyzed(arrival, without_muted(fields.transcript.segments, fields.muted))


def _content_of(fields: UploadFields, recording: StoredRecording | None) -> str:
    if recording is not None:
        return recording.sha256
    if fields.recording_url is not None:
        return hashlib.sha256(f"fetched from {fields.recording_url}".encode()).hexdigest()
    return hashlib.sha256(encoded(fields.transcript.segments if fields.transcript else ())).hexdigest()


async def _check_address(services: Services, fields: UploadFields) -> None:
    if fields.recording_url is None:
        return
    try:
        await asyncio.to_thread(check_address, fields.recording_url, rules_of(services.settings))
    except AddressRefused as error:
        raise bad_request(f"{Upload.RECORDING_URL}: {error.message}") from None


def _name_of(recording: StoredRecording | None) -> str:
    return (PurePath(recording.original_name).stem if recording and recording.original_name else "") or _NAMELESS
