"""Put jobs into line, each team at its fair place, in the caller's transaction.

Start-time fair queuing: among equal priorities a job's `turn` is one more than that of its team's last job in line, and
never less than the head of the line. So the n-th jobs of all teams stand beside each other, a team that comes late
stands at the head and not behind another's backlog, and nobody pays later for having used idle workers. Both numbers
come from the ends of an index, whatever the length of the line, and no row is shared between writers: transactions that
add jobs of one team at the same moment may take the same turn, which costs the others at most that many places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, insert, select, update

from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs.attempts import DEFAULT_QUEUE
from callfloor.foundation.jobs.tables import JobState, job

USUAL_PRIORITY = 5
BACKGROUND_PRIORITY = 9
"""Runs when nothing else waits, and gives its place back, half done, to what comes: see `Worker`."""
NO_TEAM = 0
STAGE_LIMIT = 500

_c = job.c
_add = insert(job)
_of_line = (_c.queue == param("in_queue"), _c.priority == param("of_priority", Integer), _c.turn.is_not(None))
head_of_line = select(_c.turn).where(*_of_line).order_by(_c.turn).limit(1)
"""The lowest turn in line; parameters in_queue, of_priority."""
end_of_share = select(_c.turn).where(*_of_line, _c.share == param("of_share")).order_by(_c.turn.desc()).limit(1)
"""The highest turn of one share; parameters in_queue, of_priority, of_share."""
due = (
    select(_c.id, _c.queue, _c.priority, _c.share)
    .where(_c.turn.is_(None), _c.lease_until.is_(None), _c.finished_at.is_(None), _c.run_at <= param("until"))
    .order_by(_c.run_at)
    .limit(param("count", Integer))
    .with_for_update(skip_locked=True)
)
_keyed = (_c.kind == param("of_kind"), _c.unique_key == param("key"))
_unfinished = select(_c.id).where(*_keyed)
_not_taken = (
    select(_c.id, _c.queue, _c.share, _c.turn, _c.run_at, _c.priority)
    .where(*_keyed, _c.lease_until.is_(None))
    .with_for_update(skip_locked=True)
)
_hasten = (
    update(job)
    .where(_c.id == param("job_id"))
    .values(turn=param("new_turn"), run_at=param("new_run_at"), priority=param("new_priority", Integer))
)
_stand = update(job).where(_c.id == param("job_id")).values(turn=param("new_turn"))


@dataclasses.dataclass(frozen=True, slots=True)
class Enqueue:
    """One job to be done."""

    kind: str
    args: Mapping[str, Any]
    team_id: int | None
    now: Millis
    queue: str = DEFAULT_QUEUE
    """May be left out: a worker moves a job that it finds outside its kind's queue."""
    priority: int = USUAL_PRIORITY
    """0 to 9, lower runs first."""
    run_at: Millis | None = None
    """Not before this instant."""
    max_attempts: int | None = None
    """As the kind says, when left out."""
    unique_key: str | None = None
    """Only one unfinished job of the kind has it. Make it of ids: it is not kept apart by team."""
    id: str = dataclasses.field(default_factory=new_id)


def enqueue(tx: Tx, order: Enqueue) -> str:
    """Add the job.

    Returns:
        its id, or that of the unfinished job with the same unique key.
    """
    row = _row(order)
    if order.run_at is None or order.run_at <= order.now:
        row["turn"] = _next_turn(tx, order.queue, order.priority, row["share"])
    if order.unique_key is None:
        tx.run(_add, row)
        return order.id
    # DO UPDATE where DO NOTHING would do: it waits for, and returns, a row that another transaction has just added.
    added = tx.one(_add_unique, {f"new_{name}": value for name, value in row.items()})
    return order.id if added is None else str(added[0])


