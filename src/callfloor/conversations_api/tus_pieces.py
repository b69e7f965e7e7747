"""One piece of an upload on its way to disk: read, written and brought there side by side."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from fastapi.requests import Request
from starlette.requests import ClientDisconnect

from callfloor.conversations.tus import ResumableUpload, advance_upload, claim_upload, upload_now
from callfloor.conversations_api.tus_protocol import ChecksumWrong, OffsetWrong, UploadTooLong
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR, Millis
from callfloor.foundation.growing_files import GrowingFiles, Growth
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services

if TYPE_CHECKING:
    from hashlib import _Hash

CHECKPOINT_BYTES = 32 * 1024 * 1024
CHECKPOINT_SECONDS = 5.0
"""How much a kill may cost at most, whichever is less."""
IDLE_SECONDS = 30.0
"""A client that sends nothing for so long is gone: what it sent is kept."""
_STOP_SECONDS, _LULL_SECONDS = 2.0, 0.25
"""A request that is to end reads on for so long at most, and ends when nothing comes for so long."""


@dataclasses.dataclass(slots=True)
class Write:
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


class _Mark(NamedTuple):
    """A place in an upload, and when it was reached, by the loop's clock."""

    size: int
    at: float

    def is_beyond(self, mark: _Mark, share: float) -> bool:
        """Return whether so large a share of what a kill may cost has come since the other mark."""
        return self.size - mark.size >= share * CHECKPOINT_BYTES or self.at - mark.at >= share * CHECKPOINT_SECONDS


class Piece:
    """What one request brings of an upload: `claim`, `read`, and `end` whatever happened."""

    def __init__(self, services: Services, growing: GrowingFiles, upload: ResumableUpload, write: Write) -> None:
        self._services = services
        self._growing = growing
        self._upload = upload
        self._write = write
        self._writer = new_id()
        self._grown: Growth
        self._taken = 0
        self._begun = self._told = _Mark(0, 0.0)
        self._checkpoint: asyncio.Task[None] | None = None

    async def claim(self, offset: int) -> None:
        """Become the one who writes the upload.

        Raises:
            OffsetWrong: it stands elsewhere.
            FileMissing: what came of it is gone.
        """
        verb = partial(claim_upload, team_id=self._upload.team_id, upload_id=self._upload.id)
        if not await self._services.db.write(partial(verb, offset=offset, writer=self._writer)):
            raise OffsetWrong("the upload stands elsewhere: ask with HEAD where")
        self._grown = await self._growing.open(self._upload.file_name, offset, self._upload.parts)

    async def read(self, request: Request, checksum: tuple[_Hash, bytes] | None) -> int:
        """Bring the request's body to disk; return where the upload stands then.

        Raises:
            OffsetWrong: another writer took over.
            ChecksumWrong: nothing of the piece counts.
            UploadTooLong: more came than was said.
        """
        length, is_cut = self._upload.length_bytes, False
        digest, expected = checksum or (None, b"")
        self._taken = self._grown.size
        self._begun = self._told = _Mark(self._taken, asyncio.get_running_loop().time())
        try:
            async for data in self._pieces(request):
                if self._taken + len(data) > length:
                    raise UploadTooLong(f"the upload was said to have {length} bytes")
                self._taken += len(data)
                if digest is not None:
                    digest.update(data)
                await self._grown.write(data)
                if digest is None:
                    await self._bring_to_disk()
        except (ClientDisconnect, TimeoutError):
            is_cut = True
        if digest is not None and (is_cut or digest.digest() != expected):
            raise ChecksumWrong("the piece does not have this checksum: send it again")
        await self._settle()
        if self._taken > self._told.size:
            await self._sync(_Mark(self._taken, asyncio.get_running_loop().time()))
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

    async def _bring_to_disk(self) -> None:
        """Begin a checkpoint when one is due; wait for the one before when a kill would cost too much."""
        reached = _Mark(self._taken, asyncio.get_running_loop().time())
        if self._checkpoint is not None and (self._checkpoint.done() or reached.is_beyond(self._told, 1.0)):
            await self._settle()
        is_to_end = self._write.stop_at is not None
        if self._checkpoint is None and reached.is_beyond(self._begun, 0.5) and not is_to_end:
            self._begun = reached
            self._checkpoint = asyncio.create_task(self._sync(reached))

    async def _settle(self) -> None:
        if self._checkpoint is not None:
            await self._checkpoint
            self._checkpoint = None

    async def _sync(self, reached: _Mark) -> None:
        await self._grown.sync()
        try:
            await self._advance()
        except OffsetWrong:
            self._grown.take_back()
            raise
        self._told = reached

    async def _advance(self) -> None:
        now = clock.now()
        verb = partial(advance_upload, team_id=self._upload.team_id, upload_id=self._upload.id, writer=self._writer)
        until = expiry(self._services, now)
        goes_on = await self._services.db.write(
            partial(verb, reached=self._grown.size, parts=self._grown.parts, now=now, until=until)
        )
        if not goes_on:
            raise OffsetWrong("another request goes on with this upload: ask with HEAD where it stands")

    async def end(self) -> None:
        """Close the file, and remove it if the upload ended meanwhile."""
        try:
            if self._checkpoint is not None:  # `read` tells of its error, unless it has one of its own
                await asyncio.gather(self._checkpoint, return_exceptions=True)
        finally:
            await self._grown.close()
        self._growing.keep_digest(self._upload.file_name, self._grown)
        look = partial(upload_now, team_id=self._upload.team_id, upload_id=self._upload.id)
        upload = await asyncio.to_thread(self._services.db.read_now, look)
        if upload is None or upload.is_ended:  # what removed its file may have done so before this one opened it anew
            await asyncio.to_thread(self._growing.remove_now, self._upload.file_name, ())


def expiry(services: Services, now: Millis) -> Millis:
    """Return until when the next piece may come."""
    return now + services.settings.upload.resume_hours * HOUR
