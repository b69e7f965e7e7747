"""The audit trail read: by actor, action, object, text and time, newest first."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, func, or_, select, tuple_, type_coerce

from callfloor.access.tables import audit_entry
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param

LATEST = (2**62, "~")
"""A position that every entry is before."""

_e = audit_entry.c
_of_team = select(
    _e.id,
    _e.at,
    _e.actor_kind,
    _e.actor_id,
    _e.actor_name,
    _e.action,
    _e.object_kind,
    _e.object_id,
    _e.before,
    _e.after,
    _e.request_id,
    _e.address,
    _e.seq,
).where(
    _e.team_id == param("team_id"),
    _e.at >= param("since"),
    _e.at < param("until"),
    tuple_(_e.at, _e.id) < tuple_(param("before_at", _e.at.type), param("before_id", _e.id.type)),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry."""

    id: str
    at: Millis
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    object_kind: str
    object_id: str
    before: Any
    after: Any
    request_id: str
    address: str
    seq: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is None does not narrow it."""

    team_id: int
    actor: str | None = None
    """Part of the name, or the whole id."""
    action: str | None = None
    """Its beginning: `key.` finds every change of a key."""
    object_kind: str | None = None
    object_id: str | None = None
    text: str | None = None
    """Part of any column."""
    since: Millis = 0
    until: Millis = LATEST[0]
    """Exclusive."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Narrowed:
    actor: bool
    action: bool
    object_kind: bool
    object_id: bool
    text: bool


def found_entries(tx: Tx, search: Search, *, before: tuple[Millis, str] = LATEST, count: int) -> Sequence[Entry]:
    """Return the next entries of the team before this position (at, id), newest first."""
    given = {name: getattr(search, name) for name in ("actor", "action", "object_kind", "object_id", "text")}
    params: dict[str, Any] = {
        "team_id": search.team_id,
        "since": search.since,
        "until": search.until,
        "before_at": before[0],
        "before_id": before[1],
        "count": count,
    }
    for name, value in given.items():
        if value is not None:
            params[name] = value if name.startswith("object_") else _pattern(value, is_beginning=name == "action")
    if search.actor is not None:
        params["actor_id"] = search.actor
    statement = _found(_Narrowed(**{name: value is not None for name, value in given.items()}))
    return [Entry(*row) for row in tx.all(statement, params)]


@functools.cache
def _found(narrowed: _Narrowed) -> Select[Any]:
    statement: Select[Any] = _of_team
    if narrowed.actor:
        statement = statement.where(_is_like(_e.actor_name, "actor") | (_e.actor_id == param("actor_id", Text())))
    if narrowed.action:
        statement = statement.where(_is_like(_e.action, "action"))
    if narrowed.object_kind:
        statement = statement.where(_e.object_kind == param("object_kind"))
    if narrowed.object_id:
        statement = statement.where(_e.object_id == param("object_id"))
    if narrowed.text:
        columns = (_e.actor_name, _e.action, _e.object_kind, _e.object_id, _e.before, _e.after, _e.address)
        statement = statement.where(or_(*(_is_like(column, "text") for column in columns)))
    return statement.order_by(_e.at.desc(), _e.id.desc()).limit(param("count", Integer))


def _is_like(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return func.lower(type_coerce(column, Text)).like(func.lower(param(name, Text())), escape="\\")


def _pattern(text: str, *, is_beginning: bool) -> str:
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    return f"{text}%" if is_beginning else f"%{text}%"
