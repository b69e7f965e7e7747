"""The uploads that this process writes, and what becomes of a whole one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus

import msgspec
from fastapi.requests import Request

from callfloor.conversations.arrival import Received
from callfloor.conversations.intake import MEDIA_TYPES, StoredRecording
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.tus import (
    ResumableUpload,
    UploadGone,
    announce_recording,
    finish_upload,
    is_file_wanted,
    recording_key,
)
from callfloor.conversations_api.arrivals import Sender, arrival_of
from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.tus_pieces import Piece, Write
from callfloor.conversations_api.tus_protocol import (
    UploadBusy,
    UploadTooLong,
    checksum_of,
    file_name_of,
)
from callfloor.conversations_api.upload_bodies import FOREIGN, base_name
from callfloor.conversations_api.upload_fields import form_value, upload_fields
from callfloor.foundation import clock
from callfloor.foundation.files import FileMissing
from callfloor.foundation.growing_files import GrowingFiles
from callfloor.foundation.services import Services
from callfloor.speech.sniffing import HEAD_BYTES, sniff

_GIVE_WAY_SECONDS = 10.0
_BUSY = "another request is writing this upload: try again in a moment"


class Uploads:
    """The uploads that this process writes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._growing = GrowingFiles(services.files)
        self._writes: dict[str, Write] = {}

    async def take(self, upload: ResumableUpload, request: Request, *, offset: int) -> int:
        """Bring the request's body to disk behind `offset`; return where the upload stands then.

        What came before the client went away, or was silent for too long, is kept.

        Raises:
            OffsetWrong: the upload stands elsewhere, or another request went on with it.
            UploadBusy: another request does not stop.
            ChecksumWrong: nothing of the piece counts.
            UploadTooLong: more came than was said; what belongs to the upload is kept.
        """
        checksum = checksum_of(request.headers.get("upload-checksum"))
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and offset + int(announced) > upload.length_bytes:
            raise UploadTooLong(f"the upload was said to have {upload.length_bytes} bytes")
        async with self._alone(upload.id) as write:
            piece = Piece(self._services, self._growing, upload, write)
            await piece.claim(offset)
            try:
                return await piece.read(request, checksum)
            finally:
                await piece.end()

    async def settle(self, upload_id: str) -> None:
        """Let a request that is writing the upload end: its client came back before that one was known to be dead.

        Raises:
            UploadBusy: it does not end.
        """
        before = self._writes.get(upload_id)
        if before is None:
            return
        before.stop()
        try:
            await asyncio.wait_for(before.ended.wait(), _GIVE_WAY_SECONDS)
        except TimeoutError:
            raise UploadBusy(_BUSY) from None

    @contextlib.asynccontextmanager
    async def _alone(self, upload_id: str) -> AsyncIterator[Write]:
        await self.settle(upload_id)
        if upload_id in self._writes:
            raise UploadBusy(_BUSY)
        write = self._writes[upload_id] = Write()
        try:
            yield write
        finally:
            del self._writes[upload_id]
            write.ended.set()

    async def finish(self, upload: ResumableUpload) -> Received:
        """Make a whole upload a conversation; done again, it is the same one.

        Raises:
            Refused: 415, it is no recording.
            FileMissing: what came is gone.
        """
        return await finished(self._services, self._growing, upload)

    async def remove(self, upload: ResumableUpload) -> None:
        """Remove what came of an upload."""
        await asyncio.to_thread(self._growing.remove_now, upload.file_name, upload.parts)


async def finished(services: Services, growing: GrowingFiles, upload: ResumableUpload) -> Received:
    """As `Uploads.finish`."""
    announce = partial(announce_recording, team_id=upload.team_id, upload_id=upload.id, now=clock.now())
    try:
        received = await services.db.write(announce)
        if received is None:
            try:
                received = await _received(services, growing, upload)
            finally:
                await remove_unwanted(services, upload)
    except UploadGone:
        raise FileMissing("the upload was ended") from None
    await asyncio.to_thread(growing.remove_now, upload.file_name, upload.parts)
    return received


async def remove_unwanted(services: Services, upload: ResumableUpload) -> None:
    """Remove the file of an upload from its last place, unless a conversation has it or may get it."""
    wanted = partial(is_file_wanted, team_id=upload.team_id, upload_id=upload.id)
    if not await asyncio.to_thread(services.db.read_now, wanted):
        await services.files.delete(recording_key(upload.team_id, upload.id))


async def _received(services: Services, growing: GrowingFiles, upload: ResumableUpload) -> Received:
    key = recording_key(upload.team_id, upload.id)
    kept = await growing.finish(upload.file_name, upload.length_bytes, upload.parts, key)
    head = b"".join([piece async for piece in services.files.open(key, end=HEAD_BYTES)])
    container = sniff(head)
    if container is None:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, FOREIGN)
    metadata = dict(upload.fields)
    media_type = MEDIA_TYPES.get(container, "application/octet-stream")
    name = base_name(file_name_of(metadata) or "")
    recording = StoredRecording(upload.id, key, kept.size_bytes, kept.sha256, media_type, name)
    fields = upload_fields({name: form_value(name, value.encode()) for name, value in metadata.items()})
    sender = msgspec.convert(upload.sender, Sender)
    arrival = arrival_of(sender, ConversationKind(upload.kind), fields, recording, upload.created_at)
    return await services.db.write(partial(finish_upload, upload_id=upload.id, arrival=arrival))
