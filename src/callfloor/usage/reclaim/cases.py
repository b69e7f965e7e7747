"""Seats that were noticed: opened, ended, found again."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from sqlalchemy import BigInteger, Integer, insert, select, update

from callfloor.access.audit import Actor, Change
from callfloor.access.changes import record_change
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, any_of, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.numbers import take_numbers
from callfloor.usage.reclaim.tables import CaseState, is_open, reclaim_case

_c = reclaim_case.c
_columns = (
    _c.id,
    _c.state,
    _c.seat_id,
    _c.account_id,
    _c.device_id,
    _c.name,
    _c.role,
    _c.inactive_since,
    _c.noticed_at,
    _c.due_at,
    _c.ended_at,
    _c.reason,
    _c.restored_at,
    _c.restored_seat_id,
)
_one = (_c.team_id == param("team_id"), _c.id == param("case_id"))
_by_id = select(*_columns).where(*_one)
_open = select(*_columns).where(_c.team_id == param("team_id"), is_open).order_by(_c.id)
_page = (
    select(*_columns)
    .where(_c.team_id == param("team_id"), any_of(_c.state, "states"), _c.id < param("below", BigInteger))
    .order_by(_c.id.desc())
    .limit(param("take", Integer))
)
_of_run = (
    select(*_columns)
    .where(_c.team_id == param("team_id"), _c.run_id == param("run_id"))
    .order_by(_c.id)
    .limit(param("take", Integer))
)
_add = insert(reclaim_case)
_end = (
    update(reclaim_case)
    .where(*_one, is_open)
    .values(
        state=param("new_state"), ended_at=param("now"), reason=param("because"), name=param("known"), role=param("had")
    )
)
_put_off = update(reclaim_case).where(*_one, is_open).values(due_at=param("later"))
_restore = (
    update(reclaim_case)
    .where(*_one, _c.state == CaseState.RECLAIMED.value)
    .values(state=CaseState.RESTORED.value, restored_at=param("now"), restored_seat_id=param("new_seat_id"))
    .returning(_c.id)
)


class CancelReason(enum.StrEnum):
    """Why a noticed seat was not reclaimed."""

    USED = "used"
    HOLDER_LEFT = "holder_left"
    PROTECTED = "protected"
    SWITCHED_OFF = "switched_off"


class ReclaimedSeatNotFound(DomainError):
    """No seat of the team was noticed under this id."""

    code = "reclaimed_seat_not_found"
    status = 404


@dataclasses.dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a seat: a person, or a device."""

    account_id: int | None
    device_id: int | None
    name: str
    role: Role


@dataclasses.dataclass(frozen=True, slots=True)
class Case:
    """A seat that was noticed, and what became of it."""

    id: int
    state: CaseState
    seat_id: int
    holder: Holder
    inactive_since: Millis
    noticed_at: Millis
    due_at: Millis
    ended_at: Millis | None = None
    reason: str | None = None
    restored_at: Millis | None = None
    restored_seat_id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Notice:
    """A seat that is to be noticed."""

    team_id: int
    run_id: int
    seat_id: int
    holder: Holder
    inactive_since: Millis
    due_at: Millis
    actor: Actor
    now: Millis

    def as_case(self, case_id: int = 0) -> Case:
        """Return the case it makes."""
        times = (self.inactive_since, self.now, self.due_at)
        return Case(case_id, CaseState.NOTICED, self.seat_id, self.holder, *times)


def open_case(tx: Tx, notice: Notice) -> Case:
    """Write down that the seat's holder is told; the team's row is locked."""
    holder = notice.holder
    case_id = take_numbers(tx, "reclaim_case")
    tx.run(
        _add,
        {
            "team_id": notice.team_id,
            "id": case_id,
            "state": CaseState.NOTICED.value,
            "seat_id": notice.seat_id,
            "account_id": holder.account_id,
            "device_id": holder.device_id,
            "name": holder.name,
            "role": holder.role.value,
            "inactive_since": notice.inactive_since,
            "run_id": notice.run_id,
            "noticed_at": notice.now,
            "due_at": notice.due_at,
        },
    )
    case = notice.as_case(case_id)
    tell(tx, "seat.reclaim_noticed", notice.team_id, case, actor=notice.actor, now=notice.now)
    return case


