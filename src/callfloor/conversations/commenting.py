"""Comments on a conversation, or on one moment of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update

from callfloor.conversations.editing import By, Edited, record_edits
from callfloor.conversations.editing_tables import conversation_comment, conversation_edit
from callfloor.conversations.locking import Which, lock_conversation
from callfloor.conversations.muting import MutedInterval, is_inside
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, any_of, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_id

COMMENTS_LIMIT = 500
_c, _h = conversation_comment.c, conversation_edit.c
_columns = (
    _c.conversation_id,
    _c.id,
    _c.author_kind,
    _c.author_id,
    _c.author_name,
    _c.text,
    _c.start_ms,
    _c.created_at,
    _c.updated_at,
)
_this = (_c.team_id == param("team"), _c.conversation_id == param("conversation"), _c.id == param("comment"))
_one = select(*_columns).where(*_this)
_add = insert(conversation_comment)
_set = update(conversation_comment).where(*_this).values(text=param("new_text"), updated_at=param("now"))
_remove = delete(conversation_comment).where(*_this)
COMMENTS = (
    select(*_columns)
    .where(_c.team_id == param("team_id"), any_of(_c.conversation_id, "ids"))
    .order_by(_c.conversation_id, _c.id)
)
"""Those of some conversations, oldest first: the columns of a `Comment`."""
REDACTED = "[redacted]"
_history = select(_h.id, _h.before, _h.after).where(
    _h.team_id == param("team"), _h.conversation_id == param("conversation"), _h.field == "comments"
)
_rewrite = (
    update(conversation_edit)
    .where(_h.team_id == param("team"), _h.conversation_id == param("conversation"), _h.id == param("edit"))
    .values(before=param("new_before", Json()), after=param("new_after", Json()))
)


class CommentNotFound(DomainError):
    """The conversation has no such comment."""

    code = "comment_not_found"
    status = 404


class CommentOfAnother(DomainError):
    """Somebody else wrote the comment."""

    code = "comment_of_another"
    status = 403


class TooManyComments(DomainError):
    """The conversation has as many comments as it can."""

    code = "too_many_comments"


@dataclasses.dataclass(frozen=True, slots=True)
class Comment:
    """One comment; `start_ms` is the moment it is about."""

    conversation_id: str
    id: str
    author_kind: str
    author_id: str
    author_name: str
    text: str
    start_ms: int | None
    created_at: Millis
    updated_at: Millis | None


def add_comment(tx: Tx, which: Which, by: By, *, text: str, start_ms: int | None) -> str:
    """Add a comment; returns its id.

    Raises:
        ConversationNotFound, DomainError: as `lock_conversation`.
        TooManyComments: there are 500.
    """
    held = lock_conversation(tx, which, check=by.check)
    if held.comment_count >= COMMENTS_LIMIT:
        raise TooManyComments(f"a conversation has at most {COMMENTS_LIMIT} comments")
    comment_id = new_id()
    tx.run(
        _add,
        {
            "team_id": which.team_id,
            "conversation_id": which.id,
            "id": comment_id,
            "author_kind": by.actor.kind,
            "author_id": by.actor.id,
            "author_name": by.actor.name,
            "text": text,
            "start_ms": start_ms,
            "created_at": by.now,
        },
    )
    record_edits(tx, which, held, [Edited("comments", None, {"id": comment_id, "text": text})], by, comments=1)
    return comment_id


def change_comment(tx: Tx, which: Which, by: By, *, comment_id: str, text: str) -> None:
    """Give a comment another text.

    Raises:
        ConversationNotFound, DomainError: as `lock_conversation`.
        CommentNotFound: it has no such comment.
        CommentOfAnother: who changes it did not write it.
    """
    held = lock_conversation(tx, which, check=by.check)
    known = _known(tx, which, comment_id)
    if (known.author_kind, known.author_id) != (by.actor.kind, by.actor.id):
        raise CommentOfAnother("only who wrote a comment changes it")
    if known.text == text:
        return
    tx.run(_set, {**_key(which, comment_id), "new_text": text, "now": by.now})
    before, after = ({"id": comment_id, "text": one} for one in (known.text, text))
    record_edits(tx, which, held, [Edited("comments", before, after)], by)


def remove_comment(tx: Tx, which: Which, by: By, *, comment_id: str) -> None:
    """Remove a comment; whoever meets everybody's conversations removes those of others, too.

    Raises:
        ConversationNotFound, DomainError: as `lock_conversation`.
        CommentNotFound: it has no such comment.
        CommentOfAnother: who removes it did not write it.
    """
    held = lock_conversation(tx, which, check=by.check)
    known = _known(tx, which, comment_id)
    is_own = (known.author_kind, known.author_id) == (by.actor.kind, by.actor.id)
    if which.only_account_id is not None and not is_own:
        raise CommentOfAnother("somebody else wrote this comment")
    tx.run(_remove, _key(which, comment_id))
    edits = [Edited("comments", {"id": comment_id, "text": known.text}, None)]
    record_edits(tx, which, held, edits, by, comments=-1)


def blank_comments(tx: Tx, which: Which, intervals: Sequence[MutedInterval], *, now: Millis) -> tuple[int, bool]:
    """Take the text of comments on moments in the intervals away, from the history too.

    What is in the history of comments that are gone goes, too: nobody knows which moment they were about.

    Returns:
        how many comments had a text, and whether any text was taken away, be it of the history alone.
    """
    own = {"team": which.team_id, "conversation": which.id}
    comments = [Comment(*row) for row in tx.all(COMMENTS, {"team_id": which.team_id, "ids": [which.id]})]
    inside = [one for one in comments if one.start_ms is not None and is_inside(one.start_ms, intervals)]
    fresh = [one.id for one in inside if one.text != REDACTED]
    tx.run(_set, [{**own, "comment": id_, "new_text": REDACTED, "now": now} for id_ in fresh])
    kept = {one.id for one in comments} - {one.id for one in inside}
    rewritten = [
        {**own, "edit": edit_id, "new_before": blank_before, "new_after": blank_after}
        for edit_id, before, after in tx.all(_history, own)
        for blank_before, blank_after in [(_blanked(before, kept), _blanked(after, kept))]
        if (blank_before, blank_after) != (before, after)
    ]
    tx.run(_rewrite, rewritten)
    return len(fresh), bool(fresh or rewritten)


def comments_by_conversation(rows: Sequence[tuple[object, ...]]) -> dict[str, list[Comment]]:
    """Return rows of `COMMENTS` by their conversation."""
    found: dict[str, list[Comment]] = {}
    for row in rows:
        comment = Comment(*row)  # type: ignore[arg-type]  # the columns of COMMENTS
        found.setdefault(comment.conversation_id, []).append(comment)
    return found


def _known(tx: Tx, which: Which, comment_id: str) -> Comment:
    row = tx.one(_one, _key(which, comment_id))
    if row is None:
        raise CommentNotFound("this conversation has no such comment")
    return Comment(*row)


def _blanked(said: Any, kept: Collection[str]) -> Any:
    return said if said is None or said["id"] in kept else {**said, "text": REDACTED}


def _key(which: Which, comment_id: str) -> dict[str, object]:
    return {"team": which.team_id, "conversation": which.id, "comment": comment_id}
