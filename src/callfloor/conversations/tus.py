"""Resumable uploads: begun, moved on by one writer at a time, made a conversation, or forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Integer, delete, func, insert, select, union_all, update

from callfloor.conversations.arrival import Arrival, Received, receive_conversation
from callfloor.conversations.incoming import announce_file_again
from callfloor.conversations.muting_tables import unmuted_recording
from callfloor.conversations.tables import recording
from callfloor.conversations.tus_tables import resumable_upload
from callfloor.foundation.clock import MINUTE, Millis
from callfloor.foundation.database import Json, Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.jobs import Enqueue, enqueue

FORGET = "forget_uploads"
"""The job kind that removes uploads whose time is over."""
FINISH = "finish_upload"
"""The job kind that makes a whole upload a conversation when the request that brought its end could not."""
FINISH_AFTER: Millis = MINUTE
UPLOADS_AT_ONCE = 1000
"""Unfinished uploads of one team."""
ENDED_AT: Millis = 0
"""When what an erasure ended has expired."""

_u, _r, _h = resumable_upload.c, recording.c, unmuted_recording.c
_COLUMNS = (
    _u.team_id,
    _u.id,
    _u.kind,
    _u.only_account_id,
    _u.sender,
    _u.fields,
    _u.persons,
    _u.length_bytes,
    _u.offset_bytes,
    _u.parts,
    _u.created_at,
    _u.expires_at,
    _u.conversation_id,
    _u.is_new_conversation,
)
_this = (_u.team_id == param("team"), _u.id == param("upload"))
_add = insert(resumable_upload)
UPLOAD = select(*_COLUMNS).where(*_this)
"""The columns of a `ResumableUpload`, by `team` and `upload`."""
_locked = UPLOAD.with_for_update()
_unfinished = select(func.count()).where(_u.team_id == param("team"), _u.conversation_id.is_(None))
_claim = (
    update(resumable_upload)
    .where(
        *_this,
        _u.offset_bytes == param("offset", BigInteger),
        _u.conversation_id.is_(None),
        _u.expires_at > ENDED_AT,
    )
    .values(writer=param("by"))
    .returning(_u.id)
)
_advance = (
    update(resumable_upload)
    .where(*_this, _u.writer == param("by"))
    .values(offset_bytes=param("reached", BigInteger), parts=param("pieces", Json()), expires_at=param("until"))
    .returning(_u.length_bytes)
)
_became = (
    update(resumable_upload)
    .where(*_this)
    .values(
        conversation_id=param("conversation"),
        is_new_conversation=param("is_new"),
        sender=param("nothing", Json()),
        fields=param("nothing", Json()),
        persons=param("nobody", Json()),
    )
)
_wanted = union_all(
    select(_u.id).where(*_this, _u.conversation_id.is_(None), _u.expires_at > ENDED_AT),
    select(_r.id).where(_r.team_id == param("team"), _r.id == param("upload")),
    select(_h.file_id).where(_h.team_id == param("team"), _h.file_id == param("upload")),
)
_remove = delete(resumable_upload).where(*_this).returning(_u.id)
_remove_expired = delete(resumable_upload).where(*_this, _u.expires_at < param("now")).returning(_u.id)
_expired = select(*_COLUMNS).where(_u.expires_at < param("now")).order_by(_u.expires_at).limit(param("count", Integer))


_expire = (
    update(resumable_upload)
    .where(_u.team_id == param("team"), _u.conversation_id == param("conversation"))
    .values(fields=param("nothing", Json()), persons=param("nobody", Json()), expires_at=ENDED_AT)
    .returning(_u.id)
)


class ResumableUpload(NamedTuple):
    """How far an upload is; without a conversation it is not finished."""

    team_id: int
    id: str
    kind: str
    only_account_id: int | None
    sender: dict[str, Any]
    fields: dict[str, str]
    persons: list[str]
    length_bytes: int
    offset_bytes: int
    parts: list[str]
    created_at: Millis
    expires_at: Millis
    conversation_id: str | None
    is_new_conversation: bool | None

    @property
    def file_name(self) -> str:
        """What holds the pieces, as `GrowingFiles` knows it."""
        return f"{self.team_id}/{self.id}"

    @property
    def is_whole(self) -> bool:
        """Whether every byte is on disk."""
        return self.offset_bytes == self.length_bytes

    @property
    def is_ended(self) -> bool:
        """Whether an erasure ended it."""
        return self.expires_at == ENDED_AT


class UploadGone(LookupError):
    """There is no such upload any more, or an erasure ended it."""


class TooManyUploads(DomainError):
    """The team has begun more uploads than it may without finishing some."""

    code = "too_many_uploads"
    status = 409


def recording_key(team_id: int, upload_id: str) -> str:
    """Return where in the file store the recording of a whole upload lies."""
    return f"recordings/{team_id}/{upload_id}"


def begin_upload(tx: Tx, upload: ResumableUpload) -> None:
    """Begin an upload.

    Raises:
        TooManyUploads: finish some, or delete them.
    """
    row = tx.one(_unfinished, {"team": upload.team_id})
    if row is not None and row[0] >= UPLOADS_AT_ONCE:
        raise TooManyUploads(f"{UPLOADS_AT_ONCE} uploads of this team are unfinished: finish or delete some")
    tx.run(_add, {**upload._asdict(), "writer": None})


def upload_now(tx: Tx, team_id: int, upload_id: str) -> ResumableUpload | None:
    """Return the upload as this transaction sees it."""
    row = tx.one(UPLOAD, {"team": team_id, "upload": upload_id})
    return None if row is None else ResumableUpload(*row)


def claim_upload(tx: Tx, team_id: int, upload_id: str, *, offset: int, writer: str) -> bool:
    """Let this writer go on at the offset, and no other any more; return whether the offset is still that."""
    row = tx.one(_claim, {"team": team_id, "upload": upload_id, "offset": offset, "by": writer})
    return row is not None


def advance_upload(  # which one, who, to where, until when
    tx: Tx, team_id: int, upload_id: str, *, writer: str, reached: int, parts: Sequence[str], now: Millis, until: Millis
) -> bool:
    """Write down what is on disk; return whether the writer still is the one who may.

    A whole upload is finished by a job if nothing else does it sooner.
    """
    own = {"team": team_id, "upload": upload_id}
    row = tx.one(_advance, {**own, "by": writer, "reached": reached, "pieces": list(parts), "until": until})
    if row is not None and row[0] == reached:
        args = {"upload_id": upload_id}
        enqueue(tx, Enqueue(kind=FINISH, args=args, team_id=team_id, now=now, run_at=now + FINISH_AFTER))
    return row is not None


def announce_recording(tx: Tx, team_id: int, upload_id: str, *, now: Millis) -> Received | None:
    """Write down that the file of a whole upload comes to its last place; return what was made of it before.

    A file that was claimed is not written down again: the sweep would take it from its conversation.

    Raises:
        UploadGone: nothing may come of it any more.
    """
    done = _received_before(tx, team_id, upload_id)
    if done is None:
        announce_file_again(tx, team_id, upload_id, recording_key(team_id, upload_id), now=now)
    return done


def finish_upload(tx: Tx, upload_id: str, arrival: Arrival) -> Received:
    """Make the upload a conversation, once: what was made of it before is what is returned.

    What it said of the conversation stands there from now on, and here no more.

    Raises:
        UploadGone: nothing may come of it any more.
        FileSwept: see `receive_conversation`.
    """
    done = _received_before(tx, arrival.team_id, upload_id)
    if done is not None:
        return done
    received = receive_conversation(tx, arrival)
    tx.run(
        _became,
        {
            "team": arrival.team_id,
            "upload": upload_id,
            "conversation": received.conversation_id,
            "is_new": received.is_new,
            "nothing": {},
            "nobody": [],
        },
    )
    return received


def _received_before(tx: Tx, team_id: int, upload_id: str) -> Received | None:
    """Lock the upload and return what was made of it, None while nothing was.

    Raises:
        UploadGone: it is gone, or an erasure ended it or its conversation.
    """
    row = tx.one(_locked, {"team": team_id, "upload": upload_id})
    found = None if row is None else ResumableUpload(*row)
    if found is None or found.is_ended:
        raise UploadGone(f"upload {upload_id} is gone")
    if found.conversation_id is None:
        return None
    return Received(found.conversation_id, is_new=bool(found.is_new_conversation))


def is_file_wanted(tx: Tx, team_id: int, upload_id: str) -> bool:
    """Return whether the file of a whole upload is a conversation's, or may become one's; if not, it never does."""
    return tx.one(_wanted, {"team": team_id, "upload": upload_id}) is not None


def forget_upload(tx: Tx, team_id: int, upload_id: str) -> bool:
    """Take an upload off the list; return whether it was there."""
    return tx.one(_remove, {"team": team_id, "upload": upload_id}) is not None


def forget_expired(tx: Tx, team_id: int, upload_id: str, *, now: Millis) -> bool:
    """As `forget_upload`, unless a piece came in the meantime."""
    return tx.one(_remove_expired, {"team": team_id, "upload": upload_id, "now": now}) is not None


def expired_uploads(tx: Tx, *, now: Millis, count: int) -> list[ResumableUpload]:
    """Return uploads that waited too long for their next piece, or ended long ago."""
    return [ResumableUpload(*row) for row in tx.all(_expired, {"now": now, "count": count})]


def expire_uploads(tx: Tx, team_id: int, conversation_id: str, *, now: Millis) -> int:
    """Take out of the uploads that became this conversation what was said in them, and have them removed.

    Returns:
        how many.
    """
    found = tx.all(_expire, {"team": team_id, "conversation": conversation_id, "nothing": {}, "nobody": []})
    if found:
        enqueue(tx, Enqueue(kind=FORGET, args={}, team_id=None, now=now))
    return len(found)
