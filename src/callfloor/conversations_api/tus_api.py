"""`/api/v2/uploads`: recordings in pieces that go on after a cut, by tus 1.0."""

from __future__ import annotations

import contextlib
import email.utils
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Path
from fastapi.requests import Request
from fastapi.responses import Response

from callfloor.access.guard import Caller
from callfloor.conversations.persons import keys_of_persons
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.tus import UPLOAD, ResumableUpload, begin_upload, forget_upload
from callfloor.conversations_api.arrivals import check_content
from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.spelling import UploadForeign, domain_error
from callfloor.conversations_api.tus_pieces import expiry
from callfloor.conversations_api.tus_protocol import (
    CHECKSUM,
    CHECKSUMS,
    EXTENSIONS,
    KIND,
    METADATA,
    PATH,
    PIECE,
    VERSION,
    VERSION_HEADER,
    OffsetWrong,
    PieceForeign,
    UploadExpired,
    UploadNotFound,
    UploadTooLong,
    check_version,
    fields_in,
    file_name_of,
    metadata_of,
)
from callfloor.conversations_api.tus_writing import Uploads, remove_unwanted
from callfloor.conversations_api.upload_api import Writer, sender_of
from callfloor.conversations_api.upload_fields import UploadFields, form_value, upload_fields
from callfloor.foundation.asked_host import asked_url
from callfloor.foundation.clock import iso
from callfloor.foundation.errors import invalid
from callfloor.foundation.files import FileMissing
from callfloor.foundation.ids import new_id
from callfloor.foundation.web import Facts, RequestFacts, Shape

router = APIRouter(prefix="/uploads", tags=["Uploads"])

_PIECE_BODY = {
    "requestBody": {"content": {PIECE: {"schema": {"type": "string", "contentMediaType": PIECE}}}},
}
_TOLD: dict[int | str, dict[str, Any]] = {
    409: {"description": "The upload stands elsewhere than the header `Upload-Offset` says."},
    410: {"description": "The next piece took too long."},
    412: {"description": "Another version of tus."},
    413: {"description": "More bytes than are taken, or than were said."},
    415: {"description": "The body is no piece, or the whole is no recording."},
    423: {"description": "Another request is writing this upload."},
    460: {"description": "The piece does not have its checksum: nothing of it counts."},
}

Id = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
Version = Annotated[str | None, Header(alias=VERSION_HEADER, description=f"`{VERSION}`.")]
Offset = Annotated[int | None, Header(alias="Upload-Offset", ge=0, description="Where the piece begins.")]
Checksum = Annotated[
    str | None,
    Header(
        alias="Upload-Checksum",
        description=f"An algorithm ({CHECKSUMS}), a space, and Base64.",
        json_schema_extra=CHECKSUM,
    ),
]


class UploadShown(Shape):
    """How far an upload is; `conversation_id` once it is whole."""

    id: str
    kind: ConversationKind
    length: int
    offset: int
    created_at: str
    expires_at: str
    conversation_id: str | None
    is_new_conversation: bool | None


async def uploads_of(request: Request) -> Uploads:
    """Return the uploads of this process."""
    uploads: Uploads = request.app.state.uploads
    return uploads


Here = Annotated[Uploads, Depends(uploads_of)]


@router.options("", operation_id="describe_uploads", status_code=204)
async def describe(facts: Facts) -> Response:
    """Say which tus this is."""
    return _abilities(facts)


@router.options("/{upload_id}", operation_id="describe_upload", status_code=204)
async def describe_one(upload_id: Id, facts: Facts) -> Response:  # noqa: ARG001  # there or not, it is the same
    """Say which tus this is, at the address of an upload."""
    return _abilities(facts)


