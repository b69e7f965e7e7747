"""People of a team: an account, a role, and in an email team a seat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from callfloor.access import audit
from callfloor.access.accounts import NewMember, join_team
from callfloor.access.changes import record_change
from callfloor.access.memberships import (
    Member,
    change_member_role,
    check_is_administrator,
    end_membership,
    member_by_id,
)
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import DomainError
from callfloor.teams.device_seats import NotPermittedToChangeSeatStatus, SeatIsEmpty
from callfloor.teams.invitation_endings import revoke_invitation_of_email, revoke_invitation_of_seat
from callfloor.teams.seat_holding import (
    SeatPerson,
    change_seat_role,
    free_seat,
    seat_of_account,
    seat_person,
    standing_of_seat,
)
from callfloor.teams.seats import SeatNotFound
from callfloor.teams.tables import SeatStatus, TeamType
from callfloor.teams.teams import team_for_change


@dataclasses.dataclass(frozen=True, slots=True)
class PersonAdded:
    """A new member, and the seat of an email team."""

    account_id: int
    seat_id: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class TeamPerson:
    """A member as a change sees them."""

    member: Member
    seat_id: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class RemovePerson:
    """A member who is to leave the team."""

    team_id: int
    account_id: int
    actor: audit.Actor
    now: Millis
    acting_account_id: int | None = None
    """The person behind the actor; None for the operator and the Portal API."""
    precondition: Callable[[TeamPerson], None] = lambda _: None
    """Looks at the person inside the transaction, and raises when the change shall not be made."""


@dataclasses.dataclass(frozen=True, slots=True)
class ChangeRole:
    """A member who is to have another role."""

    team_id: int
    account_id: int
    role: Role
    actor: audit.Actor
    now: Millis
    acting_account_id: int | None = None
    precondition: Callable[[TeamPerson], None] = lambda _: None
    """As `RemovePerson`."""


@dataclasses.dataclass(frozen=True, slots=True)
class UnassignSeat:
    """A seat whose person is to leave the team; on an invited seat the invitation is revoked."""

    team_id: int
    seat_id: int
    actor: audit.Actor
    now: Millis


def add_person(tx: Tx, member: NewMember, actor: audit.Actor) -> PersonAdded:
    """Make the person a member; in an email team a free seat is taken, the one kept for them if they were invited.

    Raises:
        TeamNotFound: there is no such team.
        InvalidInput: the address is not one.
        AlreadyMember: the person is in the team already.
        NoEmptySeat: an email team without a free seat.
    """
    team = team_for_change(tx, member.team_id)
    account_id = join_team(tx, member)
    revoke_invitation_of_email(tx, team.id, member.email, actor=actor, now=member.now)
    seat_id = None
    if team.type is TeamType.EMAIL:
        seat_id = seat_person(tx, SeatPerson(team.id, account_id, member.role, actor, member.now))
    after = {"email": member.email, "role": member.role.value, "seat_id": seat_id}
    _record(tx, actor, "membership.created", team.id, account_id, after=after, now=member.now)
    return PersonAdded(account_id, seat_id)


def person_by_id(tx: Tx, team_id: int, account_id: int) -> TeamPerson:
    """Return the member with their seat.

    Raises:
        PersonNotFound: the team has none with this account.
    """
    return TeamPerson(member_by_id(tx, team_id, account_id), seat_of_account(tx, team_id, account_id))


def change_role(tx: Tx, command: ChangeRole) -> TeamPerson:
    """Give the member another role, on their seat too.

    Raises:
        PersonNotFound: the team has no such member.
        AdministratorNeeded: only an administrator makes or changes one.
        LastAdministrator: the team would have no administrator left.
    """
    team_for_change(tx, command.team_id)
    person = person_by_id(tx, command.team_id, command.account_id)
    command.precondition(person)
    before = person.member.role
    if before is command.role:
        return person
    if Role.ADMIN in {before, command.role}:
        check_is_administrator(tx, command.team_id, command.acting_account_id)
    change_member_role(tx, person.member, command.team_id, command.role)
    if person.seat_id is not None:
        change_seat_role(tx, command.team_id, person.seat_id, command.role)
    _record(
        tx,
        command.actor,
        "membership.changed",
        command.team_id,
        command.account_id,
        before={"role": before.value},
        after={"role": command.role.value},
        now=command.now,
    )
    return person_by_id(tx, command.team_id, command.account_id)


def remove_person(tx: Tx, command: RemovePerson) -> None:
    """Take the person out of the team; their seat is free again.

    Raises:
        PersonNotFound: the team has no such member.
        AdministratorNeeded: only an administrator removes one.
        LastAdministrator: the team would have no administrator left.
    """
    team_for_change(tx, command.team_id)
    person = person_by_id(tx, command.team_id, command.account_id)
    command.precondition(person)
    if person.member.role is Role.ADMIN:
        check_is_administrator(tx, command.team_id, command.acting_account_id)
    _take_out(tx, person, command.team_id, command.actor, command.now)


def remove_people(tx: Tx, commands: Sequence[RemovePerson]) -> list[DomainError | None]:
    """Remove one after the other; returns for each None, or why they stay."""
    refusals: list[DomainError | None] = []
    for command in commands:
        try:
            remove_person(tx, command)
        except DomainError as refusal:  # raised before anything of this person was changed
            refusals.append(refusal)
        else:
            refusals.append(None)
    return refusals


def unassign_seat(tx: Tx, command: UnassignSeat) -> None:
    """Free the seat of an email team: its person leaves the team, or its invitation is revoked.

    Raises:
        NotPermittedToChangeSeatStatus: a device team.
        SeatNotFound: the team has no such seat.
        SeatIsEmpty: nobody holds it or is invited to it.
        LastAdministrator: its person is the team's last administrator.
    """
    email_team_for_change(tx, command.team_id)
    standing = standing_of_seat(tx, command.team_id, command.seat_id)
    if standing is None:
        raise SeatNotFound(f"there is no seat {command.seat_id} in this team")
    status, account_id = standing
    if status is SeatStatus.UNASSIGNED:
        raise SeatIsEmpty(f"nobody holds seat {command.seat_id}")
    if account_id is None:
        revoke_invitation_of_seat(tx, command.team_id, command.seat_id, actor=command.actor, now=command.now)
        return
    person = person_by_id(tx, command.team_id, account_id)
    _take_out(tx, person, command.team_id, command.actor, command.now)


def email_team_for_change(tx: Tx, team_id: int) -> None:
    """Lock the row of an email team.

    Raises:
        NotPermittedToChangeSeatStatus: its seats are machines.
    """
    if team_for_change(tx, team_id).type is not TeamType.EMAIL:
        raise NotPermittedToChangeSeatStatus("only seats of an email team hold people")


def leave_seat(tx: Tx, person: TeamPerson, team_id: int, actor: audit.Actor, *, now: Millis) -> None:
    """Free the seat of the person, if they have one; they stay in the team, whose row is locked."""
    if person.seat_id is None:
        return
    free_seat(tx, team_id, person.seat_id)
    before = {"account_id": person.member.account_id}
    record_change(tx, actor, audit.Change(team_id, "seat.freed", "seat", str(person.seat_id), before=before), now=now)


def _take_out(tx: Tx, person: TeamPerson, team_id: int, actor: audit.Actor, now: Millis) -> None:
    member = person.member
    end_membership(tx, member, team_id)
    before = {"email": member.email, "role": member.role.value, "seat_id": person.seat_id}
    _record(tx, actor, "membership.ended", team_id, member.account_id, before=before, now=now)
    revoke_invitation_of_email(tx, team_id, member.email, actor=actor, now=now)
    leave_seat(tx, person, team_id, actor, now=now)


def _record(
    tx: Tx,
    actor: audit.Actor,
    kind: str,
    team_id: int,
    account_id: int,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    now: Millis,
) -> None:
    change = audit.Change(team_id, kind, "account", str(account_id), before=before, after=after)
    record_change(tx, actor, change, now=now)
