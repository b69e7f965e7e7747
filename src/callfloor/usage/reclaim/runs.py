"""One look at a team's seats: who is to be told, whose notice is taken back, whose seat is free again.

What a run does it does by the verbs that people use, under the lock of the team's row, on what it sees after it has the
lock: a machine that logs in at the same moment is seated before, and keeps its seat, or after, and takes a free one.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from sqlalchemy import Integer, func, insert, select

from callfloor.access.audit import Actor
from callfloor.access.memberships import LastAdministrator
from callfloor.access.tables import Role, membership
from callfloor.devices.blocking import ChangeDevice, unassign_device
from callfloor.devices.leases import lock_devices
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.teams.free_seats import free_seats
from callfloor.teams.people import UnassignSeat, unassign_seat
from callfloor.teams.teams import team_for_change
from callfloor.usage.reclaim.cases import (
    CancelReason,
    Case,
    Notice,
    cancel_case,
    end_case,
    open_case,
    open_cases,
    put_off_case,
)
from callfloor.usage.reclaim.mails import enqueue_notices, untold_cases
from callfloor.usage.reclaim.policy import Policy, policy_of_team
from callfloor.usage.reclaim.signals import HeldSeat, held_seats, seats_unused_since
from callfloor.usage.reclaim.tables import reclaim_run

AT_ONCE = 500
"""Seats that one run changes at most: it holds the lock of its team meanwhile."""

_c = reclaim_run.c
_add = insert(reclaim_run)
_page = (
    select(_c.id, _c.at, _c.started_by, _c.noticed, _c.canceled, _c.reclaimed, _c.refused)
    .where(_c.team_id == param("team_id"), _c.id < param("below", _c.id.type))
    .order_by(_c.id.desc())
    .limit(param("take", Integer))
)
_administrators = select(func.count()).where(
    membership.c.team_id == param("team_id"), membership.c.role == Role.ADMIN.value
)

Step = Literal["noticed", "canceled", "reclaimed", "refused"]


class SeatReclaimIsOff(DomainError):
    """The team has not switched it on."""

    code = "seat_reclaim_is_off"


@dataclasses.dataclass(frozen=True, slots=True)
class RunReclaim:
    """A look to be taken; what is only tried may be tried while it is off."""

    team_id: int
    actor: Actor
    now: Millis
    even_if_off: bool = False
    at_most: int = AT_ONCE


@dataclasses.dataclass(frozen=True, slots=True)
class SeatOutcome:
    """What became of one seat; `code` and `message` say why it was refused, or why its notice was taken back."""

    step: Step
    case: Case
    code: str | None = None
    message: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run as it is kept."""

    id: int
    at: Millis
    started_by: str
    noticed: int
    canceled: int
    reclaimed: int
    refused: int


@dataclasses.dataclass(frozen=True, slots=True)
class RunOutcome:
    """What the run did, seat by seat; `has_more` says that another run has to go on."""

    run: FinishedRun
    rows: tuple[SeatOutcome, ...]
    free_seats_before: int
    free_seats_after: int
    has_more: bool


def run_reclaim(tx: Tx, command: RunReclaim) -> RunOutcome:
    """Take back notices that have lost their reason, free seats whose grace is over, and notice those that are unused.

    Raises:
        TeamNotFound: there is no such team.
        SeatReclaimIsOff: the team has not switched it on.
    """
    team_for_change(tx, command.team_id)
    policy = policy_of_team(tx, command.team_id)
    if not (policy.is_on or command.even_if_off):
        raise SeatReclaimIsOff("seat reclaim is switched off for this team; switch it on, or make a dry run")
    before, run_id = free_seats(tx, command.team_id), take_numbers(tx, "reclaim_run")
    look = _Look(tx, command, policy, run_id)
    look.at_open_cases()
    look.at_unused_seats()
    enqueue_notices(
        tx,
        command.team_id,
        run_id,
        [row.case for row in look.rows if row.step == "noticed"],
        tells_person=policy.tells_person,
        tells_administrators=policy.tells_administrators,
        now=command.now,
    )
    run = _keep(tx, command, run_id, look.rows)
    return RunOutcome(run, tuple(look.rows), before, free_seats(tx, command.team_id), look.has_more)


def runs_below(tx: Tx, team_id: int, *, below: int, take: int) -> list[FinishedRun]:
    """Return the newest runs whose id is less than `below`."""
    return [FinishedRun(*row) for row in tx.all(_page, {"team_id": team_id, "below": below, "take": take})]