def cancel_case(tx: Tx, team_id: int, case: Case, reason: CancelReason, *, actor: Actor, now: Millis) -> None:
    """Take the notice back."""
    _close(tx, team_id, case, CaseState.CANCELED, now=now, reason=reason)
    tell(tx, "seat.reclaim_canceled", team_id, case, actor=actor, now=now, reason=reason.value)


def cancel_open_cases(tx: Tx, team_id: int, reason: CancelReason, *, actor: Actor, now: Millis) -> None:
    """Take back every notice of the team that is out; the team's row is locked."""
    for case in open_cases(tx, team_id):
        cancel_case(tx, team_id, case, reason, actor=actor, now=now)


def put_off_case(tx: Tx, team_id: int, case: Case, *, due_at: Millis) -> None:
    """Give the holder until then."""
    tx.run(_put_off, {"team_id": team_id, "case_id": case.id, "later": due_at})


def end_case(tx: Tx, team_id: int, case: Case, *, actor: Actor, now: Millis) -> None:
    """Write down that the seat was reclaimed."""
    _close(tx, team_id, case, CaseState.RECLAIMED, now=now)
    tell(tx, "seat.reclaimed", team_id, case, actor=actor, now=now)


def restore_case(tx: Tx, team_id: int, case: Case, *, seat_id: int, actor: Actor, now: Millis) -> bool:
    """Write down that the holder is back, on this seat; False when somebody else was first."""
    params = {"team_id": team_id, "case_id": case.id, "now": now, "new_seat_id": seat_id}
    if tx.one(_restore, params) is None:
        return False
    tell(tx, "seat.restored", team_id, case, actor=actor, now=now, restored_seat_id=seat_id)
    return True


def case_by_id(tx: Tx, team_id: int, case_id: int) -> Case:
    """Return the case.

    Raises:
        ReclaimedSeatNotFound: the team has none with this id.
    """
    row = tx.one(_by_id, {"team_id": team_id, "case_id": case_id})
    if row is None:
        raise ReclaimedSeatNotFound(f"no seat of this team was reclaimed under the id {case_id}")
    return _case(row)


def open_cases(tx: Tx, team_id: int) -> list[Case]:
    """Return every notice of the team that is out, oldest first."""
    return [_case(row) for row in tx.all(_open, {"team_id": team_id})]


def cases_below(tx: Tx, team_id: int, states: list[CaseState], *, below: int, take: int) -> list[Case]:
    """Return the newest cases in one of these states whose id is less than `below`."""
    params = {"team_id": team_id, "states": [state.value for state in states], "below": below, "take": take}
    return [_case(row) for row in tx.all(_page, params)]


def cases_of_run(tx: Tx, team_id: int, run_id: int, *, take: int) -> list[Case]:
    """Return the first seats that the run noticed."""
    return [_case(row) for row in tx.all(_of_run, {"team_id": team_id, "run_id": run_id, "take": take})]


def tell(tx: Tx, kind: str, team_id: int, case: Case, *, actor: Actor, now: Millis, **more: Any) -> None:
    """Note what became of the seat, and publish it."""
    about = {
        "case_id": case.id,
        "name": case.holder.name,
        "account_id": case.holder.account_id,
        "device_id": case.holder.device_id,
        "inactive_since": case.inactive_since,
        "due_at": case.due_at,
        **more,
    }
    record_change(tx, actor, Change(team_id, kind, "seat", str(case.seat_id), after=about), now=now)


def _close(
    tx: Tx, team_id: int, case: Case, state: CaseState, *, now: Millis, reason: CancelReason | None = None
) -> None:
    because = None if reason is None else reason.value
    key = {"team_id": team_id, "case_id": case.id}
    holder = {"known": case.holder.name, "had": case.holder.role.value}
    tx.run(_end, {**key, **holder, "new_state": state.value, "now": now, "because": because})


def _case(row: tuple[Any, ...]) -> Case:
    case_id, state, seat_id, account_id, device_id, name, role, *rest = row
    return Case(case_id, CaseState(state), seat_id, Holder(account_id, device_id, name, Role(role)), *rest)
