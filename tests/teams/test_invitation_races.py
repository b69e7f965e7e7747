"""Invitations at the same moment, from two processes' views of the database: each seat once, each link once."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from callfloor.access.accounts import AlreadyMember
from callfloor.access.audit import OPERATOR
from callfloor.access.memberships import LastAdministrator
from callfloor.access.tables import Role
from callfloor.foundation.database import Database, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.jobs.tables import job
from callfloor.teams.acceptance import Accepted, InvitationEnded, accept_invitation
from callfloor.teams.invitation_endings import revoke_invitation
from callfloor.teams.invitations import Invited, InvitePerson, invite_person
from callfloor.teams.people import RemovePerson, remove_person
from callfloor.teams.seats import NoEmptySeat
from callfloor.teams.teams import Team
from tests.factories.invitations import NOW, acceptance_of, invitation_of, invite
from tests.factories.teams import make_person, make_team
from tests.support.racing import at_once
from tests.teams.counting import assert_counts_hold, seats_of

_mails = select(func.count()).select_from(job).where(job.c.team_id == param("team"), job.c.kind == "send_mail")


def inviting(db: Database, command: InvitePerson) -> Callable[[], Any]:
    return functools.partial(invite, db, command)


def accepting(db: Database, command: InvitePerson) -> Callable[[], Any]:
    return functools.partial(db.write_now, functools.partial(accept_invitation, command=acceptance_of(command.link)))


def statuses(db: Database, team: Team) -> Counter[str]:
    return Counter(status for _, status, _ in seats_of(db, team.id))


def test_fifty_invitations_for_ten_free_seats_are_ten(db: Database, second: Database) -> None:
    team = make_team(db, seats=10)

    outcomes = at_once([inviting(one, invitation_of(team)) for one in [db, second] * 25])

    out = [one for one in outcomes if isinstance(one, Invited)]
    assert len({one.seat_id for one in out}) == len(out) == 10
    assert sum(isinstance(one, NoEmptySeat) for one in outcomes) == 40
    assert statuses(db, team) == {"invited": 10}
    assert db.read_now(lambda tx: tx.one(_mails, {"team": team.id})) == (10,)
    assert_counts_hold(db, team.id)


def test_one_link_accepted_twenty_times_seats_one_person(db: Database, second: Database) -> None:
    team = make_team(db, seats=3)
    command = invitation_of(team)
    invite(db, command)

    outcomes = at_once([accepting(one, command) for one in [db, second] * 10])

    assert sum(isinstance(one, Accepted) for one in outcomes) == 1
    assert sum(isinstance(one, InvitationEnded) for one in outcomes) == 19
    assert statuses(db, team) == {"assigned": 1, "unassigned": 2}
    assert_counts_hold(db, team.id)


def test_one_address_is_invited_once(db: Database, second: Database) -> None:
    team = make_team(db, seats=10)
    command = invitation_of(team)
    commands = [invitation_of(team, command.email.upper() if n % 3 else command.email) for n in range(10)]

    outcomes = at_once([inviting(one, each) for one, each in zip([db, second] * 5, commands, strict=True)])

    assert sum(isinstance(one, Invited) for one in outcomes) == 1
    assert sum(isinstance(one, AlreadyMember) for one in outcomes) == 9
    assert statuses(db, team) == {"invited": 1, "unassigned": 9}


def test_an_invitation_is_accepted_or_revoked_never_both(db: Database, second: Database) -> None:
    for _ in range(5):
        team = make_team(db, seats=1)
        command = invitation_of(team)
        invited = invite(db, command)
        revoking = functools.partial(
            revoke_invitation, team_id=team.id, invitation_id=invited.id, actor=OPERATOR, now=NOW
        )

        accepted, revoked = at_once([accepting(db, command), functools.partial(second.write_now, revoking)])

        assert isinstance(accepted, DomainError) != isinstance(revoked, DomainError)
        expected = "assigned" if isinstance(accepted, Accepted) else "unassigned"
        assert statuses(db, team) == {expected: 1}
        assert_counts_hold(db, team.id)


def test_one_new_address_joins_two_teams_with_one_account(db: Database, second: Database) -> None:
    first, other = make_team(db, seats=1), make_team(db, seats=1)
    one = invitation_of(first)
    two = invitation_of(other, one.email)
    for command in (one, two):
        db.write_now(functools.partial(invite_person, command=command))

    outcomes = at_once([accepting(db, one), accepting(second, two)])

    # Who comes second finds an account with a password that was not checked, and is told so.
    accepted = [each for each in outcomes if isinstance(each, Accepted)]
    assert len({each.account_id for each in accepted}) == 1
    assert all(isinstance(each, Accepted) or each.code == "account_changed" for each in outcomes)


def test_two_administrators_cannot_remove_each_other_at_once(db: Database, second: Database) -> None:
    for _ in range(5):
        team = make_team(db, seats=2)
        ada, bob = (make_person(db, team, role=Role.ADMIN).account_id for _ in range(2))

        outcomes = at_once(
            [
                functools.partial(
                    one.write_now,
                    functools.partial(remove_person, command=RemovePerson(team.id, account_id, OPERATOR, NOW)),
                )
                for one, account_id in ((db, ada), (second, bob))
            ]
        )

        assert sum(isinstance(one, LastAdministrator) for one in outcomes) == 1
        assert statuses(db, team) == {"assigned": 1, "unassigned": 1}
