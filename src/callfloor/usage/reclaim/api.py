"""`/api/v2/seat-reclaim`: the policy of a team, its runs, the seats that were noticed and reclaimed, and undoing."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from callfloor.access.guard import Caller, needs
from callfloor.access.scopes import Scope
from callfloor.access.tables import Role
from callfloor.foundation.dry_run import write_or_try
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.web import Cursor, Facts, IfMatch, Limit, check_match, cursor_after, entity_tag, position_of
from callfloor.usage.reclaim.cases import cases_below
from callfloor.usage.reclaim.policy import (
    Policy,
    SetPolicy,
    policy_of_team,
    set_policy,
)
from callfloor.usage.reclaim.runs import RunReclaim, run_reclaim, runs_below
from callfloor.usage.reclaim.shapes import (
    NewReclaimRun,
    ReclaimOutcome,
    ReclaimPolicy,
    ReclaimRuns,
    ReclaimSeat,
    ReclaimSeats,
    ShownReclaimPolicy,
    shown_outcome,
    shown_policy,
    shown_run,
    shown_seat,
)
from callfloor.usage.reclaim.tables import CaseState
from callfloor.usage.reclaim.undoing import RestoreSeat, restore_seat

router = APIRouter(prefix="/seat-reclaim", tags=["Seat reclaim"])

_NEWEST = ID_LIMIT + 1
"""Above every id: a list begins below it."""
Id = Annotated[int, Path(ge=1, le=ID_LIMIT)]
Reader = Annotated[Caller, needs(Scope.USAGE_READ)]
Writer = Annotated[Caller, needs(Scope.USAGE_WRITE)]


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
    return shown_outcome(await write_or_try(facts.services.db, run, dry_run=dry_run), dry_run=dry_run)


@router.get("/runs", operation_id="list_reclaim_runs")
async def list_runs(facts: Facts, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> ReclaimRuns:
    """List the runs, newest first."""
    below = (position_of(cursor, int) or (_NEWEST,))[0]
    read = functools.partial(runs_below, team_id=caller.team_id, below=below, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ReclaimRuns(data=[shown_run(one) for one in found[:limit]], next_cursor=more)


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
    return shown_seat(await facts.services.db.write(functools.partial(restore_seat, command=command)))


async def _seats(facts: Facts, caller: Caller, states: list[CaseState], limit: int, cursor: str | None) -> ReclaimSeats:
    below = (position_of(cursor, int) or (_NEWEST,))[0]
    read = functools.partial(cases_below, team_id=caller.team_id, states=states, below=below, take=limit + 1)
    found = await facts.services.db.report(read)
    more = cursor_after(found[limit - 1].id) if len(found) > limit else None
    return ReclaimSeats(data=[shown_seat(one) for one in found[:limit]], next_cursor=more)


def _tagged(policy: Policy, response: Response) -> ShownReclaimPolicy:
    response.headers["ETag"] = entity_tag(_tagged_part(policy))
    return shown_policy(policy)


def _tagged_part(policy: Policy) -> dict[str, object]:
    # Each run moves next_run_at: with it in the tag, an If-Match of yesterday would not hold.
    return shown_policy(policy).model_dump(mode="json", exclude={"next_run_at"})
