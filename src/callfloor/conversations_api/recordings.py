"""GET and HEAD /recordings/{id}: a recording by its signed address, whole or by ranges (RFC 9110, section 14)."""

from __future__ import annotations

import functools
import re
import urllib.parse
from http import HTTPStatus

from fastapi.requests import Request
from fastapi.responses import Response, StreamingResponse

from callfloor.conversations.listeners import Listener, note_download
from callfloor.conversations.recording_links import Link, RecordingFile, find_holder, is_signed, recording_by_id
from callfloor.conversations_api.refusals import Refused, not_found
from callfloor.foundation import clock
from callfloor.foundation.clock import MINUTE, Millis
from callfloor.foundation.database import Database
from callfloor.foundation.services import Services

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
ONCE_IN: Millis = 10 * MINUTE
"""A player asks for a recording part by part: within this time it is one listener."""
_REMEMBERED = 10_000
_EXPIRED = "This address was good for two days; read the record again for a new one."
_FORBIDDEN = "This is not an address that was given for a recording."


class Listeners:
    """Those of one process."""

    def __init__(self) -> None:
        self._noted: dict[tuple[Link, str], Millis] = {}

    async def note(self, db: Database, listener: Listener) -> None:
        """Write down that the recording is given to the listener, unless that was written down just now.

        Raises:
            Unavailable: it cannot be; nothing may be given then.
        """
        known = (listener.link, listener.address)
        if self._noted.get(known, -ONCE_IN) + ONCE_IN > listener.now:
            return
        await db.write(functools.partial(note_download, listener=listener))
        if len(self._noted) >= _REMEMBERED:
            self._noted.clear()
        self._noted[known] = listener.now


async def send_recording(request: Request, services: Services, listeners: Listeners, recording_id: str) -> Response:
    """Answer the recording's bytes; needs no headers. Who gets them is in the audit trail before they are sent.

    Raises:
        Refused: 403 for an address that we did not make, 410 for one that expired or whose recording is gone, 416.
    """
    query = request.query_params
    team, expires, holder = query.get("team", ""), query.get("expires", ""), find_holder(query.get("for", ""))
    if holder is None or not (_NUMBER.fullmatch(team) and _NUMBER.fullmatch(expires)):
        raise Refused(HTTPStatus.FORBIDDEN, _FORBIDDEN)
    link = Link(int(team), recording_id, holder, int(expires))
    if not is_signed(link, query.get("signature", ""), key=services.settings.hash_key):
        raise Refused(HTTPStatus.FORBIDDEN, _FORBIDDEN)
    now = clock.now()
    if link.expires_seconds * 1000 <= now:
        raise Refused(HTTPStatus.GONE, _EXPIRED)
    kept = await recording_by_id(services.db, link.team_id, recording_id)
    if kept is None:
        raise Refused(HTTPStatus.GONE, "This recording was removed.")
    response = await _answer(request, services, kept)
    if isinstance(response, StreamingResponse):
        address = request.client.host if request.client else ""
        listener = Listener(link, kept.conversation_id, request.scope.get("callfloor.request_id", ""), address, now)
        await listeners.note(services.db, listener)
    return response


async def _answer(request: Request, services: Services, kept: RecordingFile) -> Response:
    await services.files.size(kept.file_key)  # a file that is missing is told before the answer begins
    etag = f'"{kept.sha256}"'
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": _disposition(kept),
        "Cross-Origin-Resource-Policy": "cross-origin",  # pages of others may play what they were given
        "ETag": etag,
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    start, end = 0, kept.size_bytes
    status = HTTPStatus.OK
    part = _range(request, kept.size_bytes, etag)
    if part is not None:
        start, end = part
        if start >= end:
            headers["Content-Range"] = f"bytes */{kept.size_bytes}"
            raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "The recording has no such part.", headers)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{kept.size_bytes}"
        status = HTTPStatus.PARTIAL_CONTENT
    headers["Content-Length"] = str(end - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=kept.media_type)
    body = services.files.open(kept.file_key, start=start, end=end)
    return StreamingResponse(body, status, headers, kept.media_type)


def _range(request: Request, size: int, etag: str) -> tuple[int, int] | None:
    """Return start and end (exclusive) of the one range asked for; several, or what is no range, are the whole."""
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if asked is None or request.method == "HEAD" or request.headers.get("if-range", etag) != etag:
        return None
    first, last = asked.groups()
    if not first:
        return None if not last else (max(size - int(last), 0) if int(last) else size, size)
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1 if last else size, size)


def _disposition(kept: RecordingFile) -> str:
    name = kept.original_name or f"recording.{kept.media_type.rpartition('/')[2].removeprefix('x-')}"
    plain = re.sub(r'[^\x20-\x7e]|["\\]', "_", name)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{urllib.parse.quote(name, safe='')}"


def recording_of(parts: list[str]) -> str:
    """Return the id in `/recordings/{id}`.

    Raises:
        Refused: 404, the path is another.
    """
    if len(parts) != 2 or not parts[1]:
        raise not_found()
    return parts[1]