class _Look:
    """A run under way, in its transaction."""

    def __init__(self, tx: Tx, command: RunReclaim, policy: Policy, run_id: int) -> None:
        self._tx = tx
        self._command = command
        self._policy = policy
        self._run_id = run_id
        self._cutoff = command.now - policy.inactive_days * DAY
        self._left = command.at_most
        self.rows: list[SeatOutcome] = []
        self.has_more = False

    def at_open_cases(self) -> None:
        """Take notices back, and free the seats whose grace is over."""
        tx, team_id, now = self._tx, self._command.team_id, self._command.now
        cases = open_cases(tx, team_id)
        # Who is heard of at this moment was heard of before, or waits until this is decided.
        lock_devices(
            tx, team_id, [case.holder.device_id for case in cases if case.holder.device_id and case.due_at <= now]
        )
        held = held_seats(tx, team_id, [case.seat_id for case in cases])
        untold = untold_cases(tx, team_id, cases)
        for case in cases:
            reason = self._lost_reason(case, held.get(case.seat_id))
            if reason is None and case.id in untold:
                self._put_off(case)
                continue
            if reason is None and case.due_at > now:
                continue
            if not self._left:
                self.has_more = True
                return
            if reason is None:
                self._reclaim(dataclasses.replace(case, holder=held[case.seat_id].holder))
            else:
                cancel_case(tx, team_id, case, reason, actor=self._command.actor, now=now)
                self._note(SeatOutcome("canceled", case, reason.value))

    def at_unused_seats(self) -> None:
        """Notice the seats that nobody has used for long enough."""
        after: int | None = 0
        while after is not None and not self.has_more:
            unused, after = seats_unused_since(
                self._tx,
                self._command.team_id,
                self._cutoff,
                roles=self._policy.roles,
                after=after,
                take=self._command.at_most + 1,
            )
            for held in unused:
                if not self._left:
                    self.has_more = True
                    break
                self._notice(held)

    def _lost_reason(self, case: Case, held: HeldSeat | None) -> CancelReason | None:
        """Return why the seat is not to be reclaimed any more, or None."""
        is_same = held is not None and (held.holder.account_id, held.holder.device_id) == (
            case.holder.account_id,
            case.holder.device_id,
        )
        if held is None or not is_same or held.held_since > case.noticed_at:
            return CancelReason.HOLDER_LEFT
        if held.last_used_at > case.inactive_since or held.last_used_at > self._cutoff:
            return CancelReason.USED
        if held.holder.role in self._policy.protected_roles:
            return CancelReason.PROTECTED
        return None

    def _put_off(self, case: Case) -> None:
        """Give who could not be mailed yet the days of grace anew."""
        due_at = self._command.now + max(self._policy.grace_days, 1) * DAY
        put_off_case(self._tx, self._command.team_id, case, due_at=due_at)

    def _reclaim(self, case: Case) -> None:
        tx, command = self._tx, self._command
        try:
            if case.holder.device_id is None:
                unassign_seat(tx, UnassignSeat(command.team_id, case.seat_id, command.actor, command.now))
            else:
                change = ChangeDevice(command.team_id, case.holder.device_id, command.actor, command.now)
                unassign_device(tx, change)
        except DomainError as refusal:  # raised before anything was changed
            self._refuse(case, refusal)
            return
        end_case(tx, command.team_id, case, actor=command.actor, now=command.now)
        self._note(SeatOutcome("reclaimed", case))

    def _notice(self, held: HeldSeat) -> None:
        command, now = self._command, self._command.now
        if held.holder.account_id is None and held.holder.device_id is None:
            return  # a device that was just let in; its seat knows it in a moment
        notice = Notice(
            command.team_id,
            self._run_id,
            held.seat_id,
            held.holder,
            held.last_used_at,
            due_at=now + self._policy.grace_days * DAY,
            actor=command.actor,
            now=now,
        )
        if held.holder.role is Role.ADMIN and self._is_last_administrator():
            self._refuse(notice.as_case(), LastAdministrator("the team's last administrator stays"))
        else:
            self._note(SeatOutcome("noticed", open_case(self._tx, notice)))

    def _is_last_administrator(self) -> bool:
        row = self._tx.one(_administrators, {"team_id": self._command.team_id})
        return row is None or row[0] < 2

    def _refuse(self, case: Case, refusal: DomainError) -> None:
        self.rows.append(SeatOutcome("refused", case, refusal.code, refusal.message))

    def _note(self, row: SeatOutcome) -> None:
        self.rows.append(row)
        self._left -= 1


def _keep(tx: Tx, command: RunReclaim, run_id: int, rows: list[SeatOutcome]) -> FinishedRun:
    steps = [row.step for row in rows]
    run = FinishedRun(
        run_id,
        command.now,
        command.actor.name,
        noticed=steps.count("noticed"),
        canceled=steps.count("canceled"),
        reclaimed=steps.count("reclaimed"),
        refused=steps.count("refused"),
    )
    tx.run(_add, {"team_id": command.team_id, **dataclasses.asdict(run)})
    return run
