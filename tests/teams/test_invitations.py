"""Invitations: a seat is kept, then held or given back; each rule has its refusal."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select

from callfloor.access.accounts import AlreadyMember
from callfloor.access.audit import OPERATOR
from callfloor.access.memberships import AdministratorNeeded
from callfloor.access.tables import Role, audit_entry
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database, param
from callfloor.foundation.errors import DomainError, InvalidInput
from callfloor.foundation.ids import new_id
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.teams.acceptance import (
    Accepted,
    AccountChanged,
    InvitationExpired,
    InvitationRevoked,
    InvitationUnknown,
    InvitationUsed,
    accept_invitation,
    open_invitation,
)
from callfloor.teams.invitation_endings import (
    InvitationNotFound,
    InvitationNotPending,
    expire_invitations,
    revoke_invitation,
    teams_with_expired_invitations,
)
from callfloor.teams.invitation_links import NewLink, new_link
from callfloor.teams.invitation_queries import invitation_by_id
from callfloor.teams.invitation_sendings import ResendInvitation, resend_invitation
from callfloor.teams.invitations import NotPermittedToInvite
from callfloor.teams.seats import DeleteSeat, NoEmptySeat, SeatIsNotEmpty, delete_seat
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team, set_inviting
from tests.factories.invitations import BASE, HASH_KEY, NOW, acceptance_of, invitation_of, invite
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

_actions = select(audit_entry.c.action).where(audit_entry.c.team_id == param("team"))
_events = select(outbox_event.c.kind).where(outbox_event.c.team_id == param("team"))


def statuses(db: Database, team: Team) -> Counter[str]:
    return Counter(status for _, status, _ in seats_of(db, team.id))


def accept(db: Database, link: NewLink, *, now: int = NOW) -> Accepted:
    return db.write_now(functools.partial(accept_invitation, command=acceptance_of(link, now=now)))


def resending(team: Team, invitation_id: int, *, now: int = NOW) -> tuple[Callable[..., None], ResendInvitation]:
    command = ResendInvitation(team.id, invitation_id, new_link(HASH_KEY), BASE, now + 7 * DAY, OPERATOR, now)
    return functools.partial(resend_invitation, command=command), command


def test_an_invitation_keeps_the_lowest_free_seat(db: Database) -> None:
    team = make_team(db, seats=3)
    (first, *_), (second, *_), _ = seats_of(db, team.id)

    one, two = invite(db, invitation_of(team)), invite(db, invitation_of(team, role=Role.ANALYTICS))

    assert (one.seat_id, two.seat_id) == (first, second)
    assert seats_of(db, team.id)[:2] == [(first, "invited", "user"), (second, "invited", "analytics")]
    assert_counts_hold(db, team.id)


def test_the_kept_seat_cannot_be_deleted(db: Database) -> None:
    team = make_team(db, seats=1)
    seat_id = invite(db, invitation_of(team)).seat_id

    with pytest.raises(SeatIsNotEmpty):
        db.write_now(functools.partial(delete_seat, command=DeleteSeat(team.id, seat_id, OPERATOR, NOW)))


def test_who_accepts_sits_on_the_kept_seat(db: Database) -> None:
    team = make_team(db, seats=2)
    command = invitation_of(team, role=Role.CONFIGURATOR)
    invited = invite(db, command)

    accepted = accept(db, command.link)

    assert (accepted.email, accepted.seat_id, accepted.role) == (command.email, invited.seat_id, Role.CONFIGURATOR)
    assert (accepted.first_name, accepted.last_name) == ("Ada", "Byron")
    assert statuses(db, team) == {"assigned": 1, "unassigned": 1}
    assert_counts_hold(db, team.id)
    row = db.read_now(lambda tx: invitation_by_id(tx, team.id, invited.id))
    assert (row.state, row.account_id, row.ended_at) == ("accepted", accepted.account_id, NOW)


def test_every_step_is_in_the_trail_and_published(db: Database) -> None:
    team = make_team(db, seats=2)
    command, other = invitation_of(team), invitation_of(team)
    invite(db, command)
    revoked = invite(db, other)
    db.write_now(resending(team, revoked.id)[0])
    db.write_now(lambda tx: revoke_invitation(tx, team.id, revoked.id, actor=OPERATOR, now=NOW))
    accept(db, command.link)

    trail = Counter(action for (action,) in db.read_now(lambda tx: tx.all(_actions, {"team": team.id})))
    events = Counter(kind for (kind,) in db.read_now(lambda tx: tx.all(_events, {"team": team.id})))

    expected = {"created": 2, "resent": 1, "revoked": 1, "accepted": 1}
    for step, times in expected.items():
        assert trail[f"invitation.{step}"] == events[f"invitation.{step}"] == times
    assert events["seat.assigned"] == events["membership.created"] == 1


def test_a_link_works_once(db: Database) -> None:
    team = make_team(db, seats=2)
    command = invitation_of(team)
    invite(db, command)
    accept(db, command.link)

    with pytest.raises(InvitationUsed):
        accept(db, command.link)

    assert statuses(db, team) == {"assigned": 1, "unassigned": 1}


def test_a_link_of_nobody_is_unknown(db: Database) -> None:
    with pytest.raises(InvitationUnknown):
        accept(db, new_link(HASH_KEY))


def test_an_invitation_expires_to_the_millisecond(db: Database) -> None:
    team = make_team(db, seats=2)
    early, late = invitation_of(team), invitation_of(team)
    invite(db, early)
    invite(db, late)

    accept(db, early.link, now=NOW + 7 * DAY - 1)
    with pytest.raises(InvitationExpired):
        accept(db, late.link, now=NOW + 7 * DAY)


def test_the_seat_of_an_expired_invitation_is_free_again(db: Database) -> None:
    team = make_team(db, seats=2)
    old, fresh = invitation_of(team, days=1), invitation_of(team, days=2)
    expired, pending = invite(db, old), invite(db, fresh)

    due = db.read_now(lambda tx: teams_with_expired_invitations(tx, now=NOW + DAY, count=10_000))
    ended = db.write_now(lambda tx: expire_invitations(tx, team.id, now=NOW + DAY))

    assert team.id in due
    assert ended == 1
    assert statuses(db, team) == {"unassigned": 1, "invited": 1}
    assert_counts_hold(db, team.id)
    states = [
        db.read_now(functools.partial(invitation_by_id, team_id=team.id, invitation_id=one.id)).state
        for one in (expired, pending)
    ]
    assert states == ["expired", "pending"]
    with pytest.raises(InvitationExpired):
        accept(db, old.link)


def test_an_expired_invitation_does_not_stand_in_the_way_of_a_new_one(db: Database) -> None:
    team = make_team(db, seats=1)
    command = invitation_of(team, days=1)
    invite(db, command)

    again = invite(db, invitation_of(team, command.email, now=NOW + DAY))

    assert statuses(db, team) == {"invited": 1}
    assert again.expires_at == NOW + 8 * DAY


def test_a_revoked_invitation_gives_its_seat_back(db: Database) -> None:
    team = make_team(db, seats=1)
    command = invitation_of(team)
    invited = invite(db, command)

    db.write_now(lambda tx: revoke_invitation(tx, team.id, invited.id, actor=OPERATOR, now=NOW))

    assert statuses(db, team) == {"unassigned": 1}
    assert_counts_hold(db, team.id)
    with pytest.raises(InvitationRevoked):
        accept(db, command.link)
    with pytest.raises(InvitationNotPending, match="revoked"):
        db.write_now(lambda tx: revoke_invitation(tx, team.id, invited.id, actor=OPERATOR, now=NOW))


def test_a_new_mail_has_a_new_link_and_new_days(db: Database) -> None:
    team = make_team(db, seats=1)
    command = invitation_of(team)
    invited = invite(db, command)
    verb, again = resending(team, invited.id, now=NOW + 5 * DAY)

    db.write_now(verb)

    with pytest.raises(InvitationUnknown):
        db.read_now(lambda tx: open_invitation(tx, command.link.token_hash, now=NOW + 6 * DAY))
    found = db.read_now(lambda tx: open_invitation(tx, again.link.token_hash, now=NOW + 11 * DAY))
    assert (found.email, found.expires_at) == (command.email, NOW + 12 * DAY)


def test_another_team_has_no_such_invitation(db: Database) -> None:
    team, other = make_team(db, seats=1), make_team(db, seats=1)
    invited = invite(db, invitation_of(team))

    with pytest.raises(InvitationNotFound):
        db.write_now(resending(other, invited.id)[0])
    with pytest.raises(InvitationNotFound):
        db.write_now(lambda tx: revoke_invitation(tx, other.id, invited.id, actor=OPERATOR, now=NOW))
    with pytest.raises(InvitationNotFound):
        db.read_now(lambda tx: invitation_by_id(tx, other.id, invited.id))


def test_device_teams_do_not_invite(db: Database) -> None:
    team = make_team(db, type_=TeamType.DEVICE, seats=1)

    with pytest.raises(NotPermittedToInvite):
        invite(db, invitation_of(team))


def test_a_team_does_not_invite_while_it_is_switched_off(db: Database) -> None:
    team = make_team(db, seats=1)
    db.write_now(lambda tx: set_inviting(tx, team.id, enabled=False, actor=OPERATOR, now=NOW))

    with pytest.raises(NotPermittedToInvite):
        invite(db, invitation_of(team))
    db.write_now(lambda tx: set_inviting(tx, team.id, enabled=True, actor=OPERATOR, now=NOW))

    assert invite(db, invitation_of(team)).seat_id


def test_being_a_member_or_invited_comes_before_the_missing_seat(db: Database) -> None:
    team = make_team(db, seats=2)
    member = f"{new_id()}@people.example"
    make_person(db, team, email=member)
    invited = invite(db, invitation_of(team)).email

    for known in (member.upper(), invited.title()):
        with pytest.raises(AlreadyMember):
            invite(db, invitation_of(team, known))
    with pytest.raises(NoEmptySeat):
        invite(db, invitation_of(team))


@pytest.mark.parametrize("address", ["", "ada", "ada@host", "a b@people.example", "ada@people.example\nBcc: x@y.z"])
def test_an_address_must_be_one(db: Database, address: str) -> None:
    team = make_team(db, seats=1)

    with pytest.raises(InvalidInput):
        invite(db, dataclasses.replace(invitation_of(team), email=address))

    assert statuses(db, team) == {"unassigned": 1}


def test_only_an_administrator_invites_an_administrator(db: Database) -> None:
    team = make_team(db, seats=4)
    admin, configurator = (make_person(db, team, role=role).account_id for role in (Role.ADMIN, Role.CONFIGURATOR))

    with pytest.raises(AdministratorNeeded):
        invite(db, invitation_of(team, role=Role.ADMIN, acting_account_id=configurator))

    assert invite(db, invitation_of(team, role=Role.ADMIN, acting_account_id=admin)).role is Role.ADMIN


def test_an_account_of_another_team_joins_with_its_own_password(db: Database) -> None:
    first, second = make_team(db, seats=1), make_team(db, seats=1)
    one = invitation_of(first)
    invite(db, one)
    account_id = accept(db, one.link).account_id
    two = invitation_of(second, one.email)
    invite(db, two)
    found = db.read_now(lambda tx: open_invitation(tx, two.link.token_hash, now=NOW))

    with pytest.raises(AccountChanged):
        accept(db, two.link)
    accepted = db.write_now(
        functools.partial(accept_invitation, command=acceptance_of(two.link, checked_password_hash=found.password_hash))
    )

    assert accepted.account_id == found.account_id == account_id


def test_who_comes_by_another_way_frees_the_seat_kept_for_them(db: Database) -> None:
    team = make_team(db, seats=1)
    command = invitation_of(team)
    invite(db, command)

    person = make_person(db, team, email=command.email)

    assert person.seat_id is not None
    assert statuses(db, team) == {"assigned": 1}
    with pytest.raises(DomainError):
        accept(db, command.link)
    assert_counts_hold(db, team.id)
