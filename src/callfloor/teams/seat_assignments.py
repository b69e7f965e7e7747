"""Members put on free seats, or taken off them, many at once; they are in the team before and after."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Literal

import msgspec

from callfloor.access import audit
from callfloor.access.accounts import checked_email, member_by_email
from callfloor.access.memberships import PersonNotFound, check_is_administrator
from callfloor.access.tables import Role
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import DomainError, InvalidInput, invalid
from callfloor.foundation.idempotency import Repeatable
from callfloor.teams.free_seats import free_seats
from callfloor.teams.invitation_endings import (
    expire_invitations,
    pending_invitation_of_email,
    revoke_invitation_of_email,
)
from callfloor.teams.people import (
    ChangeRole,
    TeamPerson,
    change_role,
    email_team_for_change,
    leave_seat,
    person_by_id,
)
from callfloor.teams.seat_holding import SeatPerson, seat_person
from callfloor.teams.seats import NoEmptySeat

PEOPLE_LIMIT = 500

Result = Literal["assigned", "released", "skipped", "refused"]


@dataclasses.dataclass(frozen=True, slots=True)
class PersonMeant:
    """A member, by address or by account; `role` is the one they are to have, None leaves theirs."""

    email: str | None = None
    account_id: int | None = None
    role: Role | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class AssignSeats:
    """Members who are to sit on free seats."""

    team_id: int
    people: tuple[PersonMeant, ...]
    actor: audit.Actor
    now: Millis
    is_partial: bool = False
    """Whether some are seated when there are fewer free seats than people; else nobody is."""
    acting_account_id: int | None = None
    idempotency_key: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class ReleaseSeats:
    """Members who are to leave their seats."""

    team_id: int
    people: tuple[PersonMeant, ...]
    actor: audit.Actor
    now: Millis
    acting_account_id: int | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """Role and seat of a member."""

    role: Role
    seat_id: int | None


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one person; `code` and `message` say why nothing did."""

    email: str | None
    account_id: int | None
    result: Result
    before: Standing | None = None
    after: Standing | None = None
    code: str | None = None
    message: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class SeatsChanged:
    """What became of each, in the order asked, and how many seats are free afterwards."""

    outcomes: tuple[Outcome, ...]
    free_seats: int


