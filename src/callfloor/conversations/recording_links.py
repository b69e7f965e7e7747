"""Addresses of recordings that are good for two days, for whoever holds them; each says to whom it was given."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import re

from sqlalchemy import select

from callfloor.conversations.tables import recording
from callfloor.foundation.clock import DAY, HOUR, Millis
from callfloor.foundation.database import Database, param

LINK_LIFE: Millis = 2 * DAY
_STEP: Millis = HOUR
"""Links made within one step are the same, so that a record read twice is."""

_r = recording.c
_file = select(_r.file_key, _r.size_bytes, _r.sha256, _r.media_type, _r.original_name, _r.conversation_id).where(
    _r.team_id == param("team_id"), _r.id == param("id")
)
_HOLDER = re.compile(r"([a-z_]{1,30})-([0-9]{1,19})", re.ASCII)


@dataclasses.dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording as it is kept."""

    file_key: str
    size_bytes: int
    sha256: str
    media_type: str
    original_name: str | None
    conversation_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """To whom a link was given: a kind of actor of the audit trail, and its id."""

    kind: str
    id: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.id}"


WEBHOOKS = Holder("webhook", 0)
"""Whoever a webhook told of it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Link:
    """What a link says."""

    team_id: int
    recording_id: str
    holder: Holder
    expires_seconds: int


def recording_path(team_id: int, recording_id: str, *, holder: Holder, now: Millis, key: bytes) -> str:
    """Return the path and query at which the recording can be had for at least two days from now."""
    expires = (now + LINK_LIFE + _STEP) // _STEP * _STEP // 1000
    signature = _signature(Link(team_id, recording_id, holder, expires), key)
    return f"/recordings/{recording_id}?team={team_id}&for={holder}&expires={expires}&signature={signature}"


def is_signed(link: Link, signature: str, *, key: bytes) -> bool:
    """Return whether we made the link; it may have expired."""
    return hmac.compare_digest(_signature(link, key).encode(), signature.encode())


def find_holder(text: str) -> Holder | None:
    """Return whom a link names, or None when it names nobody."""
    named = _HOLDER.fullmatch(text)
    return Holder(named[1], int(named[2])) if named else None


async def recording_by_id(db: Database, team_id: int, recording_id: str) -> RecordingFile | None:
    """Return the recording, or None when it is gone."""
    rows = await db.read(_file, {"team_id": team_id, "id": recording_id})
    return RecordingFile(*rows[0]) if rows else None


def _signature(link: Link, key: bytes) -> str:
    said = f"recording {link.team_id} {link.recording_id} {link.holder} {link.expires_seconds}"
    digest = hmac.digest(key, said.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