def enqueue_all(tx: Tx, orders: Sequence[Enqueue]) -> list[str]:
    """Add many jobs at the price of one; unique keys are not for this.

    Raises:
        ValueError: an order has a unique key.
    """
    rows = []
    turns = _Turns(tx)
    for order in orders:
        if order.unique_key is not None:
            raise ValueError("jobs with unique keys are enqueued one by one")
        row = _row(order)
        if order.run_at is None or order.run_at <= order.now:
            row["turn"] = turns.take(order.queue, order.priority, row["share"])
        rows.append(row)
    tx.run(_add, rows)
    return [order.id for order in orders]


def hasten(tx: Tx, kind: str, unique_key: str, *, run_at: Millis, priority: int) -> bool:
    """Let the unfinished job with this key wait until `run_at` at the longest, and be at least as urgent as this.

    It never waits for another transaction: one that takes or ends the job at this moment is left to it.

    Returns:
        whether there is such a job; it may be under way.
    """
    params = {"of_kind": kind, "key": unique_key}
    if tx.one(_unfinished, params) is None:
        return False
    row = tx.one(_not_taken, params)
    if row is not None:
        job_id, queue, share, turn, old_run_at, old_priority = row
        if turn is not None and priority < old_priority:
            turn = _next_turn(tx, queue, priority, share)
        sooner = {"new_run_at": min(run_at, old_run_at), "new_priority": min(priority, old_priority)}
        if sooner != {"new_run_at": old_run_at, "new_priority": old_priority}:
            tx.run(_hasten, {"job_id": job_id, "new_turn": turn, **sooner})
    return True


def stage_due(tx: Tx, *, now: Millis, limit: int = STAGE_LIMIT) -> int:
    """Put jobs whose time has come into line.

    Returns:
        how many; when it is `limit` there may be more.
    """
    rows = tx.all(due, {"until": now, "count": limit})
    turns = _Turns(tx)
    tx.run(_stand, [{"job_id": id_, "new_turn": turns.take(queue, prio, share)} for id_, queue, prio, share in rows])
    return len(rows)


def turn_at_head(tx: Tx, queue: str, priority: int) -> int:
    """Return a turn that is not behind anybody's: for a job that had already left the line."""
    head = tx.one(head_of_line, {"in_queue": queue, "of_priority": priority})
    return 0 if head is None or head[0] is None else head[0]


def _next_turn(tx: Tx, queue: str, priority: int, share: int) -> int:
    last = tx.one(end_of_share, {"in_queue": queue, "of_priority": priority, "of_share": share})
    after_own = 0 if last is None or last[0] is None else last[0] + 1
    return max(turn_at_head(tx, queue, priority), after_own)


class _Turns:
    """The turns of many jobs, looked up once for each share."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._next: dict[tuple[str, int, int], int] = {}

    def take(self, queue: str, priority: int, share: int) -> int:
        key = (queue, priority, share)
        turn = self._next[key] if key in self._next else _next_turn(self._tx, queue, priority, share)
        self._next[key] = turn + 1
        return turn


def _row(order: Enqueue) -> dict[str, Any]:
    return {
        "id": order.id,
        "team_id": order.team_id,
        "share": NO_TEAM if order.team_id is None else order.team_id,
        "kind": order.kind,
        "queue": order.queue,
        "args": order.args,
        "priority": order.priority,
        "state": JobState.AVAILABLE,
        "turn": None,
        "run_at": order.now if order.run_at is None else order.run_at,
        "attempt": 0,
        "max_attempts": order.max_attempts,
        "claim": 0,
        "cancel_requested": False,
        "unique_key": order.unique_key,
        "errors": [],
        "created_at": order.now,
    }


def _unique_insert(names: Iterable[str]) -> Any:
    statement = upsert(job).values({name: param(f"new_{name}") for name in names})
    return statement.on_conflict_do_update(
        index_elements=[_c.kind, _c.unique_key],
        index_where=_c.unique_key.is_not(None),
        set_={"unique_key": statement.excluded.unique_key},
    ).returning(_c.id)


_add_unique = _unique_insert(_row(Enqueue(kind="", args={}, team_id=None, now=0, id="")))
