"""Unfinished uploads that name somebody who is erased: they end, and nothing of them is left.

The verb that is asked for the erasure ends them, so that no piece and no conversation comes of them any more; the
erasure's job then removes their files and their rows.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Integer, select, update

from callfloor.conversations.holds import LegalHold, held_persons
from callfloor.conversations.incoming import forbid_file
from callfloor.conversations.tus import ENDED_AT, FORGET, expired_uploads, forget_expired, recording_key
from callfloor.conversations.tus_tables import resumable_upload
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, any_of, param
from callfloor.foundation.growing_files import GrowingFiles
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.services import Services

_AT_ONCE = 100

_u = resumable_upload.c
_unfinished = (
    select(_u.id, _u.persons)
    .where(_u.team_id == param("team_id"), _u.conversation_id.is_(None), _u.id > param("after"))
    .order_by(_u.id)
    .limit(param("take", Integer))
)
_end = (
    update(resumable_upload)
    .where(_u.team_id == param("team"), any_of(_u.id, "ids"), _u.conversation_id.is_(None))
    .values(fields=param("nothing", Json()), persons=param("nobody", Json()), writer=None, expires_at=ENDED_AT)
    .returning(_u.id, _u.offset_bytes == _u.length_bytes)
)


def end_uploads_of(tx: Tx, team_id: int, person_key: str, *, skips_held: bool, now: Millis) -> int:
    """End the team's unfinished uploads that name this person; returns how many.

    One that names somebody else who is held is left.

    Raises:
        LegalHold: one names somebody who is held, and what is held is not to be skipped.
    """
    ids, held = _uploads_of(tx, team_id, person_key)
    if held and not skips_held:
        raise LegalHold(f"{len(held)} unfinished uploads name a person who is held, upload {held[0]} first")
    # One that becomes a conversation at this moment is waited for, and is none of these then.
    ended = tx.all(_end, {"team": team_id, "ids": ids, "nothing": {}, "nobody": []})
    for upload_id, is_whole in ended:
        if is_whole:  # whoever was making a conversation of it may have its file in its last place already, or soon
            forbid_file(tx, team_id, upload_id, recording_key(team_id, upload_id), now=now)
    if ended:
        enqueue(tx, Enqueue(kind=FORGET, args={}, team_id=None, now=now))
    return len(ended)


def remove_ended_uploads(services: Services) -> None:
    """Remove what came of uploads that an erasure ended."""
    remove_expired_uploads(services, GrowingFiles(services.files), now=ENDED_AT + 1)


def remove_expired_uploads(services: Services, growing: GrowingFiles, *, now: Millis) -> None:
    """Remove what came of uploads whose time was over before `now`."""
    while found := services.db.read_now(partial(expired_uploads, now=now, count=_AT_ONCE)):
        for upload in found:
            # Nobody goes on with what has expired. The row goes last: it knows what there is to be removed.
            growing.remove_now(upload.file_name, upload.parts)
            if upload.is_ended and upload.conversation_id is None:  # nor does it become a conversation
                services.files.delete_now(recording_key(upload.team_id, upload.id))
            services.db.write_now(partial(forget_expired, team_id=upload.team_id, upload_id=upload.id, now=now))


def _uploads_of(tx: Tx, team_id: int, person_key: str) -> tuple[list[str], list[str]]:
    """Return the unfinished uploads that name this person: those that may end, and those that also name a held one."""
    free: list[str] = []
    held: list[str] = []
    after = ""
    while rows := tx.all(_unfinished, {"team_id": team_id, "after": after, "take": _AT_ONCE}):
        after = rows[-1][0]
        named = {upload_id: set(persons) for upload_id, persons in rows if person_key in persons}
        held_ones = held_persons(tx, team_id, sorted(set().union(*named.values())))
        for upload_id, persons in named.items():
            (held if persons & held_ones else free).append(upload_id)
    return free, held
