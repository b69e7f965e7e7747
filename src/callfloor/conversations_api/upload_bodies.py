"""The body of an upload: fields in memory, the recording streamed to the file store."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from http import HTTPStatus

import msgspec
from fastapi.requests import Request
from python_multipart.multipart import parse_options_header

from callfloor.conversations.given_transcripts import GivenTranscript
from callfloor.conversations.intake import Intake, StoredRecording
from callfloor.conversations_api.multipart import FIELD_BYTES, FIELD_COUNT, MultipartReader, Part
from callfloor.conversations_api.refusals import ClientGone, Refused, bad_request
from callfloor.conversations_api.spelling import WIRE, Spelling
from callfloor.conversations_api.upload_fields import check_each, form_value
from callfloor.conversations_api.wire import Upload
from callfloor.foundation.files import TooLarge
from callfloor.speech.sniffing import HEAD_BYTES, sniff

FOREIGN = f"{Upload.FILE}: is not a recording of a known format; send wav, mp3, m4a, aac, ogg, opus, flac or webm"


@dataclasses.dataclass(slots=True)
class UploadBody:
    """What came: the fields as they are, and the recording where it is kept."""

    fields: dict[str, object] = dataclasses.field(default_factory=dict)
    recording: StoredRecording | None = None
    field_bytes: int = 0


async def read_upload(request: Request, intake: Intake, *, limit_bytes: int, spelling: Spelling = WIRE) -> UploadBody:
    """Read the body; the recording goes to the file store as it comes.

    Raises:
        Refused: 400, 413 or 415; nothing is kept then.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type == b"application/json":
        return UploadBody(_respelt(await _json_fields(request), spelling))
    if media_type != b"multipart/form-data":
        raise Refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type must be multipart/form-data or application/json."
        )
    if not options.get(b"boundary"):
        raise bad_request("Content-Type: must name the boundary of the form")
    if _announced_bytes(request) > limit_bytes + FIELD_BYTES:
        raise _too_large(limit_bytes)
    reader = MultipartReader(_chunks(request), options[b"boundary"])
    return await _form(reader, intake, spelling)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


async def _json_fields(request: Request) -> dict[str, object]:
    if _announced_bytes(request) > FIELD_BYTES:
        raise _fields_too_large()
    body = bytearray()
    async for chunk in _chunks(request):
        body += chunk
        if len(body) > FIELD_BYTES:
            raise _fields_too_large()
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.MsgspecError as error:
        raise bad_request(f"body: must be a JSON object ({error})") from None


def _respelt(fields: dict[str, object], spelling: Spelling) -> dict[str, object]:
    read: dict[str, object] = {}
    for given, value in fields.items():
        name = spelling.name(given)
        if name in read:
            raise bad_request(f"{name[:64]}: may be given once")
        read[name] = spelling.value(name, value)
    return read


async def _form(reader: MultipartReader, intake: Intake, spelling: Spelling) -> UploadBody:
    body = UploadBody()

    async def discard() -> None:
        await intake.discard(body.recording)

    async with contextlib.AsyncExitStack() as undo:
        undo.push_async_callback(discard)
        while (part := await reader.next_part()) is not None:
            if part.name == Upload.FILE and (part.filename is not None or part.content_type is not None):
                check_each(body.fields)
                await _take_file(body, part, reader, intake)
            else:
                await _take_field(body, part, reader, spelling)
        check_each(body.fields)
        undo.pop_all()
    return body


async def _take_field(body: UploadBody, part: Part, reader: MultipartReader, spelling: Spelling) -> None:
    name = spelling.name(part.name)
    # A browser's script names the JSON parts of a form, too: a Blob has no part without a filename.
    is_text = part.filename is None or (part.content_type or "").startswith(("application/json", "text/plain"))
    if not is_text and name != Upload.TRANSCRIPT:
        raise bad_request(f"{part.name[:64]}: must be a field, not a file")
    if name in body.fields:
        raise bad_request(f"{part.name[:64]}: may be given once")
    if len(body.fields) == FIELD_COUNT:
        raise bad_request(f"body: may hold at most {FIELD_COUNT} fields")
    value = bytearray()
    async for piece in reader.data():
        value += piece
        body.field_bytes += len(piece)
        if body.field_bytes > FIELD_BYTES:
            raise _fields_too_large()
    read = await asyncio.to_thread(form_value, name, bytes(value))
    if isinstance(read, GivenTranscript) and part.filename:
        read = dataclasses.replace(read, file_name=base_name(part.filename))
    body.fields[name] = spelling.value(name, read)


async def _take_file(body: UploadBody, part: Part, reader: MultipartReader, intake: Intake) -> None:
    if body.recording is not None:
        raise bad_request(f"{Upload.FILE}: may be sent once")
    data = reader.data()
    head = await _head(data)
    if not head:
        if part.filename:
            raise bad_request(f"{Upload.FILE}: is empty")
        return  # a browser's form sends an empty part for a file that nobody chose
    container = sniff(head)
    if container is None:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, FOREIGN)
    name = base_name(part.filename or "")
    try:
        body.recording = await intake.keep(_joined(head, data), container=container, original_name=name)
    except TooLarge as error:
        raise _too_large(error.limit_bytes) from None


async def _head(data: AsyncIterator[bytes]) -> bytes:
    head = bytearray()
    async for piece in data:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head)


async def _joined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in rest:
        yield piece


def base_name(filename: str) -> str | None:
    """Return the name of a file as it can be kept, without the folders a client put before it."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255].strip() or None


def _announced_bytes(request: Request) -> int:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _too_large(limit_bytes: int) -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{Upload.FILE}: a recording may have at most {limit_bytes} bytes."
    )


def _fields_too_large() -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: the fields may have at most {FIELD_BYTES} bytes together."
    )
