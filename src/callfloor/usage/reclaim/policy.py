"""What a team wants of reclaiming its seats: whether, after how many days, from whom not, and who is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from sqlalchemy import Integer, select, update

from callfloor.access.audit import Actor, Change
from callfloor.access.changes import record_change
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.errors import invalid
from callfloor.foundation.jobs import Daily
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import team_by_id, team_for_change
from callfloor.usage.reclaim.cases import CancelReason, cancel_open_cases
from callfloor.usage.reclaim.tables import reclaim_policy

INACTIVE_DAYS = range(1, 3651)
GRACE_DAYS = range(91)
HOURS = range(24)

_c = reclaim_policy.c
_of_team = select(
    _c.is_on,
    _c.inactive_days,
    _c.grace_days,
    _c.protected_roles,
    _c.tells_person,
    _c.tells_administrators,
    _c.hour,
    _c.next_run_at,
).where(_c.team_id == param("team_id"))
_fresh = upsert(reclaim_policy).values({column.name: param(column.name) for column in _c})
_put = _fresh.on_conflict_do_update(
    index_elements=[_c.team_id],
    set_={column.name: _fresh.excluded[column.name] for column in _c if not column.primary_key},
)
_due = (
    select(_c.team_id, _c.hour, _c.next_run_at)
    .where(_c.next_run_at <= param("now"))
    .order_by(_c.next_run_at)
    .limit(param("count", Integer))
)
_take = (
    update(reclaim_policy)
    .where(_c.team_id == param("team_id"), _c.next_run_at == param("seen"))
    .values(next_run_at=param("later"))
    .returning(_c.team_id)
)


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """What holds for a team; `hour` is in UTC."""

    is_on: bool
    inactive_days: int
    grace_days: int
    protected_roles: tuple[Role, ...]
    tells_person: bool
    tells_administrators: bool
    hour: int
    next_run_at: Millis | None = None

    @property
    def roles(self) -> list[str]:
        """Return the roles whose seats may be reclaimed."""
        return [role.value for role in Role if role not in self.protected_roles]


@dataclasses.dataclass(frozen=True, slots=True)
class SetPolicy:
    """What a team wants from now on; `check` may refuse by what holds in the transaction."""

    team_id: int
    policy: Policy
    actor: Actor
    now: Millis
    check: Callable[[Policy], None] = lambda _: None


def policy_of_team(tx: Tx, team_id: int) -> Policy:
    """Return what the team has set, else what it would begin with: off, sixty days, a week of grace.

    Raises:
        TeamNotFound: there is no such team.
    """
    row = tx.one(_of_team, {"team_id": team_id})
    if row is not None:
        is_on, inactive, grace, protected, person, administrators, hour, next_run_at = row
        roles = tuple(Role(role) for role in protected)
        return Policy(is_on, inactive, grace, roles, person, administrators, hour, next_run_at)
    is_email = team_by_id(tx, team_id).type is TeamType.EMAIL
    return Policy(
        is_on=False,
        inactive_days=60,
        grace_days=7,
        protected_roles=(Role.ADMIN,),
        tells_person=is_email,
        tells_administrators=not is_email,
        hour=6,
    )


def set_policy(tx: Tx, command: SetPolicy) -> Policy:
    """Set what the team wants; switched off, it takes back every notice that is out.

    Raises:
        TeamNotFound: there is no such team.
        InvalidInput: days or hour out of range, or people to be told of a team of machines.
    """
    wanted, team_id = command.policy, command.team_id
    _check(wanted, team_for_change(tx, team_id).type)
    before = policy_of_team(tx, team_id)
    command.check(before)
    next_run_at = Daily(wanted.hour, 0).next_after(command.now) if wanted.is_on else None
    if before.is_on and wanted.is_on and before.hour == wanted.hour:
        next_run_at = before.next_run_at  # what is due today stays due today
    after = dataclasses.replace(wanted, next_run_at=next_run_at)
    tx.run(_put, {"team_id": team_id, **_values(after), "next_run_at": next_run_at})
    if _values(before) != _values(after):
        kind = "seat_reclaim.changed"
        change = Change(team_id, kind, "team", str(team_id), before=_values(before), after=_values(after))
        record_change(tx, command.actor, change, now=command.now)
    if before.is_on and not wanted.is_on:
        cancel_open_cases(tx, team_id, CancelReason.SWITCHED_OFF, actor=command.actor, now=command.now)
    return after


def take_due_teams(tx: Tx, *, now: Millis, count: int) -> list[int]:
    """Return up to `count` teams whose hour has come, each once; missed days become one."""
    taken = []
    for team_id, hour, seen in tx.all(_due, {"now": now, "count": count}):
        later = Daily(hour, 0).next_after(now)
        if tx.one(_take, {"team_id": team_id, "seen": seen, "later": later}) is not None:
            taken.append(team_id)
    return taken


def _check(policy: Policy, kind: TeamType) -> None:
    for field, value, allowed in (
        ("inactive_days", policy.inactive_days, INACTIVE_DAYS),
        ("grace_days", policy.grace_days, GRACE_DAYS),
        ("hour", policy.hour, HOURS),
    ):
        if value not in allowed:
            raise invalid(field, f"must be a whole number from {allowed[0]} to {allowed[-1]}")
    if policy.tells_person and kind is TeamType.DEVICE:
        raise invalid("tells_person", "must be false: the seats of a device team are machines")


def _values(policy: Policy) -> dict[str, Any]:
    values = dataclasses.asdict(policy)
    del values["next_run_at"]
    return {**values, "protected_roles": [role.value for role in policy.protected_roles]}
