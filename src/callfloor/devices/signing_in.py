"""A person's agent comes in: its machine becomes a device of that person, on the seat the person holds."""

from __future__ import annotations

import dataclasses

from callfloor.devices.arrival import (
    Arrival,
    DeviceConflict,
    LoggedIn,
    Machine,
    Origin,
    device_number,
    is_elsewhere,
    keep_conflict,
    let_in,
)
from callfloor.devices.queries import find_device_of_person
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import DomainError
from callfloor.teams.seat_activity import HeldSeat, find_held_seat, mark_person_active
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import team_for_change


class NotAnEmailTeam(DomainError):
    """The machines of a device team log in with the team's secret."""

    code = "not_an_email_team"


class PersonHasNoSeat(DomainError):
    """Only who holds a seat of the team may bring an agent."""

    code = "person_has_no_seat"


@dataclasses.dataclass(frozen=True, slots=True)
class Holding:
    """A person's seat in a team, as it was when the sign-in was allowed."""

    team_id: int
    account_id: int
    seated_at: Millis


def seat_for_agent(tx: Tx, team_id: int, account_id: int) -> HeldSeat:
    """Lock the team's row and return the person's seat.

    Raises:
        NotAnEmailTeam: its seats are machines.
        PersonHasNoSeat: the person holds none.
    """
    if team_for_change(tx, team_id).type is not TeamType.EMAIL:
        raise NotAnEmailTeam("only people of an email team sign their agents in; here a machine has the team's secret")
    held = find_held_seat(tx, team_id, account_id)
    if held is None:
        raise PersonHasNoSeat("this person holds no seat in the team")
    return held


def sign_in_device(tx: Tx, holding: Holding, machine: Machine, origin: Origin) -> LoggedIn | DeviceConflict:
    """Let the person's machine in and give it its token; a conflict is returned, as at `log_in_device`.

    Raises:
        NotAnEmailTeam, PersonHasNoSeat: as `seat_for_agent`; a seat taken anew since is another seat.
    """
    held = seat_for_agent(tx, holding.team_id, holding.account_id)
    if held.since != holding.seated_at:
        raise PersonHasNoSeat("this person left the team since; let them confirm again")
    known = find_device_of_person(tx, holding.team_id, holding.account_id, machine.machine_id)
    arrival = Arrival(
        holding.team_id,
        device_number(tx, known),
        machine,
        origin,
        account_id=holding.account_id,
        seated_at=holding.seated_at,
    )
    if known is not None and is_elsewhere(known, machine, origin.now):
        return keep_conflict(tx, known, arrival)
    let_in(tx, known, arrival, own_seat_id=None)
    mark_person_active(tx, holding.team_id, holding.account_id, now=origin.now)
    return LoggedIn(holding.team_id, arrival.device_id, held.seat_id)
