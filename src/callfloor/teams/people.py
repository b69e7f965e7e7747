"""People of a team: an account, a role, and in an email team a seat."""

from __future__ import annotations

import dataclasses

from callfloor.access import audit
from callfloor.access.accounts import NewMember, join_team
from callfloor.foundation.database import Tx
from callfloor.foundation.outbox import Event, publish
from callfloor.teams.seats import SeatPerson, seat_person
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import team_by_id


@dataclasses.dataclass(frozen=True, slots=True)
class PersonAdded:
    """A new member, and the seat of an email team."""

    account_id: int
    seat_id: int | None


def add_person(tx: Tx, member: NewMember, actor: audit.Actor) -> PersonAdded:
    """Make the person a member; in an email team a free seat is taken.

    Raises:
        TeamNotFound: there is no such team.
        InvalidInput: the address is not one.
        AlreadyMember: the person is in the team already.
        NoEmptySeat: an email team without a free seat.
    """
    team = team_by_id(tx, member.team_id)
    account_id = join_team(tx, member)
    seat_id = None
    if team.type is TeamType.EMAIL:
        seat_id = seat_person(tx, SeatPerson(team.id, account_id, member.role, actor, member.now))
    after = {"email": member.email, "role": member.role.value, "seat_id": seat_id}
    audit.note(
        tx, actor, audit.Change(team.id, "account.created", "account", str(account_id), after=after), now=member.now
    )
    publish(tx, Event(kind="account.created", team_id=team.id, subject=str(account_id), payload=after, at=member.now))
    return PersonAdded(account_id, seat_id)
