"""`/api/v2/seat-reclaim`: the policy of a team, its runs, the seats that were noticed and reclaimed, and undoing."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.tables import Role
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.web import Facts, Shape, check_match, cursor_after, entity_tag, position_of
from callfloor.usage.reclaim.cases import Case, cases_below
from callfloor.usage.reclaim.policy import (
    GRACE_DAYS,
    HOURS,
    INACTIVE_DAYS,
    Policy,
    SetPolicy,
    policy_of_team,
    set_policy,
)
from callfloor.usage.reclaim.runs import FinishedRun, RunOutcome, RunReclaim, SeatOutcome, Step, run_reclaim, runs_below
from callfloor.usage.reclaim.tables import CaseState
from callfloor.usage.reclaim.undoing import RestoreSeat, restore_seat

router = APIRouter(prefix="/seat-reclaim", tags=["Seat reclaim"])

_NEWEST = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=_NEWEST)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=1000)]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=1000)]
Reader = Annotated[Caller, needs(Scope.USAGE_READ)]
Writer = Annotated[Caller, needs(Scope.USAGE_WRITE)]
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


@router.get("", operation_id="show_reclaim_policy")
async def show_policy(facts: Facts, caller: Reader, response: Response) -> ShownReclaimPolicy:
    """Show what holds for the team."""
    policy = await facts.services.db.report(functools.partial(policy_of_team, team_id=caller.team_id))
    return _tagged(policy, response)


@router.put("", operation_id="set_reclaim_policy")
async def put_policy(
    body: ReclaimPolicy, facts: Facts, caller: Writer, response: Response, if_match: IfMatch = None
) -> ShownReclaimPolicy:
    """Set what holds for the team; switched off, notices that are out are taken back."""
    wanted = Policy(
        is_on=body.enabled,
        inactive_days=body.inactive_days,
        grace_days=body.grace_days,
        protected_roles=tuple(role for role in Role if role.value in body.protected_roles),
        tells_person=body.tells_person,
        tells_administrators=body.tells_administrators,
        hour=body.hour,
    )

    def check(known: Policy) -> None:
        check_match(if_match, _tagged_part(known))

    command = SetPolicy(caller.team_id, wanted, caller.actor(facts), facts.now, check)
    return _tagged(await facts.services.db.write(functools.partial(set_policy, command=command)), response)


@router.post("/runs", operation_id="run_reclaim")
async def post_run(facts: Facts, caller: Writer, body: NewReclaimRun | None = None) -> ReclaimOutcome:
    """Look at all seats now: notice those nobody uses, reclaim those whose grace is over."""
    dry_run = body is not None and body.dry_run
    command = RunReclaim(caller.team_id, caller.actor(facts), facts.now, even_if_off=dry_run)
    run = functools.partial(run_reclaim, command=command)
    return _outcome(await write_or_try(facts.services.db, run, dry_run=dry_run), dry_run=dry_run)


@router.get("/runs", operation_id="list_reclaim_runs")
async def list_runs(facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> ReclaimRuns:
    """List the runs, newest first."""
    below = (position_of(cursor, int) or (_NEWEST,))[0]
    read = functools.partial(runs_below, team_id=caller.team_id, below=below, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ReclaimRuns(data=[_run(one) for one in found[:limit]], next_cursor=more)


@router.get("/notices", operation_id="list_reclaim_notices")
async def list_notices(facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> ReclaimSeats:
    """List the seats whose holders are told, and that were not used since."""
    return await _seats(facts, caller, [CaseState.NOTICED], limit, cursor)


@router.get("/reclaimed", operation_id="list_reclaimed_seats")
async def list_reclaimed(facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> ReclaimSeats:
    """List the seats that were reclaimed, those that were restored among them."""
    return await _seats(facts, caller, [CaseState.RECLAIMED, CaseState.RESTORED], limit, cursor)


@router.post("/reclaimed/{reclaimed_id}/undo", operation_id="undo_reclaim")
async def undo(reclaimed_id: Id, facts: Facts, caller: Writer) -> ReclaimSeat:
    """Give the holder a free seat again; 409 says why that cannot be."""
    command = RestoreSeat(caller.team_id, reclaimed_id, caller.actor(facts), facts.now, caller.account_id)
    return _seat(await facts.services.db.write(functools.partial(restore_seat, command=command)))


async def _seats(facts: Facts, caller: Caller, states: list[CaseState], limit: int, cursor: str | None) -> ReclaimSeats:
    below = (position_of(cursor, int) or (_NEWEST,))[0]
    read = functools.partial(cases_below, team_id=caller.team_id, states=states, below=below, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ReclaimSeats(data=[_seat(one) for one in found[:limit]], next_cursor=more)


def _tagged(policy: Policy, response: Response) -> ShownReclaimPolicy:
    response.headers["ETag"] = entity_tag(_tagged_part(policy))
    return _shown(policy)


def _tagged_part(policy: Policy) -> dict[str, object]:
    # Each run moves next_run_at: with it in the tag, an If-Match of yesterday would not hold.
    return _shown(policy).model_dump(mode="json", exclude={"next_run_at"})


def _shown(policy: Policy) -> ShownReclaimPolicy:
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


def _outcome(outcome: RunOutcome, *, dry_run: bool) -> ReclaimOutcome:
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


def _run(run: FinishedRun) -> ReclaimRun:
    return ReclaimRun(
        id=run.id,
        at=iso(run.at),
        started_by=run.started_by,
        noticed=run.noticed,
        canceled=run.canceled,
        reclaimed=run.reclaimed,
        refused=run.refused,
    )


def _seat(case: Case) -> ReclaimSeat:
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