class _Skipped(Exception):
    """Nothing is to be done for this person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def assign_seats(tx: Tx, command: AssignSeats) -> SeatsChanged:
    """Put each member who has no seat on the lowest free one; the others are told with the reason.

    Raises:
        InvalidInput: nobody, or more than 500 people.
        NotPermittedToChangeSeatStatus: a device team.
        NoEmptySeat: there are fewer free seats than people, and `is_partial` is not set; nobody is seated.
        IdempotencyKeyReused: the key came with another request before.
    """
    _check_count(command.people)
    repeatable = _repeatable(command)
    first = repeatable.first_answer(tx) if repeatable else None
    if first is not None:
        return msgspec.convert(first, SeatsChanged)
    email_team_for_change(tx, command.team_id)
    expire_invitations(tx, command.team_id, now=command.now)
    met: set[int] = set()
    outcomes = tuple(_assigned(tx, command, meant, met) for meant in command.people)
    short = sum(one.code == NoEmptySeat.code for one in outcomes)
    if short and not command.is_partial:
        wanted = short + sum(one.result == "assigned" for one in outcomes)
        raise NoEmptySeat(
            f"{wanted} people to seat, {wanted - short} free seats: add {short} seats, leave as many people out,"
            " or ask for a partial assignment"
        )
    answer = SeatsChanged(outcomes, free_seats(tx, command.team_id))
    if repeatable:
        repeatable.remember(tx, msgspec.to_builtins(answer))
    return answer


def release_seats(tx: Tx, command: ReleaseSeats) -> SeatsChanged:
    """Take each member off their seat; they keep their role and their place in the team.

    Raises:
        InvalidInput: nobody, or more than 500 people.
        NotPermittedToChangeSeatStatus: a device team.
    """
    _check_count(command.people)
    email_team_for_change(tx, command.team_id)
    met: set[int] = set()
    outcomes = tuple(_released(tx, command, meant, met) for meant in command.people)
    return SeatsChanged(outcomes, free_seats(tx, command.team_id))


def _assigned(tx: Tx, command: AssignSeats, meant: PersonMeant, met: set[int]) -> Outcome:
    # Whatever refuses a person does so before anything of theirs is changed, so that the next one is taken on.
    try:
        before = _person(tx, command.team_id, meant, met, is_seated=False)
        _sit(tx, command, before, meant.role)
    except (_Skipped, DomainError) as reason:
        return _left(meant, reason)
    after = person_by_id(tx, command.team_id, before.member.account_id)
    return Outcome(before.member.email, before.member.account_id, "assigned", _standing(before), _standing(after))


def _sit(tx: Tx, command: AssignSeats, person: TeamPerson, role: Role | None) -> None:
    team_id, member = command.team_id, person.member
    is_invited = pending_invitation_of_email(tx, team_id, member.email) is not None
    if not is_invited and not free_seats(tx, team_id):
        raise NoEmptySeat("no seat is free for them")
    role = role or member.role
    change_role(
        tx,
        ChangeRole(
            team_id,
            member.account_id,
            role,
            command.actor,
            command.now,
            acting_account_id=command.acting_account_id,
        ),
    )
    revoke_invitation_of_email(tx, team_id, member.email, actor=command.actor, now=command.now)
    seat_person(tx, SeatPerson(team_id, member.account_id, role, command.actor, command.now))


def _released(tx: Tx, command: ReleaseSeats, meant: PersonMeant, met: set[int]) -> Outcome:
    try:
        before = _person(tx, command.team_id, meant, met, is_seated=True)
        if before.member.role is Role.ADMIN:
            check_is_administrator(tx, command.team_id, command.acting_account_id)
    except (_Skipped, DomainError) as reason:
        return _left(meant, reason)
    leave_seat(tx, before, command.team_id, command.actor, now=command.now)
    after = Standing(before.member.role, None)
    return Outcome(before.member.email, before.member.account_id, "released", _standing(before), after)


def _person(tx: Tx, team_id: int, meant: PersonMeant, met: set[int], *, is_seated: bool) -> TeamPerson:
    """Return the member meant, who stands here for the first time, and has a seat or none as is asked."""
    account_id = meant.account_id
    if account_id is None:
        email = checked_email(meant.email or "")
        account_id = member_by_email(tx, team_id, email)
        if account_id is None:
            raise PersonNotFound(f"{email} is not a member of this team; invite them")
    person = person_by_id(tx, team_id, account_id)
    if account_id in met:
        raise _Skipped("repeated", "stands further up already")
    met.add(account_id)
    if person.seat_id is not None and not is_seated:
        raise _Skipped("already_seated", f"has seat {person.seat_id} already")
    if person.seat_id is None and is_seated:
        raise _Skipped("not_seated", "has no seat")
    return person


def _left(meant: PersonMeant, reason: _Skipped | DomainError) -> Outcome:
    result: Result = "skipped" if isinstance(reason, _Skipped) else "refused"
    message = reason.errors[0].message if isinstance(reason, InvalidInput) else reason.message
    return Outcome(meant.email, meant.account_id, result, code=reason.code, message=message)


def _standing(person: TeamPerson) -> Standing:
    return Standing(person.member.role, person.seat_id)


def _check_count(people: tuple[PersonMeant, ...]) -> None:
    if not 1 <= len(people) <= PEOPLE_LIMIT:
        raise invalid("people", f"must be 1 to {PEOPLE_LIMIT} people")


def _repeatable(command: AssignSeats) -> Repeatable | None:
    if command.idempotency_key is None:
        return None
    asked = msgspec.json.encode((command.people, command.is_partial))
    fingerprint = hashlib.sha256(asked).hexdigest()
    return Repeatable(command.team_id, "assign_seats", command.idempotency_key, fingerprint, command.now)
