"""Answers kept by Idempotency-Key, in the transaction they belong to: a repeat gets the first answer."""

from __future__ import annotations

import dataclasses
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Table,
    Text,
    TypedColumns,
    delete,
    select,
    tuple_,
    type_coerce,
    update,
)

from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Instant, Json, Tx, metadata, param, upsert
from callfloor.foundation.errors import DomainError

KEPT_FOR: Millis = DAY


class IdempotentAnswerColumns(TypedColumns):
    """One answer by team, operation and the client's key."""

    team_id: Column[int] = Column(BigInteger, primary_key=True)
    operation: Column[str] = Column(Text, primary_key=True)
    key: Column[str] = Column(Text, primary_key=True)
    fingerprint: Column[str] = Column(Text)
    answer: Column[Any | None] = Column(Json, nullable=True)
    created_at: Column[int] = Column(Instant)


idempotent_answer = Table("idempotent_answer", metadata, IdempotentAnswerColumns, Index(None, "created_at"))
_t = idempotent_answer.c
_same_key = (_t.team_id == param("team_id"), _t.operation == param("operation"), _t.key == param("key"))

_claim = (
    upsert(idempotent_answer)
    .values(
        team_id=param("team_id"),
        operation=param("operation"),
        key=param("key"),
        fingerprint=param("fingerprint"),
        created_at=param("created_at"),
    )
    .on_conflict_do_nothing()
    .returning(_t.key)
)
_kept = select(_t.fingerprint, _t.answer).where(*_same_key)
_keep = update(idempotent_answer).where(*_same_key).values(answer=param("answer", Json()))
_forget = delete(idempotent_answer).where(*_same_key, _t.created_at < param("before"))
_old = (
    select(_t.team_id, _t.operation, _t.key)
    .where(_t.created_at < param("before"))
    .order_by(_t.created_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
    .cte("old")
)
_of_old = tuple_(_t.team_id, _t.operation, _t.key).in_(select(_old.c.team_id, _old.c.operation, _old.c.key))
_forget_old = delete(idempotent_answer).where(_of_old).returning(_t.key)

_about = (
    delete(idempotent_answer)
    .where(_t.team_id == param("of_team"), type_coerce(_t.answer, Text).like(param("pattern", Text())))
    .returning(_t.key)
)


class IdempotencyKeyReused(DomainError):
    """The key came before with another request."""

    code = "idempotency_key_reused"
    status = 422


@dataclasses.dataclass(frozen=True, slots=True)
class Repeatable:
    """A request that may come twice: `fingerprint` says whether it is the same one."""

    team_id: int
    operation: str
    key: str
    fingerprint: str
    now: Millis

    @property
    def _id(self) -> dict[str, Any]:
        return {"team_id": self.team_id, "operation": self.operation, "key": self.key}

    def first_answer(self, tx: Tx) -> Any | None:
        """Return what the first request with this key was answered, or None when this is the first.

        Two at once: the second waits for the first's commit, then gets its answer.

        Raises:
            IdempotencyKeyReused: the first was another request.
        """
        tx.run(_forget, {**self._id, "before": self.now - KEPT_FOR})
        if tx.one(_claim, {**self._id, "fingerprint": self.fingerprint, "created_at": self.now}):
            return None
        row = tx.one(_kept, self._id)
        if row is None or row[0] != self.fingerprint:
            raise IdempotencyKeyReused("this Idempotency-Key was used with another request in the last 24 hours")
        return row[1]

    def remember(self, tx: Tx, answer: Any) -> None:
        """Keep the answer for repeats of the next 24 hours."""
        tx.run(_keep, {**self._id, "answer": answer})


def forget_answers(tx: Tx, *, now: Millis, count: int) -> int:
    """Forget up to `count` answers that no repeat is given any more; return how many."""
    return len(tx.all(_forget_old, {"before": now - KEPT_FOR, "count": count}))


def forget_answers_about(tx: Tx, team_id: int, subject: str) -> int:
    """Forget the team's answers that name a subject, by its id; return how many. A repeat is done anew then."""
    return len(tx.all(_about, {"of_team": team_id, "pattern": f"%{subject}%"}))
