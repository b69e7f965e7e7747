"""`callfloor reclaim …`: seats that nobody uses, from the command line."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.foundation.database import Tx
from callfloor.foundation.dry_run import try_now
from callfloor.usage.reclaim.policy import Policy, SetPolicy, policy_of_team, set_policy
from callfloor.usage.reclaim.runs import RunOutcome, RunReclaim, run_reclaim
from callfloor.usage.reclaim.undoing import RestoreSeat, restore_seat

app = typer.Typer(name="reclaim", help="Seats that nobody uses.", no_args_is_help=True)

TeamId = Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")]


@app.command("show")
def show(team: TeamId, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show what holds for a team."""
    with opened(data, database) as services:
        policy = services.db.read_now(functools.partial(policy_of_team, team_id=team))
        answer(_shown(team, policy), as_json=as_json)


@app.command("on")
def on(  # noqa: PLR0917  # one parameter an option
    team: TeamId,
    days: Annotated[int | None, typer.Option(help="A seat unused for so many days is noticed.")] = None,
    grace: Annotated[int | None, typer.Option(help="So many days later it is reclaimed.")] = None,
    hour: Annotated[int | None, typer.Option(help="When seats are looked at, in UTC.")] = None,
    protect: Annotated[list[Role] | None, typer.Option(help="A role that keeps its seats; once for each.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Switch it on for a team; what is left out stays as it is."""

    def wanted(known: Policy) -> Policy:
        return dataclasses.replace(
            known,
            is_on=True,
            inactive_days=known.inactive_days if days is None else days,
            grace_days=known.grace_days if grace is None else grace,
            hour=known.hour if hour is None else hour,
            protected_roles=known.protected_roles if protect is None else tuple(protect),
        )

    _change(team, wanted, data, database, as_json=as_json)


@app.command("off")
def off(team: TeamId, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Switch it off for a team, and take back the notices that are out."""
    _change(team, lambda known: dataclasses.replace(known, is_on=False), data, database, as_json=as_json)


@app.command("run")
def run(
    team: TeamId,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and change nothing.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Look at all seats of a team now."""
    with opened(data, database) as services:
        command = RunReclaim(team, OPERATOR, clock.now(), even_if_off=dry_run)
        verb = functools.partial(run_reclaim, command=command)
        outcome = try_now(services.db, verb) if dry_run else services.db.write_now(verb)
        answer({"team_id": team, "dry_run": dry_run, **_told(outcome)}, as_json=as_json)


@app.command("undo")
def undo(
    reclaimed: Annotated[int, typer.Argument(metavar="ID", help="The reclaimed seat's id in the list.")],
    team: TeamId,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give the holder of a reclaimed seat a free seat again."""
    with opened(data, database) as services:
        command = RestoreSeat(team, reclaimed, OPERATOR, clock.now())
        case = services.db.write_now(functools.partial(restore_seat, command=command))
        answer({"id": case.id, "name": case.holder.name, "seat_id": case.restored_seat_id}, as_json=as_json)


def _change(
    team_id: int, wanted: Callable[[Policy], Policy], data: Path | None, database: str | None, *, as_json: bool
) -> None:
    with opened(data, database) as services:
        now = clock.now()

        def change(tx: Tx) -> Policy:
            policy = wanted(policy_of_team(tx, team_id))
            return set_policy(tx, SetPolicy(team_id, policy, OPERATOR, now))

        answer(_shown(team_id, services.db.write_now(change)), as_json=as_json)


def _shown(team_id: int, policy: Policy) -> dict[str, object]:
    return {
        "team_id": team_id,
        "enabled": policy.is_on,
        "inactive_days": policy.inactive_days,
        "grace_days": policy.grace_days,
        "protected_roles": [role.value for role in policy.protected_roles],
        "tells_person": policy.tells_person,
        "tells_administrators": policy.tells_administrators,
        "hour": policy.hour,
        "next_run_at": iso_or_none(policy.next_run_at),
    }


def _told(outcome: RunOutcome) -> dict[str, object]:
    seats = [
        {
            "step": row.step,
            "seat_id": row.case.seat_id,
            "name": row.case.holder.name,
            "inactive_since": iso(row.case.inactive_since),
            "due_at": iso(row.case.due_at),
            "code": row.code,
        }
        for row in outcome.rows
    ]
    counts = {step: getattr(outcome.run, step) for step in ("noticed", "canceled", "reclaimed", "refused")}
    free = {"free_seats_before": outcome.free_seats_before, "free_seats_after": outcome.free_seats_after}
    return {**counts, **free, "has_more": outcome.has_more, "seats": seats}
