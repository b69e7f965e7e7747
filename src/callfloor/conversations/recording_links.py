"""Addresses of recordings that are good for two days, for whoever holds them."""

from __future__ import annotations

import base64
import dataclasses
import hmac

from sqlalchemy import select

from callfloor.conversations.tables import recording
from callfloor.foundation.clock import DAY, HOUR, Millis
from callfloor.foundation.database import Database, param

LINK_LIFE: Millis = 2 * DAY
_STEP: Millis = HOUR
"""Links made within one step are the same, so that a record read twice is."""

_r = recording.c
_file = select(_r.file_key, _r.size_bytes, _r.sha256, _r.media_type, _r.original_name).where(
    _r.team_id == param("team_id"), _r.id == param("id")
)


@dataclasses.dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording as it is kept."""

    file_key: str
    size_bytes: int
    sha256: str
    media_type: str
    original_name: str | None


def recording_path(team_id: int, recording_id: str, *, now: Millis, key: bytes) -> str:
    """Return the path and query at which the recording can be had for at least two days from now."""
    expires = (now + LINK_LIFE + _STEP) // _STEP * _STEP
    signature = _signature(team_id, recording_id, expires, key)
    return f"/recordings/{recording_id}?team={team_id}&expires={expires // 1000}&signature={signature}"


def is_signed(team_id: int, recording_id: str, expires_seconds: int, signature: str, *, key: bytes) -> bool:
    """Return whether we made the link; it may have expired."""
    made = _signature(team_id, recording_id, expires_seconds * 1000, key)
    return hmac.compare_digest(made.encode(), signature.encode())


async def recording_by_id(db: Database, team_id: int, recording_id: str) -> RecordingFile | None:
    """Return the recording, or None when it is gone."""
    rows = await db.read(_file, {"team_id": team_id, "id": recording_id})
    return RecordingFile(*rows[0]) if rows else None


def _signature(team_id: int, recording_id: str, expires: Millis, key: bytes) -> str:
    digest = hmac.digest(key, f"recording {team_id} {recording_id} {expires}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
