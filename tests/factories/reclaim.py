"""Teams whose unused seats are given back, by the product's own verbs."""

from __future__ import annotations

import dataclasses
import functools

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.dry_run import try_now
from callfloor.usage.reclaim.cases import Case, open_cases
from callfloor.usage.reclaim.policy import Policy, SetPolicy, policy_of_team, set_policy
from callfloor.usage.reclaim.runs import RunOutcome, RunReclaim, run_reclaim
from callfloor.usage.reclaim.undoing import RestoreSeat, restore_seat

DAY = 86_400_000
INACTIVE_DAYS, GRACE_DAYS = 30, 7


def switch_on(
    db: Database, team_id: int, *, now: int, protected: tuple[Role, ...] = (Role.ADMIN,), **more: int
) -> Policy:
    """Switch reclaiming on: thirty days, a week of grace."""

    def policy() -> Policy:
        known = db.read_now(lambda tx: policy_of_team(tx, team_id))
        plain = {"inactive_days": INACTIVE_DAYS, "grace_days": GRACE_DAYS, **more}
        return dataclasses.replace(known, is_on=True, protected_roles=protected, **plain)  # type: ignore[arg-type]  # whole numbers all

    return set_to(db, team_id, policy(), now=now)


def set_to(db: Database, team_id: int, policy: Policy, *, now: int) -> Policy:
    """Set the policy."""
    return db.write_now(functools.partial(set_policy, command=SetPolicy(team_id, policy, OPERATOR, now)))


def run(db: Database, team_id: int, *, now: int, at_most: int = 500) -> RunOutcome:
    """Look at all seats."""
    return db.write_now(functools.partial(run_reclaim, command=RunReclaim(team_id, OPERATOR, now, at_most=at_most)))


def try_run(db: Database, team_id: int, *, now: int) -> RunOutcome:
    """Look at all seats, and keep nothing of it."""
    return try_now(db, functools.partial(run_reclaim, command=RunReclaim(team_id, OPERATOR, now, even_if_off=True)))


def steps(outcome: RunOutcome) -> list[tuple[str, str]]:
    """Return what became of whom, sorted."""
    return sorted((row.step, row.case.holder.name) for row in outcome.rows)


def notices(db: Database, team_id: int) -> list[Case]:
    """Return the notices that are out."""
    return db.read_now(lambda tx: open_cases(tx, team_id))


def restore(db: Database, team_id: int, case_id: int, *, now: int, acting: int | None = None) -> Case:
    """Undo."""
    return db.write_now(functools.partial(restore_seat, command=RestoreSeat(team_id, case_id, OPERATOR, now, acting)))
