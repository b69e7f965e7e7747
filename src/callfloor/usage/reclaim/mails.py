"""Mails about seats that nobody uses: to its person about one, to administrators about those of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from callfloor.access.tables import Role, account, membership
from callfloor.foundation.clock import Millis, as_datetime
from callfloor.foundation.database import Tx, param
from callfloor.foundation.mail import Action, Content, Mail, enqueue_mail, waiting_in_vain
from callfloor.foundation.services import Services
from callfloor.teams.teams import team_by_id
from callfloor.usage.reclaim.cases import Case, ReclaimedSeatNotFound, case_by_id, cases_of_run
from callfloor.usage.reclaim.tables import CaseState

SEAT_NOTICE_MAIL = "seat_reclaim_notice"
SEATS_NOTICE_MAIL = "seats_reclaim_notice"
NAMED_AT_MOST = 50

_administrators = (
    select(account.c.email)
    .join_from(membership, account, account.c.id == membership.c.account_id)
    .where(membership.c.team_id == param("team_id"), membership.c.role == Role.ADMIN.value)
    .order_by(account.c.id)
)


def enqueue_notices(
    tx: Tx,
    team_id: int,
    run_id: int,
    cases: Sequence[Case],
    *,
    tells_person: bool,
    tells_administrators: bool,
    now: Millis,
) -> None:
    """Enqueue the mails about seats that a run noticed."""
    if tells_person:
        for case in cases:
            if case.holder.account_id is not None:
                args = {"case_id": case.id}
                enqueue_mail(tx, Mail(case.holder.name, SEAT_NOTICE_MAIL, args, team_id, now, _key(team_id, case)))
    if tells_administrators and cases:
        for (email,) in tx.all(_administrators, {"team_id": team_id}):
            enqueue_mail(tx, Mail(email, SEATS_NOTICE_MAIL, {"run_id": run_id}, team_id, now))


def untold_cases(tx: Tx, team_id: int, cases: Sequence[Case]) -> frozenset[int]:
    """Return the ids of those of the cases whose person's mail could not be sent so far, and is tried again."""
    ids = {_key(team_id, case): case.id for case in cases if case.holder.account_id is not None}
    return frozenset(ids[key] for key in waiting_in_vain(tx, list(ids)))


def seat_notice_mail(services: Services, team_id: int | None, args: Mapping[str, Any]) -> Content | None:
    """Return the mail to the person, or None when the notice was taken back or carried out since."""
    if team_id is None:
        return None

    def read(tx: Tx) -> tuple[Case, str] | None:
        try:
            return case_by_id(tx, team_id, args["case_id"]), team_by_id(tx, team_id).name
        except ReclaimedSeatNotFound:
            return None

    found = services.db.read_now(read)
    if found is None or found[0].state is not CaseState.NOTICED:
        return None
    case, team_name = found
    return Content(
        subject=f"Your seat in {team_name} is about to be given back",
        heading=f"You have not used your seat in {team_name}",
        paragraphs=(
            f"Your seat was last used on {_day(case.inactive_since)}.",
            f"On {_day(case.due_at)} it is given back, and you leave the team {team_name}.",
            "To keep it, sign in, or let your agent run, before that day.",
        ),
        action=_sign_in(services),
        closing=f"This mail was sent to {case.holder.name}. An administrator of the team can give you a seat again.",
    )


def seats_notice_mail(services: Services, team_id: int | None, args: Mapping[str, Any]) -> Content | None:
    """Return the mail to an administrator, or None when none of the run's seats is due any more."""
    if team_id is None:
        return None

    def read(tx: Tx) -> tuple[list[Case], str]:
        return cases_of_run(tx, team_id, args["run_id"], take=1000), team_by_id(tx, team_id).name

    cases, team_name = services.db.read_now(read)
    due = [case for case in cases if case.state is CaseState.NOTICED]
    if not due:
        return None
    lines = [_line(case) for case in due[:NAMED_AT_MOST]]
    if len(due) > NAMED_AT_MOST:
        lines.append(f"and {len(due) - NAMED_AT_MOST} more")
    is_one = len(due) == 1
    seats = "1 seat" if is_one else f"{len(due)} seats"
    day = _day(min(case.due_at for case in due))
    is_one_day = all(_day(case.due_at) == day for case in due)
    when = f"on {day}" if is_one_day else f"from {day} on"
    what = (
        "it is given back, unless it is used before"
        if is_one
        else "they are given back, but those that are used before"
    )
    return Content(
        subject=f"{seats} of {team_name} will be free {when}",
        heading=f"Nobody uses {seats} of {team_name}",
        paragraphs=(
            f"{when[0].upper()}{when[1:]} {what}. You can undo {'it' if is_one else 'each'}.",
            *lines,
        ),
        action=_sign_in(services),
        closing=f"You get this mail because you are an administrator of {team_name}.",
    )


def _line(case: Case) -> str:
    return f"{case.holder.name}, last used on {_day(case.inactive_since)}, given back on {_day(case.due_at)}"


def _key(team_id: int, case: Case) -> str:
    return f"{SEAT_NOTICE_MAIL} {team_id} {case.id}"


def _sign_in(services: Services) -> Action | None:
    base = services.settings.public_url
    return None if base is None else Action("Open Callfloor", f"{base}/")


def _day(instant: Millis) -> str:
    return as_datetime(instant).strftime("%d %B %Y").lstrip("0")
