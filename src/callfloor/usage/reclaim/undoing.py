"""A reclaimed seat undone: the person is back on a free seat, the machine has one for its return."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select

from callfloor.access.accounts import NewMember
from callfloor.access.audit import Actor
from callfloor.access.memberships import check_is_administrator
from callfloor.access.tables import Role, account
from callfloor.devices.blocking import ChangeDevice
from callfloor.devices.reseating import reseat_device
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx, param
from callfloor.foundation.errors import DomainError
from callfloor.teams.people import add_person
from callfloor.teams.teams import team_for_change
from callfloor.usage.reclaim.cases import Case, ReclaimedSeatNotFound, case_by_id, restore_case
from callfloor.usage.reclaim.tables import CaseState

_email = select(account.c.email).where(account.c.id == param("account_id"))


class SeatNotReclaimed(DomainError):
    """It was noticed, and not reclaimed, or the notice was taken back."""

    code = "seat_not_reclaimed"


class SeatAlreadyRestored(DomainError):
    """It was undone before."""

    code = "seat_already_restored"


@dataclasses.dataclass(frozen=True, slots=True)
class RestoreSeat:
    """A reclaimed seat that is to be undone."""

    team_id: int
    case_id: int
    actor: Actor
    now: Millis
    acting_account_id: int | None = None
    """The person behind the actor; None for the operator."""


def restore_seat(tx: Tx, command: RestoreSeat) -> Case:
    """Give the holder a free seat again; agents of a person sign in anew.

    Raises:
        ReclaimedSeatNotFound: the team has none with this id.
        SeatNotReclaimed, SeatAlreadyRestored: see there.
        AlreadyMember, DeviceHasSeat: the holder came back by another way.
        NoEmptySeat: none is free.
        AdministratorNeeded: only an administrator lets an administrator back in.
        DeviceBlocked: the machine was shut out since.
    """
    team_for_change(tx, command.team_id)
    case = case_by_id(tx, command.team_id, command.case_id)
    if case.state is CaseState.RESTORED:
        raise SeatAlreadyRestored(f"{case.holder.name} was given a seat again already")
    if case.state is not CaseState.RECLAIMED:
        raise SeatNotReclaimed(f"the seat of {case.holder.name} was not reclaimed")
    seat_id = _seat_again(tx, case, command)
    restore_case(tx, command.team_id, case, seat_id=seat_id, actor=command.actor, now=command.now)
    return case_by_id(tx, command.team_id, case.id)


def _seat_again(tx: Tx, case: Case, command: RestoreSeat) -> int:
    holder = case.holder
    if holder.device_id is not None:
        change = ChangeDevice(command.team_id, holder.device_id, command.actor, command.now)
        seat_id = reseat_device(tx, change).seat_id
    else:
        if holder.role is Role.ADMIN:
            check_is_administrator(tx, command.team_id, command.acting_account_id)
        row = tx.one(_email, {"account_id": holder.account_id})
        if row is None:
            raise ReclaimedSeatNotFound(f"the account of {holder.name} is gone")
        member = NewMember(command.team_id, row[0], holder.role, command.now)
        seat_id = add_person(tx, member, command.actor).seat_id
    if seat_id is None:
        raise LookupError("a holder without a seat")
    return seat_id
