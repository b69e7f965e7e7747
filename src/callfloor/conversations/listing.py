"""Pages of conversations and single ones, with their participants and, if asked, what was said."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select

from callfloor.conversations import queries
from callfloor.conversations.commenting import COMMENTS, Comment, comments_by_conversation
from callfloor.conversations.queries import ConversationFilter, count_statement
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment, transcripts_of
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, Tx

SHORT_WALK = 200
"""Rows a page may step over in the event loop; a farther page is read off it."""


class Participant(msgspec.Struct, frozen=True):
    """One party of a conversation; `speak_permille` is its share of the speech in thousandths."""

    conversation_id: str
    id: str
    name: str | None
    email: str | None
    is_internal: bool
    speak_permille: int | None


class Conversation(msgspec.Struct, frozen=True):
    """A row of `queries.COLUMNS`."""

    id: str
    kind: str
    name: str
    date: Millis
    created_at: Millis
    updated_at: Millis
    duration_ms: int | None
    processing_status: str
    processing_reason: str | None
    direction: str | None
    caller: str | None
    callee: str | None
    external_call_id: str | None
    language: str | None
    recording_consent: str | None
    customer_domains: list[str]
    metrics: dict[str, Any] | None
    owner_account_id: int | None
    owner_email: str | None
    owner_first_name: str | None
    owner_last_name: str | None
    owner_created_at: Millis | None
    recording_id: str | None
    outcome: str | None
    rating: int | None
    crm_reference: dict[str, str]
    comment_count: int


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: the next one begins after it."""

    date: Millis
    id: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which part of a list: `take` rows after the first `skip`, or after a place."""

    take: int
    skip: int = 0
    after: Place | None = None
    ascending: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """Conversations with what belongs to them; `transcripts` holds those that were asked for and exist."""

    rows: Sequence[Conversation]
    participants: dict[str, list[Participant]]
    transcripts: dict[str, list[Segment]]
    total: int
    comments: dict[str, list[Comment]] = dataclasses.field(default_factory=dict)
    has_more: bool = False
    """Whether rows come after these."""

    @property
    def last(self) -> Place | None:
        """The place after the last row."""
        return Place(self.rows[-1].date, self.rows[-1].id) if self.rows else None


async def conversations_page(
    db: Database, team_id: int, which: ConversationFilter, window: Window, *, with_transcripts: bool
) -> Found:
    """Return the window of the list, and how many conversations match in all."""
    counted, rows = await _counted_rows(db, team_id, which, window)
    found = await _with_belongings(db, team_id, rows[: window.take], counted, with_transcripts=with_transcripts)
    return dataclasses.replace(found, has_more=len(rows) > window.take)


async def conversation_by_id(  # whose, which, whether it may be met, how full
    db: Database,
    team_id: int,
    kind: ConversationKind,
    conversation_id: str,
    *,
    with_transcript: bool,
    only_account_id: int | None = None,
) -> Found:
    """Return the one conversation; `rows` is empty when the team, or this one account, has none with this id."""
    statement, params = queries.ONE, {"team_id": team_id, "kind": kind.value, "id": conversation_id}
    if only_account_id is not None:
        statement, params = queries.OWN_ONE, {**params, "owner": only_account_id}
    rows = await db.read(statement, params)
    return await _with_belongings(db, team_id, rows, len(rows), with_transcripts=with_transcript)


async def _counted_rows(
    db: Database, team_id: int, which: ConversationFilter, window: Window
) -> tuple[int, list[tuple[Any, ...]]]:
    if not which.is_counted or window.skip > SHORT_WALK:
        return await db.report(functools.partial(_read_page, team_id=team_id, which=which, window=window))
    statement, params = which.count(team_id)
    total = (await db.read(statement, params))[0][0]
    return total, [] if window.skip >= total else await db.read(*_page(team_id, which, window))


def _read_page(tx: Tx, *, team_id: int, which: ConversationFilter, window: Window) -> tuple[int, list[tuple[Any, ...]]]:
    counted = which.count(team_id) if which.is_counted else (count_statement(which.shape), which.params(team_id))
    total = _number(tx, *counted)
    if window.skip >= total:
        return total, []
    # Where most have changed a page of them is soon met with; where few have, the list might be walked to its end.
    are_few = which.shape.looks_for_changes and 2 * total < _number(tx, *which.among.count(team_id))
    return total, tx.all(*_page(team_id, which, window, are_few_changes=are_few))


def _number(tx: Tx, statement: Select[int], params: dict[str, Any]) -> int:
    row = tx.one(statement, params)
    return row[0] if row else 0


def _page(
    team_id: int, which: ConversationFilter, window: Window, *, are_few_changes: bool = False
) -> tuple[Select[Any], dict[str, Any]]:
    shape, after = which.shape, window.after
    bounds = {"skip": window.skip} if after is None else {"after_date": after.date, "after_id": after.id}
    params = {**which.params(team_id), **bounds, "take": window.take + 1}  # the last one tells that there are more
    if not are_few_changes:
        return queries.page_statement(shape, ascending=window.ascending, after=after is not None), params
    narrowed = functools.partial(queries.changes_statement, by_scope=shape.by_scope)
    return narrowed(ascending=window.ascending, after=after is not None), params


async def _with_belongings(
    db: Database, team_id: int, rows: list[tuple[Any, ...]], total: int, *, with_transcripts: bool
) -> Found:
    found = [Conversation(*row) for row in rows]
    ids = [row.id for row in found]
    participants: dict[str, list[Participant]] = {}
    transcripts: dict[str, list[Segment]] = {}
    if ids:
        for row in await db.read(queries.PARTICIPANTS, {"team_id": team_id, "ids": ids}):
            participants.setdefault(row[0], []).append(Participant(*row))
    if ids and with_transcripts:
        transcripts = await db.report(functools.partial(transcripts_of, team_id=team_id, ids=ids))
    comments = {}
    if any(row.comment_count for row in found):
        comments = comments_by_conversation(await db.read(COMMENTS, {"team_id": team_id, "ids": ids}))
    return Found(found, participants, transcripts, total, comments)
