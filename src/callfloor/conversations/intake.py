"""Recordings on their way in: streamed to the file store, known to the sweep from before the first byte."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from functools import partial

from callfloor.conversations.incoming import announce_file
from callfloor.foundation.clock import Millis
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import Services

MEDIA_TYPES = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "amr": "audio/amr",
    "caf": "audio/x-caf",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "ogg": "audio/ogg",
    "rf64": "audio/wav",
    "w64": "audio/x-w64",
    "wav": "audio/wav",
    "webm": "video/webm",
}
"""By the container's name as `speech.sniffing` gives it."""


@dataclasses.dataclass(frozen=True, slots=True)
class StoredRecording:
    """A file that is in the file store already."""

    id: str
    file_key: str
    size_bytes: int
    sha256: str
    media_type: str
    original_name: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Intake:
    """Where a team's recordings come in."""

    services: Services
    team_id: int
    now: Millis

    async def keep(self, chunks: AsyncIterator[bytes], *, container: str, original_name: str | None) -> StoredRecording:
        """Store what comes; it is on disk once this returns.

        Raises:
            TooLarge: more came than the settings allow; nothing is kept.
            FilesGone: the store does not take it.
            Exception: whatever the iterator raises; nothing is kept then.
        """
        recording_id = new_id()
        key = f"recordings/{self.team_id}/{recording_id}"
        announce = partial(announce_file, team_id=self.team_id, file_id=recording_id, file_key=key, now=self.now)
        await self.services.db.write(announce)
        limit_bytes = self.services.settings.upload.max_bytes
        kept = await self.services.files.put_stream(key, chunks, limit_bytes=limit_bytes)
        media_type = MEDIA_TYPES.get(container, "application/octet-stream")
        return StoredRecording(recording_id, key, kept.size_bytes, kept.sha256, media_type, original_name)

    async def discard(self, recording: StoredRecording | None) -> None:
        """Remove the file of an upload that does not count."""
        if recording is not None:
            await self.services.files.delete(recording.file_key)