@router.post("", operation_id="create_upload", status_code=201, responses=_TOLD, openapi_extra=_PIECE_BODY)
async def create(  # noqa: PLR0917  # one parameter a header
    facts: Facts,
    caller: Writer,
    request: Request,
    here: Here,
    tus_resumable: Version = None,
    upload_length: Annotated[
        int | None, Header(alias="Upload-Length", ge=1, description="Bytes of the whole recording.")
    ] = None,
    upload_metadata: Annotated[
        str | None,
        Header(
            alias="Upload-Metadata",
            description="The fields of an upload, each with its value in Base64: `kind` (`call` or `meeting`), "
            "`filename`, `external_call_id`, …",
            json_schema_extra=METADATA,
        ),
    ] = None,
    upload_checksum: Checksum = None,  # noqa: ARG001  # read where the piece is
) -> Response:
    """Begin an upload; a body is its first piece."""
    check_version(tus_resumable)
    begun = _begun(facts, caller, upload_length, upload_metadata)
    content_type = request.headers.get("content-type", "")
    await facts.services.db.write(partial(begin_upload, upload=begun))
    headers = {"Location": f"{asked_url(request.scope)}{PATH}/{begun.id}"}
    if content_type.startswith(PIECE):
        answer = await _piece(facts, caller, request, here, begun, 0)
        headers |= {name: value for name, value in answer.headers.items() if name.startswith("upload-")}
    return Response(status_code=HTTPStatus.CREATED, headers=_expires(begun) | headers)


@router.head("/{upload_id}", operation_id="ask_upload", status_code=200, responses=_TOLD)
async def ask(upload_id: Id, facts: Facts, caller: Writer, here: Here, tus_resumable: Version = None) -> Response:
    """Say where an upload stands; a request that still writes it ends."""
    check_version(tus_resumable)
    await _found(facts, caller, upload_id)
    await here.settle(upload_id)
    upload = await _found(facts, caller, upload_id)
    headers = _standing(upload) | {"Cache-Control": "no-store", "Upload-Length": str(upload.length_bytes)}
    if upload.is_whole and upload.conversation_id is None:
        headers |= await _finished(facts, caller, here, upload)
    return Response(headers=headers)


@router.get("/{upload_id}", operation_id="show_upload", responses=_TOLD)
async def show(upload_id: Id, facts: Facts, caller: Writer) -> UploadShown:
    """Show how far an upload is, and what became of it."""
    upload = await _found(facts, caller, upload_id)
    return UploadShown(
        id=upload.id,
        kind=ConversationKind(upload.kind),
        length=upload.length_bytes,
        offset=upload.offset_bytes,
        created_at=iso(upload.created_at),
        expires_at=iso(upload.expires_at),
        conversation_id=upload.conversation_id,
        is_new_conversation=upload.is_new_conversation,
    )


@router.patch(
    "/{upload_id}", operation_id="continue_upload", status_code=204, responses=_TOLD, openapi_extra=_PIECE_BODY
)
async def go_on(  # noqa: PLR0917  # one parameter a header
    upload_id: Id,
    facts: Facts,
    caller: Writer,
    request: Request,
    here: Here,
    tus_resumable: Version = None,
    upload_offset: Offset = None,
    upload_checksum: Checksum = None,  # noqa: ARG001  # read where the piece is
) -> Response:
    """Send the next piece of an upload; the last one makes it a conversation."""
    check_version(tus_resumable)
    if not request.headers.get("content-type", "").startswith(PIECE):
        raise PieceForeign(f"Content-Type must be {PIECE}")
    if upload_offset is None:
        raise invalid("Upload-Offset", "is required")
    upload = await _found(facts, caller, upload_id)
    return await _piece(facts, caller, request, here, upload, upload_offset)


