"""For how long a team keeps its conversations, by kind, and which of them are due to go."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Integer, Select, Text, delete, func, select

from callfloor.access import audit
from callfloor.conversations.erasing import RETENTION, erase_item
from callfloor.conversations.stewardship_tables import ErasureState, ItemState, erasure, erasure_item, retention_rule
from callfloor.conversations.tables import ConversationKind, conversation
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import invalid
from callfloor.teams.teams import team_for_change

REMOVE = "remove_due_conversations"
"""The job kind that erases what is older than its team keeps."""
DAYS = range(1, 36_501)

_c, _t, _x, _i = conversation.c, retention_rule.c, erasure.c, erasure_item.c
_of_team = select(_t.kind, _t.days).where(_t.team_id == param("team_id")).order_by(_t.kind)
_fresh = upsert(retention_rule).values({column.name: param(column.name) for column in _t})
_put = _fresh.on_conflict_do_update(
    index_elements=[_t.team_id, _t.kind],
    set_={"days": _fresh.excluded.days, "updated_at": _fresh.excluded.updated_at},
)
_remove = delete(retention_rule).where(_t.team_id == param("team_id"), _t.kind == param("kind"))
_next_with_rule = select(func.min(_t.team_id)).where(_t.team_id > param("after", BigInteger))
_next_with_removal = select(func.min(_x.team_id)).where(
    _x.team_id > param("after", BigInteger), _x.cause == RETENTION, _x.state == ErasureState.RUNNING.value
)
_due = (
    select(_c.date, _c.id)
    .where(
        _c.team_id == param("team_id"),
        _c.kind == param("kind"),
        _c.date < param("before"),
        _c.date >= param("after_date"),
        (_c.date > param("after_date")) | (_c.id > param("after_id", Text)),
    )
    .order_by(_c.date, _c.id)
    .limit(param("take", Integer))
)
_count_due = (
    select(func.count())
    .select_from(conversation)
    .where(_c.team_id == param("team_id"), _c.kind == param("kind"), _c.date < param("before"))
)
_rule_on = (
    select(_c.date, _t.days)
    .join_from(conversation, retention_rule, (_t.team_id == _c.team_id) & (_t.kind == _c.kind), isouter=True)
    .where(_c.team_id == param("team_id"), _c.id == param("id"))
)
_leave = delete(erasure_item).where(
    _i.team_id == param("team"),
    _i.erasure_id == param("erasure"),
    _i.conversation_id == param("conversation"),
    _i.state == ItemState.WAITING.value,
)
_running = (
    select(_x.id)
    .where(_x.team_id == param("team_id"), _x.cause == RETENTION, _x.state == ErasureState.RUNNING.value)
    .order_by(_x.id)
    .limit(1)
)
BEGINNING = (-(2**62), "")
"""A place that every conversation is after."""


@dataclasses.dataclass(frozen=True, slots=True)
class SetRetention:
    """Days by kind, counted from when a conversation began; None keeps them for ever, a kind left out stays."""

    team_id: int
    days: Mapping[ConversationKind, int | None]
    actor: audit.Actor
    now: Millis
    check: Callable[[Mapping[ConversationKind, int]], None] = lambda _: None
    """May refuse by what holds before."""


def retention_of_team(tx: Tx, team_id: int) -> dict[ConversationKind, int]:
    """Return the days by kind; a kind that is kept for ever is left out."""
    return {ConversationKind(kind): days for kind, days in tx.all(_of_team, {"team_id": team_id})}


def set_retention(tx: Tx, command: SetRetention) -> dict[ConversationKind, int]:
    """Set for how long conversations are kept; returns what holds then.

    Raises:
        InvalidInput: the days are out of range.
        TeamNotFound: there is no such team.
    """
    team_for_change(tx, command.team_id)
    before = retention_of_team(tx, command.team_id)
    command.check(before)
    for kind, days in command.days.items():
        own = {"team_id": command.team_id, "kind": kind.value}
        if days is None:
            tx.run(_remove, own)
        elif days not in DAYS:
            raise invalid(f"{kind.value}_days", f"must be a whole number from {DAYS[0]} to {DAYS[-1]}, or null")
        else:
            tx.run(_put, {**own, "days": days, "updated_at": command.now})
    after = retention_of_team(tx, command.team_id)
    if before != after:
        change = audit.Change(
            command.team_id,
            "retention.changed",
            "team",
            str(command.team_id),
            before={kind.value: days for kind, days in before.items()},
            after={kind.value: days for kind, days in after.items()},
        )
        audit.note(tx, command.actor, change, now=command.now)
    return after


def teams_to_clear(tx: Tx) -> list[int]:
    """Return the teams that do not keep everything for ever, and those whose removal was begun and has not ended."""
    return sorted({*_teams(tx, _next_with_rule), *_teams(tx, _next_with_removal)})


def due_conversations(
    tx: Tx, team_id: int, kind: ConversationKind, *, days: int, after: tuple[Millis, str], take: int, now: Millis
) -> list[tuple[Millis, str]]:
    """Return date and id of the next conversations after a place that are older than the days, oldest first."""
    place = {"after_date": after[0], "after_id": after[1]}
    params: dict[str, Any] = {"team_id": team_id, "kind": kind.value, "before": now - days * DAY, "take": take}
    return [(date, id_) for date, id_ in tx.all(_due, {**params, **place})]


def due_count(tx: Tx, team_id: int, kind: ConversationKind, *, days: int, now: Millis) -> int:
    """Return how many conversations are older than the days, those that are held among them."""
    row = tx.one(_count_due, {"team_id": team_id, "kind": kind.value, "before": now - days * DAY})
    return row[0] if row else 0


def erase_due_item(
    tx: Tx, team_id: int, erasure_id: str, conversation_id: str, *, hash_key: bytes, now: Millis
) -> Sequence[tuple[str, str]]:
    """As `erase_item`, of a removal: what the rules, as they are by now, keep is left, and not in the receipt."""
    team_for_change(tx, team_id)  # which who sets the rules locks, too
    row: Any = tx.one(_rule_on, {"team_id": team_id, "id": conversation_id})
    if row is not None and (row[1] is None or row[0] >= now - row[1] * DAY):
        tx.run(_leave, {"team": team_id, "erasure": erasure_id, "conversation": conversation_id})
        return ()
    return erase_item(tx, team_id, erasure_id, conversation_id, hash_key=hash_key, now=now)


def running_removal(tx: Tx, team_id: int) -> str | None:
    """Return the removal of due conversations that was begun and has not ended."""
    row = tx.one(_running, {"team_id": team_id})
    return row[0] if row else None


def _teams(tx: Tx, statement: Select[Any]) -> list[int]:
    teams: list[int] = []
    while True:
        found = tx.one(statement, {"after": teams[-1] if teams else -1})
        if found is None or found[0] is None:
            return teams
        teams.append(found[0])
