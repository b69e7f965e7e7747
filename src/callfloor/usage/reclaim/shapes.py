"""What `/api/v2/seat-reclaim` takes and tells."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from callfloor.access.tables import Role
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.web import Shape
from callfloor.usage.reclaim.cases import Case
from callfloor.usage.reclaim.policy import GRACE_DAYS, HOURS, INACTIVE_DAYS, Policy
from callfloor.usage.reclaim.runs import FinishedRun, RunOutcome, SeatOutcome, Step

RoleName = Literal["admin", "configurator", "analytics", "user"]


class ReclaimPolicy(Shape):
    """A seat that was not used for `inactive_days` is noticed, and reclaimed `grace_days` later; `hour` is in UTC."""

    enabled: bool
    inactive_days: int = Field(ge=INACTIVE_DAYS[0], le=INACTIVE_DAYS[-1])
    grace_days: int = Field(ge=GRACE_DAYS[0], le=GRACE_DAYS[-1])
    protected_roles: Annotated[list[RoleName], Field(max_length=len(Role))]
    tells_person: bool
    tells_administrators: bool
    hour: int = Field(ge=HOURS[0], le=HOURS[-1])


class ShownReclaimPolicy(ReclaimPolicy):
    """What holds for the team, and when seats are looked at next."""

    next_run_at: str | None


class NewReclaimRun(Shape):
    """A look at all seats; a dry run tells what it would do, and changes nothing."""

    dry_run: bool = False


class ReclaimSeat(Shape):
    """A seat that was noticed, and what became of it; `reason` says why a notice was taken back."""

    id: int
    state: Literal["noticed", "canceled", "reclaimed", "restored"]
    seat_id: int
    person_id: int | None
    device_id: int | None
    name: str
    role: Role
    inactive_since: str
    noticed_at: str
    due_at: str
    ended_at: str | None
    reason: str | None
    restored_at: str | None
    restored_seat_id: int | None


class ReclaimSeats(Shape):
    """A page of seats, newest first."""

    data: list[ReclaimSeat]
    next_cursor: str | None


class ReclaimRun(Shape):
    """How many seats a run changed."""

    id: int
    at: str
    started_by: str
    noticed: int
    canceled: int
    reclaimed: int
    refused: int


class ReclaimRuns(Shape):
    """A page of runs, newest first."""

    data: list[ReclaimRun]
    next_cursor: str | None


class ReclaimRow(Shape):
    """What became of one seat; `code` and `message` say why it was refused, or why a notice was taken back."""

    step: Step
    seat_id: int
    person_id: int | None
    device_id: int | None
    name: str
    role: Role
    inactive_since: str
    due_at: str
    code: str | None
    message: str | None


class ReclaimOutcome(Shape):
    """What a run did, or after a dry run would have done; with `has_more` another run has to go on."""

    dry_run: bool
    run_id: int | None
    noticed: int
    canceled: int
    reclaimed: int
    refused: int
    free_seats_before: int
    free_seats_after: int
    has_more: bool
    data: list[ReclaimRow]


def shown_policy(policy: Policy) -> ShownReclaimPolicy:
    """Return what is told of a policy."""
    return ShownReclaimPolicy(
        enabled=policy.is_on,
        inactive_days=policy.inactive_days,
        grace_days=policy.grace_days,
        protected_roles=[role.value for role in policy.protected_roles],
        tells_person=policy.tells_person,
        tells_administrators=policy.tells_administrators,
        hour=policy.hour,
        next_run_at=iso_or_none(policy.next_run_at),
    )


def shown_outcome(outcome: RunOutcome, *, dry_run: bool) -> ReclaimOutcome:
    """Return what is told of a run that was just made, or tried."""
    run = outcome.run
    return ReclaimOutcome(
        dry_run=dry_run,
        run_id=None if dry_run else run.id,
        noticed=run.noticed,
        canceled=run.canceled,
        reclaimed=run.reclaimed,
        refused=run.refused,
        free_seats_before=outcome.free_seats_before,
        free_seats_after=outcome.free_seats_after,
        has_more=outcome.has_more,
        data=[_row(row) for row in outcome.rows],
    )


def _row(row: SeatOutcome) -> ReclaimRow:
    case = row.case
    return ReclaimRow(
        step=row.step,
        seat_id=case.seat_id,
        person_id=case.holder.account_id,
        device_id=case.holder.device_id,
        name=case.holder.name,
        role=case.holder.role,
        inactive_since=iso(case.inactive_since),
        due_at=iso(case.due_at),
        code=row.code,
        message=row.message,
    )


def shown_run(run: FinishedRun) -> ReclaimRun:
    """Return what is told of a run of the past."""
    return ReclaimRun(
        id=run.id,
        at=iso(run.at),
        started_by=run.started_by,
        noticed=run.noticed,
        canceled=run.canceled,
        reclaimed=run.reclaimed,
        refused=run.refused,
    )


def shown_seat(case: Case) -> ReclaimSeat:
    """Return what is told of a seat that was noticed."""
    return ReclaimSeat(
        id=case.id,
        state=case.state.value,
        seat_id=case.seat_id,
        person_id=case.holder.account_id,
        device_id=case.holder.device_id,
        name=case.holder.name,
        role=case.holder.role,
        inactive_since=iso(case.inactive_since),
        noticed_at=iso(case.noticed_at),
        due_at=iso(case.due_at),
        ended_at=iso_or_none(case.ended_at),
        reason=case.reason,
        restored_at=iso_or_none(case.restored_at),
        restored_seat_id=case.restored_seat_id,
    )