@router.delete("/{upload_id}", operation_id="delete_upload", status_code=204, responses=_TOLD)
async def terminate(upload_id: Id, facts: Facts, caller: Writer, here: Here, tus_resumable: Version = None) -> Response:
    """End an upload and remove what came of it; the conversation of a whole one stays."""
    check_version(tus_resumable)
    upload = await _found(facts, caller, upload_id)
    await here.settle(upload_id)
    await _forget(facts, here, upload)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _begun(facts: RequestFacts, caller: Caller, length: int | None, header: str | None) -> ResumableUpload:
    if length is None:
        raise invalid("Upload-Length", "is required, with the size of the whole recording in bytes")
    limit = facts.services.settings.upload.max_bytes
    if length > limit:
        raise UploadTooLong(f"a recording may have at most {limit} bytes")
    metadata = fields_in(metadata_of(header))
    kind = metadata.pop(KIND, ConversationKind.CALL.value)
    if kind not in list(ConversationKind):
        raise invalid("Upload-Metadata", f"kind: must be {' or '.join(ConversationKind)}")
    fields = dict(metadata)
    file_name_of(fields)
    with _as_domain_errors():
        read = upload_fields({name: form_value(name, value.encode()) for name, value in fields.items()})
        check_content(read, has_recording=True)
    return ResumableUpload(
        team_id=caller.team_id,
        id=new_id(),
        kind=kind,
        only_account_id=caller.only_account_id,
        sender=msgspec.to_builtins(sender_of(caller, facts)),
        fields=metadata,
        persons=_persons(read),
        length_bytes=length,
        offset_bytes=0,
        parts=[],
        created_at=facts.now,
        expires_at=expiry(facts.services, facts.now),
        conversation_id=None,
        is_new_conversation=None,
    )


def _persons(fields: UploadFields) -> list[str]:
    emails = [fields.user_email, *(party.email for party in fields.parties)]
    return sorted(set(keys_of_persons(emails, (fields.caller, fields.callee))))


async def _piece(  # who sends what, and where it belongs
    facts: RequestFacts, caller: Caller, request: Request, here: Uploads, upload: ResumableUpload, offset: int
) -> Response:
    if upload.offset_bytes != offset:
        raise OffsetWrong(f"the upload stands at {upload.offset_bytes}")
    if not upload.is_whole:
        with _gone():
            await here.take(upload, request, offset=offset)
        upload = await _found(facts, caller, upload.id)
    headers = _standing(upload)
    if upload.is_whole and upload.conversation_id is None:
        headers |= await _finished(facts, caller, here, upload)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


async def _finished(facts: RequestFacts, caller: Caller, here: Uploads, upload: ResumableUpload) -> dict[str, str]:
    """Make a whole upload a conversation and return what is told of it."""
    try:
        with _as_domain_errors():
            await here.finish(upload)
    except FileMissing:  # a job that did it at the same moment has removed it as one that came before
        done = await _found(facts, caller, upload.id)
        if done.conversation_id is None:
            raise UploadNotFound("what came of this upload is gone: send it again") from None
    except UploadForeign:
        await _forget(facts, here, upload)
        raise
    return _standing(await _found(facts, caller, upload.id))


async def _forget(facts: RequestFacts, here: Uploads, upload: ResumableUpload) -> None:
    await here.remove(upload)
    await facts.services.db.write(partial(forget_upload, team_id=upload.team_id, upload_id=upload.id))
    await remove_unwanted(facts.services, upload)


async def _found(facts: RequestFacts, caller: Caller, upload_id: str) -> ResumableUpload:
    rows = await facts.services.db.read(UPLOAD, {"team": caller.team_id, "upload": upload_id})
    upload = ResumableUpload(*rows[0]) if rows else None
    if upload is None or caller.only_account_id not in (None, upload.only_account_id):
        raise UploadNotFound("there is no upload with this id in this team")
    if upload.expires_at <= facts.now and upload.conversation_id is None:
        raise UploadExpired("the next piece took too long: begin a new upload")
    return upload


def _standing(upload: ResumableUpload) -> dict[str, str]:
    headers = {"Upload-Offset": str(upload.offset_bytes)}
    if upload.conversation_id is None:
        return headers | _expires(upload)
    return headers | {
        "Upload-Conversation": f"/api/v2/{upload.kind}s/{upload.conversation_id}",
        "Upload-Conversation-New": "true" if upload.is_new_conversation else "false",
    }


def _expires(upload: ResumableUpload) -> dict[str, str]:
    return {"Upload-Expires": email.utils.formatdate(upload.expires_at / 1000, usegmt=True)}


def _abilities(facts: RequestFacts) -> Response:
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(facts.services.settings.upload.max_bytes),
        "Tus-Checksum-Algorithm": CHECKSUMS,
    }
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)


@contextlib.contextmanager
def _as_domain_errors() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise domain_error(refused) from None


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except FileMissing:
        raise UploadNotFound("what came of this upload is gone: begin a new one") from None
