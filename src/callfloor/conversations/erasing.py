"""Erasure on request: by conversation or by person, tried out first, held back by legal holds, with a receipt.

A request writes down which conversations it is about; a job removes them one by one, each in a transaction of its own,
so that it goes on where it was when it is stopped.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import Integer, insert, select, update

from callfloor.access import audit
from callfloor.conversations.ended_uploads import end_uploads_of
from callfloor.conversations.holds import LegalHold, check_person, forget_held_person, holds_on, named
from callfloor.conversations.persons import conversations_of_person, person_digest
from callfloor.conversations.removing import kind_locked, remove_conversation
from callfloor.conversations.stewardship_tables import ErasureState, ItemState, erasure, erasure_item, is_running
from callfloor.conversations.tables import conversation
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Json, Tx, any_of, param, upsert
from callfloor.foundation.errors import DomainError, invalid
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.outbox import Event, publish
from callfloor.teams.teams import team_for_change

ERASE = "erase_conversations"
RETENTION = "retention"
"""The cause of an erasure that nobody asked for."""
UNFINISHED_UPLOADS = "unfinished_uploads"
"""The name by which a receipt counts them."""
ITEMS_LIMIT = 10_000
BATCH = 100
_NONE: Mapping[str, int] = MappingProxyType({})

_c, _x, _i = conversation.c, erasure.c, erasure_item.c
_kinds = select(_c.id, _c.kind).where(_c.team_id == param("team_id"), any_of(_c.id, "ids")).order_by(_c.id)
_add = insert(erasure)
_add_item = (
    upsert(erasure_item)
    .values(
        team_id=param("team_id"),
        erasure_id=param("erasure_id"),
        conversation_id=param("conversation_id"),
        kind=param("kind"),
        state=param("state"),
        at=param("at"),
        hold_id=param("hold_id"),
        recordings=param("recordings", Json()),
        counts=param("counts", Json()),
    )
    .on_conflict_do_nothing()
)
_waiting = (
    select(_i.conversation_id)
    .where(_i.team_id == param("team_id"), _i.erasure_id == param("erasure_id"), _i.state == ItemState.WAITING.value)
    .order_by(_i.conversation_id)
    .limit(param("take", Integer))
)
_settle = (
    update(erasure_item)
    .where(
        _i.team_id == param("team"),
        _i.erasure_id == param("erasure"),
        _i.conversation_id == param("conversation"),
        _i.state == ItemState.WAITING.value,
    )
    .values(
        state=param("new_state"),
        at=param("now"),
        hold_id=param("hold"),
        digest=param("new_digest"),
        recordings=param("new_recordings", Json()),
        counts=param("new_counts", Json()),
    )
)
_sums = (
    select(_i.conversation_id, _i.state, _i.digest, _i.counts)
    .where(_i.team_id == param("team_id"), _i.erasure_id == param("erasure_id"), _i.conversation_id > param("after"))
    .order_by(_i.conversation_id)
    .limit(param("take", Integer))
)
_finish = (
    update(erasure)
    .where(_x.team_id == param("team"), _x.id == param("erasure"), _x.state == ErasureState.RUNNING.value)
    .values(
        state=ErasureState.DONE.value,
        finished_at=param("now"),
        scrubbed_at=param("scrubbed"),
        counts=param("sums", Json()),
        digest=param("whole"),
    )
    .returning(_x.id)
)
_asked_and_running = select(_x.team_id, _x.id).where(is_running, _x.cause != RETENTION).order_by(_x.team_id, _x.id)


class TooManyConversations(DomainError):
    """More conversations than one erasure takes."""

    code = "too_many_conversations"


@dataclasses.dataclass(frozen=True, slots=True)
class RequestErasure:
    """What is to be erased: conversations by id, or all of a person (see `persons.person_key`)."""

    team_id: int
    actor: audit.Actor
    now: Millis
    hash_key: bytes
    conversation_ids: Sequence[str] = ()
    person_key: str | None = None
    skips_held: bool = False
    """Whether what is held is left, and the rest erased; else nothing is erased while anything is held."""


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One conversation of a request: waiting to be erased, or held, and why."""

    conversation_id: str
    kind: str
    state: str
    hold_id: str | None = None
    reason: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Requested:
    """An erasure, and what it is about."""

    erasure_id: str
    items: Sequence[Item]
    unfinished_uploads: int = 0
    """How many named the person, and ended."""


