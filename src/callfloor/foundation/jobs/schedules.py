"""Jobs that come by the clock: one for each due time, whichever worker is first; missed times become one."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from callfloor.foundation.clock import Millis, as_datetime, from_datetime
from callfloor.foundation.database import Tx, any_of, param, upsert
from callfloor.foundation.jobs.queueing import USUAL_PRIORITY, Enqueue, enqueue
from callfloor.foundation.jobs.tables import job_schedule

_c = job_schedule.c
_add = upsert(job_schedule).values(name=param("called"), rule=param("by_rule"), next_at=param("due_at"))
# A schedule whose rule is unchanged keeps its due time: a restart neither skips nor repeats one.
_keep = _add.on_conflict_do_update(
    index_elements=[_c.name],
    set_={"rule": _add.excluded.rule, "next_at": _add.excluded.next_at},
    where=_c.rule != _add.excluded.rule,
)
_due = select(_c.name, _c.next_at).where(any_of(_c.name, "names"), _c.next_at <= param("until"))
_take = (
    update(job_schedule)
    .where(_c.name == param("called"), _c.next_at == param("seen"))
    .values(next_at=param("due_at"), last_due_at=param("seen_at"), last_job_id=param("job_id"))
    .returning(_c.name)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds, counted from 1970: the same instants whoever computes them."""

    seconds: int

    def next_after(self, instant: Millis) -> Millis:
        """Return the first due time after the instant."""
        period = self.seconds * 1000
        return (instant // period + 1) * period


@dataclasses.dataclass(frozen=True, slots=True)
class Daily:
    """Once a day at a time of the zone; a time that the clocks jump over comes as much later as they jump."""

    hour: int
    minute: int
    zone: str = "UTC"

    def next_after(self, instant: Millis) -> Millis:
        """Return the first due time after the instant."""
        zone = ZoneInfo(self.zone)
        day = as_datetime(instant).astimezone(zone).date()
        time = datetime.time(self.hour, self.minute, tzinfo=zone)
        # Two days suffice but for a zone that leaves one out.
        days = (day + datetime.timedelta(days=n) for n in range(4))
        dues = (from_datetime(datetime.datetime.combine(each, time)) for each in days)
        return next(due for due in dues if due > instant)


@dataclasses.dataclass(frozen=True, slots=True)
class Schedule:
    """A job that is due again and again."""

    name: str
    kind: str
    rule: Every | Daily
    args: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """The due time is added as `due_at`."""
    priority: int = USUAL_PRIORITY


def keep_schedules(tx: Tx, schedules: Iterable[Schedule], *, now: Millis) -> None:
    """Write down when each is due next, unless that is written already."""
    for schedule in schedules:
        due_at = schedule.rule.next_after(now)
        tx.run(_keep, {"called": schedule.name, "by_rule": repr(schedule.rule), "due_at": due_at})


def due_schedules(tx: Tx, schedules: Sequence[Schedule], *, now: Millis) -> list[tuple[Schedule, Millis]]:
    """Return those whose time has come, each with its due time."""
    known = {schedule.name: schedule for schedule in schedules}
    return [(known[name], seen) for name, seen in tx.all(_due, {"names": list(known), "until": now})]


def enqueue_due(tx: Tx, schedule: Schedule, due_at: Millis, *, now: Millis) -> str | None:
    """Enqueue the job of this due time.

    Returns:
        the job's id, or None when another worker was first.
    """
    args = {**schedule.args, "due_at": due_at}
    order = Enqueue(kind=schedule.kind, args=args, team_id=None, now=now, priority=schedule.priority)
    params = {
        "called": schedule.name,
        "seen": due_at,
        "due_at": schedule.rule.next_after(now),
        "seen_at": due_at,
        "job_id": order.id,
    }
    return None if tx.one(_take, params) is None else enqueue(tx, order)
