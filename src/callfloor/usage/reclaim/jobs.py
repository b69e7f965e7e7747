"""Jobs of seat reclaim: whose hour has come gets a run, and another until nothing is left to do."""

from __future__ import annotations

import functools

from callfloor.access.audit import SYSTEM
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.jobs import Enqueue, Every, JobKind, RunningJob, Schedule, enqueue
from callfloor.foundation.services import Services
from callfloor.usage.reclaim.policy import take_due_teams
from callfloor.usage.reclaim.runs import RunReclaim, SeatReclaimIsOff, run_reclaim

TEAMS_AT_ONCE = 200
_RECLAIM = "reclaim_seats"


def start_due_runs(tx: Tx, *, now: Millis) -> bool:
    """Enqueue a job for each team whose hour has come; returns whether there may be more."""
    due = take_due_teams(tx, now=now, count=TEAMS_AT_ONCE)
    for team_id in due:
        enqueue(tx, Enqueue(kind=_RECLAIM, args={}, team_id=team_id, now=now, unique_key=str(team_id)))
    return len(due) == TEAMS_AT_ONCE


def _start(running: RunningJob, services: Services) -> None:
    start = functools.partial(start_due_runs, now=running.now())
    while services.db.write_now(start):
        running.progress("starting")


def _reclaim(running: RunningJob, services: Services) -> None:
    team_id = running.team_id
    if team_id is None:
        raise ValueError("seats are reclaimed of a team")
    runs, has_more = 0, True
    while has_more:
        running.progress("runs", runs)
        command = RunReclaim(team_id, SYSTEM, running.now())
        try:
            has_more = services.db.write_now(functools.partial(run_reclaim, command=command)).has_more
        except SeatReclaimIsOff:
            return
        runs += 1


START_SEAT_RECLAIM: JobKind[Services] = JobKind("start_seat_reclaim", _start)
RECLAIM_SEATS: JobKind[Services] = JobKind(_RECLAIM, _reclaim)
SCHEDULE = Schedule("start_seat_reclaim", START_SEAT_RECLAIM.name, Every(300))