def request_erasure(tx: Tx, command: RequestErasure) -> Requested:
    """Write down what is to be erased, and start the job that does it.

    Raises:
        InvalidInput: the team has none of one of these ids, or nothing is given.
        LegalHold: the person is held; or something is, and what is held is not to be skipped.
        TooManyConversations: there are more than 10,000.
    """
    team_id = command.team_id
    team_for_change(tx, team_id)
    uploads = _end_uploads(tx, command)  # before its conversations are looked for: one may just become one
    ids = _asked_for(tx, command)
    kinds = dict(tx.all(_kinds, {"team_id": team_id, "ids": ids}))
    if command.person_key is None and len(kinds) < len(ids):
        missing = next(id_ for id_ in ids if id_ not in kinds)
        raise invalid("conversation_ids", f"there is no conversation {missing} in this team")
    held = holds_on(tx, team_id, list(kinds))
    if held and not command.skips_held:
        first = min(held)
        hold_id, reason = held[first]
        raise LegalHold(f"{len(held)} of {len(kinds)} are held, conversation {first} by hold {hold_id}: {reason}")
    items = [
        Item(id_, kind, ItemState.HELD, *held[id_]) if id_ in held else Item(id_, kind, ItemState.WAITING)
        for id_, kind in kinds.items()
    ]
    erasure_id = begin_erasure(tx, command, items, counts={UNFINISHED_UPLOADS: uploads} if uploads else {})
    if command.person_key is not None:
        forget_held_person(tx, team_id, command.person_key)
    _start(tx, team_id, erasure_id, command.now)
    return Requested(erasure_id, items, uploads)


def resume_erasures(tx: Tx, *, now: Millis) -> None:
    """Start the job of each erasure that somebody asked for and that is not done; one that has its job keeps it."""
    for team_id, erasure_id in tx.all(_asked_and_running):
        _start(tx, team_id, erasure_id, now)


def begin_erasure(
    tx: Tx,
    command: RequestErasure,
    items: Sequence[Item],
    *,
    cause: str | None = None,
    counts: Mapping[str, int] = _NONE,
) -> str:
    """Write the receipt's beginning, with what is counted already; returns its id."""
    team_id, erasure_id, person = command.team_id, new_id(), command.person_key
    cause = cause or ("conversations" if person is None else "person")
    tx.run(
        _add,
        {
            "team_id": team_id,
            "id": erasure_id,
            "cause": cause,
            "person_digest": None if person is None else person_digest(person, hash_key=command.hash_key),
            "state": ErasureState.RUNNING.value,
            "requested_at": command.now,
            "requested_by": named(command.actor),
            "counts": dict(counts),
        },
    )
    add_items(tx, team_id, erasure_id, items, now=command.now)
    change = audit.Change(team_id, "erasure.requested", "erasure", erasure_id, after={"cause": cause})
    audit.note(tx, command.actor, change, now=command.now)
    return erasure_id


def add_items(tx: Tx, team_id: int, erasure_id: str, items: Sequence[Item], *, now: Millis) -> None:
    """Write down conversations that an erasure is about."""
    rows: list[dict[str, Any]] = [
        {
            "team_id": team_id,
            "erasure_id": erasure_id,
            "conversation_id": one.conversation_id,
            "kind": one.kind,
            "state": one.state,
            "at": now if one.state == ItemState.HELD else None,
            "hold_id": one.hold_id,
            "recordings": [],
            "counts": {},
        }
        for one in items
    ]
    tx.run(_add_item, rows)


def waiting_items(tx: Tx, team_id: int, erasure_id: str) -> list[str]:
    """Return some of the conversations that are still to be erased."""
    params = {"team_id": team_id, "erasure_id": erasure_id, "take": BATCH}
    return [row[0] for row in tx.all(_waiting, params)]


