"""Pieces of an upload on their way to disk, and what becomes of a whole one."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from fastapi.requests import Request
from starlette.requests import ClientDisconnect

from callfloor.conversations.arrival import Received
from callfloor.conversations.intake import MEDIA_TYPES, StoredRecording
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.tus import (
    ResumableUpload,
    UploadGone,
    advance_upload,
    announce_recording,
    claim_upload,
    finish_upload,
    is_file_wanted,
    recording_key,
    upload_now,
)
from callfloor.conversations_api.arrivals import Sender, arrival_of
from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.tus_protocol import (
    ChecksumWrong,
    OffsetWrong,
    UploadBusy,
    UploadTooLong,
    checksum_of,
    file_name_of,
)
from callfloor.conversations_api.upload_bodies import FOREIGN, base_name
from callfloor.conversations_api.upload_fields import form_value, upload_fields
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR, Millis
from callfloor.foundation.files import FileMissing
from callfloor.foundation.growing_files import GrowingFiles, Growth
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services
from callfloor.speech.sniffing import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from hashlib import _Hash

CHECKPOINT_BYTES = 32 * 1024 * 1024
CHECKPOINT_SECONDS = 5.0
"""How much a kill may cost at most, whichever is less."""
IDLE_SECONDS = 30.0
"""A client that sends nothing for so long is gone: what it sent is kept."""
_GIVE_WAY_SECONDS = 10.0
_STOP_SECONDS, _LULL_SECONDS = 2.0, 0.25
"""A request that is to end reads on for so long at most, and ends when nothing comes for so long."""
_BUSY = "another request is writing this upload: try again in a moment"


@dataclasses.dataclass(slots=True)
class _Write:
    """A request that is writing."""

    stop_at: float | None = None
    """By the loop's clock."""
    waiting: asyncio.Timeout | None = None
    ended: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Let it keep what it has and what is on its way already, and end."""
        now = asyncio.get_running_loop().time()
        self.stop_at = self.stop_at or now + _STOP_SECONDS
        if self.waiting is not None and not self.waiting.expired():
            self.waiting.reschedule(now + _LULL_SECONDS)

    def patience(self, now: float) -> float:
        """Return for how many seconds it waits for more."""
        return IDLE_SECONDS if self.stop_at is None else min(_LULL_SECONDS, self.stop_at - now)


class Uploads:
    """The uploads that this process writes."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._growing = GrowingFiles(services.files)
        self._writes: dict[str, _Write] = {}

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
            piece = _Piece(self, upload, write, writer=new_id())
            await piece.claim(self._services, self._growing, offset)
            try:
                return await piece.read(request, checksum)
            finally:
                await piece.end(self._services, self._growing)

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
    async def _alone(self, upload_id: str) -> AsyncIterator[_Write]:
        await self.settle(upload_id)
        if upload_id in self._writes:
            raise UploadBusy(_BUSY)
        write = self._writes[upload_id] = _Write()
        try:
            yield write
        finally:
            del self._writes[upload_id]
            write.ended.set()

    async def advance(self, upload: ResumableUpload, grown: Growth, writer: str) -> None:
        """Write down how far the upload is.

        Raises:
            OffsetWrong: another writer took over.
        """
        now = clock.now()
        verb = partial(advance_upload, team_id=upload.team_id, upload_id=upload.id, writer=writer)
        until = expiry(self._services, now)
        goes_on = await self._services.db.write(
            partial(verb, reached=grown.size, parts=grown.parts, now=now, until=until)
        )
        if not goes_on:
            raise OffsetWrong("another request goes on with this upload: ask with HEAD where it stands")

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


class _Piece:
    def __init__(self, uploads: Uploads, upload: ResumableUpload, write: _Write, *, writer: str) -> None:
        self._uploads = uploads
        self._upload = upload
        self._write = write
        self._writer = writer
        self._grown: Growth

    async def claim(self, services: Services, growing: GrowingFiles, offset: int) -> None:
        verb = partial(claim_upload, team_id=self._upload.team_id, upload_id=self._upload.id)
        if not await services.db.write(partial(verb, offset=offset, writer=self._writer)):
            raise OffsetWrong("the upload stands elsewhere: ask with HEAD where")
        self._grown = await growing.open(self._upload.file_name, offset, self._upload.parts)

    async def read(self, request: Request, checksum: tuple[_Hash, bytes] | None) -> int:
        length, taken, unsynced = self._upload.length_bytes, self._grown.size, 0
        digest, expected = checksum or (None, b"")
        loop, is_cut = asyncio.get_running_loop(), False
        synced_at = loop.time()
        try:
            async for data in self._pieces(request):
                taken += len(data)
                if taken > length:
                    raise UploadTooLong(f"the upload was said to have {length} bytes")
                if digest is not None:
                    digest.update(data)
                await self._grown.write(data)
                unsynced += len(data)
                if digest is None and (unsynced >= CHECKPOINT_BYTES or loop.time() >= synced_at + CHECKPOINT_SECONDS):
                    await self._sync()
                    unsynced, synced_at = 0, loop.time()
        except (ClientDisconnect, TimeoutError):
            is_cut = True
        if digest is not None and (is_cut or digest.digest() != expected):
            raise ChecksumWrong("the piece does not have this checksum: send it again")
        if unsynced:
            await self._sync()
        return self._grown.size

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        stream, loop = request.stream(), asyncio.get_running_loop()
        while True:
            async with asyncio.timeout(self._write.patience(loop.time())) as waiting:
                self._write.waiting = waiting
                try:
                    data = await anext(stream, None)
                finally:
                    self._write.waiting = None
            if data is None:
                return
            yield data

    async def _sync(self) -> None:
        await self._grown.sync()
        try:
            await self._uploads.advance(self._upload, self._grown, self._writer)
        except OffsetWrong:
            self._grown.take_back()
            raise

    async def end(self, services: Services, growing: GrowingFiles) -> None:
        await self._grown.close()
        growing.keep_digest(self._upload.file_name, self._grown)
        look = partial(upload_now, team_id=self._upload.team_id, upload_id=self._upload.id)
        upload = await asyncio.to_thread(services.db.read_now, look)
        if upload is None or upload.is_ended:  # what removed its file may have done so before this one opened it anew
            await asyncio.to_thread(growing.remove_now, self._upload.file_name, ())


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


def expiry(services: Services, now: Millis) -> Millis:
    """Return until when the next piece may come."""
    return now + services.settings.upload.resume_hours * HOUR