def erase_item(
    tx: Tx, team_id: int, erasure_id: str, conversation_id: str, *, hash_key: bytes, now: Millis
) -> Sequence[tuple[str, str]]:
    """Erase one conversation, unless it is held or gone by now; returns its files, each its id and key."""
    team_for_change(tx, team_id)
    settled: dict[str, Any] = {
        "team": team_id,
        "erasure": erasure_id,
        "conversation": conversation_id,
        "now": now,
        "hold": None,
        "new_digest": None,
        "new_recordings": [],
        "new_counts": {},
    }
    kind = kind_locked(tx, team_id, conversation_id)
    held = {} if kind is None else holds_on(tx, team_id, [conversation_id])
    if held:
        tx.run(_settle, {**settled, "new_state": ItemState.HELD.value, "hold": held[conversation_id][0]})
        return ()
    removed = remove_conversation(tx, team_id, conversation_id, hash_key=hash_key, now=now)
    if removed is None:
        tx.run(_settle, {**settled, "new_state": ItemState.GONE.value})
        return ()
    outcome = {
        "new_state": ItemState.ERASED.value,
        "new_digest": removed.digest,
        "new_recordings": removed.recordings,
        "new_counts": removed.counts,
    }
    tx.run(_settle, {**settled, **outcome})
    told = {"id": conversation_id, "erasure_id": erasure_id}
    publish(tx, Event(f"{removed.kind}.erased", team_id, conversation_id, told, now))
    change = audit.Change(
        team_id, f"{removed.kind}.erased", removed.kind, conversation_id, after={"erasure_id": erasure_id}
    )
    audit.note(tx, audit.SYSTEM, change, now=now)
    return removed.files


def erased_items(tx: Tx, team_id: int, erasure_id: str, *, after: str, take: int) -> list[tuple[Any, ...]]:
    """Return id, state, digest and counts of the erasure's next conversations after an id."""
    params = {"team_id": team_id, "erasure_id": erasure_id, "after": after, "take": take}
    return tx.all(_sums, params)


@dataclasses.dataclass
class Sums:
    """What a receipt sums up, item by item in the order of their ids."""

    states: Counter[str] = dataclasses.field(default_factory=Counter)
    rows: Counter[str] = dataclasses.field(default_factory=Counter)
    _hash: Any = dataclasses.field(default_factory=hashlib.sha256)

    def add(self, conversation_id: str, state: str, digest: str | None, counts: Mapping[str, int]) -> None:
        """Take one item in."""
        self.states[state] += 1
        self.rows.update(counts)
        self._hash.update(f"{conversation_id} {state} {digest or '-'}\n".encode())

    @property
    def digest(self) -> str:
        """Return the SHA-256 over a line of id, state and digest for each item."""
        return str(self._hash.hexdigest())

    @property
    def counts(self) -> dict[str, int]:
        """Return how many conversations ended in each state, and how much was removed of each kind."""
        return {f"conversations_{state}": count for state, count in sorted(self.states.items())} | dict(
            sorted(self.rows.items())
        )


def finish_erasure(
    tx: Tx,
    team_id: int,
    erasure_id: str,
    *,
    sums: Sums,
    scrubbed_at: Millis | None,
    now: Millis,
) -> None:
    """Complete the receipt; one that is complete stays as it is."""
    finished = {"now": now, "scrubbed": scrubbed_at, "sums": sums.counts, "whole": sums.digest}
    if tx.one(_finish, {"team": team_id, "erasure": erasure_id, **finished}) is None:
        return
    after = {"conversations": sums.states[ItemState.ERASED], "held": sums.states[ItemState.HELD]}
    change = audit.Change(team_id, "erasure.finished", "erasure", erasure_id, after=after)
    audit.note(tx, audit.SYSTEM, change, now=now)


def _start(tx: Tx, team_id: int, erasure_id: str, now: Millis) -> None:
    # Its arguments outlive the erasure: they do not say whom it is about.
    args = {"erasure_id": erasure_id}
    enqueue(tx, Enqueue(kind=ERASE, args=args, team_id=team_id, now=now, unique_key=erasure_id))


def _end_uploads(tx: Tx, command: RequestErasure) -> int:
    if command.person_key is None:
        return 0
    check_person(tx, command.team_id, command.person_key)
    return end_uploads_of(tx, command.team_id, command.person_key, skips_held=command.skips_held, now=command.now)


def _asked_for(tx: Tx, command: RequestErasure) -> list[str]:
    if (command.person_key is None) == (not command.conversation_ids):
        raise invalid("conversation_ids", "give one of conversation_ids, email and number")
    ids = list(dict.fromkeys(command.conversation_ids))
    if command.person_key is not None:
        ids = conversations_of_person(tx, command.team_id, command.person_key)
    if len(ids) > ITEMS_LIMIT:
        raise TooManyConversations(f"{len(ids)} conversations are more than one erasure takes ({ITEMS_LIMIT})")
    return ids
