"""Members without a seat put on free ones, many at once: a true dry run, and nothing half done."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role, audit_entry
from callfloor.foundation.database import Database, param
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.idempotency import IdempotencyKeyReused
from callfloor.foundation.ids import new_id
from callfloor.foundation.outbox.tables import outbox_event
from callfloor.teams.acceptance import accept_invitation
from callfloor.teams.device_seats import NotPermittedToChangeSeatStatus
from callfloor.teams.people import RemovePerson, person_by_id, remove_person
from callfloor.teams.seat_assignments import (
    AssignSeats,
    Outcome,
    PersonMeant,
    ReleaseSeats,
    SeatsChanged,
    Standing,
    assign_seats,
    release_seats,
)
from callfloor.teams.seats import DeleteSeat, NoEmptySeat, delete_seat
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from tests.factories.invitations import NOW, acceptance_of, invitation_of, invite
from tests.factories.teams import make_person, make_team
from tests.support.racing import at_once
from tests.teams.counting import assert_counts_hold, seats_of

_trail = select(audit_entry.c.action).where(audit_entry.c.team_id == param("team"))
_events = select(outbox_event.c.kind).where(outbox_event.c.team_id == param("team"))


def unseated(db: Database, team: Team, count: int, *, role: Role = Role.USER) -> list[int]:
    """Return members of the team who have left their seats."""
    ids = [make_person(db, team, role=role).account_id for _ in range(count)]
    people = tuple(PersonMeant(account_id=one) for one in ids)
    done = db.write_now(functools.partial(release_seats, command=ReleaseSeats(team.id, people, OPERATOR, NOW)))
    assert [one.result for one in done.outcomes] == ["released"] * count
    return ids


def assigning(db: Database, team: Team, people: list[PersonMeant], **options: Any) -> Callable[[], SeatsChanged]:
    command = AssignSeats(team.id, tuple(people), OPERATOR, NOW, **options)
    return functools.partial(db.write_now, functools.partial(assign_seats, command=command))


def statuses(db: Database, team: Team) -> Counter[str]:
    return Counter(status for _, status, _ in seats_of(db, team.id))


def reasons(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str | None]]:
    return [(one.result, one.code) for one in outcomes]


class TestAssigning:
    def test_takes_the_lowest_free_seats_in_the_order_asked(self, db: Database) -> None:
        team = make_team(db, seats=3)
        ada, bob = unseated(db, team, 2)
        lowest, second, _ = [number for number, _, _ in seats_of(db, team.id)]

        done = assigning(db, team, [PersonMeant(account_id=bob), PersonMeant(account_id=ada)])()

        assert [(one.account_id, one.before, one.after) for one in done.outcomes] == [
            (bob, Standing(Role.USER, None), Standing(Role.USER, lowest)),
            (ada, Standing(Role.USER, None), Standing(Role.USER, second)),
        ]
        assert done.free_seats == 1
        assert_counts_hold(db, team.id)

    def test_gives_the_role_to_person_and_seat(self, db: Database) -> None:
        team = make_team(db, seats=1)
        (ada,) = unseated(db, team, 1)

        done = assigning(db, team, [PersonMeant(account_id=ada, role=Role.ANALYTICS)])()

        seat_id = seats_of(db, team.id)[0][0]
        assert done.outcomes[0].after == Standing(Role.ANALYTICS, seat_id)
        assert seats_of(db, team.id) == [(seat_id, "assigned", "analytics")]
        assert db.read_now(lambda tx: person_by_id(tx, team.id, ada)).member.role is Role.ANALYTICS
        assert_counts_hold(db, team.id)

    def test_tells_why_somebody_is_passed_over(self, db: Database) -> None:
        team, email = make_team(db, seats=4), f"{new_id()}@people.example"
        seated = make_person(db, team, email=email).account_id
        (ada,) = unseated(db, team, 1)
        elsewhere = make_person(db, make_team(db, seats=1)).account_id
        people = [
            PersonMeant(email=f" {email.upper()} "),
            PersonMeant(account_id=seated),
            PersonMeant(account_id=ada),
            PersonMeant(account_id=ada),
            PersonMeant(account_id=elsewhere),
            PersonMeant(email=f"{new_id()}@people.example"),
            PersonMeant(email="nobody"),
        ]

        done = assigning(db, team, people)()

        assert reasons(done.outcomes) == [
            ("skipped", "already_seated"),
            ("skipped", "repeated"),
            ("assigned", None),
            ("skipped", "repeated"),
            ("refused", "person_not_found"),
            ("refused", "person_not_found"),
            ("refused", "validation_error"),
        ]
        assert statuses(db, team) == {"assigned": 2, "unassigned": 2}

    def test_of_more_people_than_seats_seats_nobody_unless_asked(self, db: Database) -> None:
        team = make_team(db, seats=3)
        people = [PersonMeant(account_id=one, role=Role.ANALYTICS) for one in unseated(db, team, 3)]
        for number, _, _ in seats_of(db, team.id)[1:]:
            db.write_now(functools.partial(delete_seat, command=DeleteSeat(team.id, number, OPERATOR, NOW)))

        with pytest.raises(NoEmptySeat, match="3 people to seat, 1 free seats"):
            assigning(db, team, people)()
        untouched = statuses(db, team)
        some = assigning(db, team, people, is_partial=True)()

        assert untouched == {"unassigned": 1}
        assert reasons(some.outcomes) == [
            ("assigned", None),
            ("refused", "no_empty_seat"),
            ("refused", "no_empty_seat"),
        ]
        # Who finds no seat keeps the role they have.
        ids = [one.account_id or 0 for one in people]
        roles = [
            db.read_now(functools.partial(person_by_id, team_id=team.id, account_id=one)).member.role for one in ids
        ]
        assert roles == [Role.ANALYTICS, Role.USER, Role.USER]
        assert statuses(db, team) == {"assigned": 1}

    def test_takes_the_seat_that_an_invitation_keeps(self, db: Database) -> None:
        team, email = make_team(db, seats=1), f"{new_id()}@people.example"
        account_id = make_person(db, team, email=email).account_id
        released = ReleaseSeats(team.id, (PersonMeant(email=email),), OPERATOR, NOW)
        db.write_now(functools.partial(release_seats, command=released))
        invited = invite(db, invitation_of(team, email))

        done = assigning(db, team, [PersonMeant(account_id=account_id)])()

        assert done.outcomes[0].after == Standing(Role.USER, invited.seat_id)
        assert statuses(db, team) == {"assigned": 1}

    def test_is_only_for_administrators_when_it_makes_one(self, db: Database) -> None:
        team = make_team(db, seats=3)
        boss = make_person(db, team, role=Role.ADMIN).account_id
        clerk = make_person(db, team, role=Role.CONFIGURATOR).account_id
        (ada,) = unseated(db, team, 1)
        people = [PersonMeant(account_id=ada, role=Role.ADMIN)]

        refused = assigning(db, team, people, acting_account_id=clerk)()
        done = assigning(db, team, people, acting_account_id=boss)()

        assert reasons(refused.outcomes) == [("refused", "administrator_needed")]
        assert reasons(done.outcomes) == [("assigned", None)]

    def test_is_recorded_for_each_person(self, db: Database) -> None:
        team = make_team(db, seats=2)
        people = [PersonMeant(account_id=one, role=Role.ANALYTICS) for one in unseated(db, team, 2)]
        before = Counter(row[0] for row in db.read_now(lambda tx: tx.all(_trail, {"team": team.id})))

        assigning(db, team, people)()

        after = Counter(row[0] for row in db.read_now(lambda tx: tx.all(_trail, {"team": team.id})))
        events = Counter(row[0] for row in db.read_now(lambda tx: tx.all(_events, {"team": team.id})))
        assert after - before == {"seat.assigned": 2, "membership.changed": 2}
        assert (events["membership.changed"], events["seat.freed"]) == (2, 2)

    def test_with_a_key_is_done_once(self, db: Database) -> None:
        team = make_team(db, seats=2)
        ada, bob = (PersonMeant(account_id=one) for one in unseated(db, team, 2))

        first = assigning(db, team, [ada], idempotency_key="monday")()
        again = assigning(db, team, [ada], idempotency_key="monday")()

        assert again == first
        assert reasons(again.outcomes) == [("assigned", None)]
        with pytest.raises(IdempotencyKeyReused):
            assigning(db, team, [bob], idempotency_key="monday")()

    def test_at_the_same_moment_seats_each_once(self, db: Database) -> None:
        team = make_team(db, seats=4)
        people = [PersonMeant(account_id=one) for one in unseated(db, team, 4)]

        outcomes = at_once([assigning(db, team, people) for _ in range(4)])

        counted = Counter(one.result for done in outcomes for one in done.outcomes)
        assert counted == {"assigned": 4, "skipped": 12}
        assert statuses(db, team) == {"assigned": 4}
        assert_counts_hold(db, team.id)

    @pytest.mark.parametrize("count", [0, 501])
    def test_is_for_1_to_500_people(self, db: Database, count: int) -> None:
        with pytest.raises(InvalidInput):
            assigning(db, make_team(db), [PersonMeant(account_id=n + 1) for n in range(count)])()

    def test_is_not_for_device_teams(self, db: Database) -> None:
        with pytest.raises(NotPermittedToChangeSeatStatus):
            assigning(db, make_team(db, type_=TeamType.DEVICE, seats=1), [PersonMeant(account_id=1)])()


class TestReleasing:
    def test_keeps_role_and_membership(self, db: Database) -> None:
        team = make_team(db, seats=1)
        person = make_person(db, team, role=Role.ADMIN)
        command = ReleaseSeats(team.id, (PersonMeant(account_id=person.account_id),), OPERATOR, NOW)

        done = db.write_now(functools.partial(release_seats, command=command))
        again = db.write_now(functools.partial(release_seats, command=command))

        assert done.outcomes[0].before == Standing(Role.ADMIN, person.seat_id)
        assert (done.outcomes[0].after, done.free_seats) == (Standing(Role.ADMIN, None), 1)
        assert reasons(again.outcomes) == [("skipped", "not_seated")]
        assert db.read_now(lambda tx: person_by_id(tx, team.id, person.account_id)).member.role is Role.ADMIN
        assert_counts_hold(db, team.id)

    def test_an_administrator_is_for_administrators(self, db: Database) -> None:
        team = make_team(db, seats=2)
        boss = make_person(db, team, role=Role.ADMIN).account_id
        clerk = make_person(db, team, role=Role.CONFIGURATOR).account_id
        command = ReleaseSeats(team.id, (PersonMeant(account_id=boss),), OPERATOR, NOW, acting_account_id=clerk)

        done = db.write_now(functools.partial(release_seats, command=command))

        assert reasons(done.outcomes) == [("refused", "administrator_needed")]
        assert statuses(db, team) == {"assigned": 2}


class TestMembersWithoutASeat:
    def test_are_invited_back_to_a_seat_and_keep_their_role(self, db: Database) -> None:
        team = make_team(db, seats=1)
        (ada,) = unseated(db, team, 1, role=Role.ANALYTICS)
        email = db.read_now(lambda tx: person_by_id(tx, team.id, ada)).member.email
        command = invitation_of(team, email)
        invited = invite(db, command)

        accepted = db.write_now(functools.partial(accept_invitation, command=acceptance_of(command.link)))

        assert (accepted.account_id, accepted.role, accepted.seat_id) == (ada, Role.ANALYTICS, invited.seat_id)
        assert seats_of(db, team.id) == [(invited.seat_id, "assigned", "analytics")]
        events = Counter(row[0] for row in db.read_now(lambda tx: tx.all(_events, {"team": team.id})))
        assert events["membership.created"] == 1
        assert_counts_hold(db, team.id)

    def test_take_their_invitation_with_them(self, db: Database) -> None:
        team = make_team(db, seats=1)
        (ada,) = unseated(db, team, 1)
        invite(db, invitation_of(team, db.read_now(lambda tx: person_by_id(tx, team.id, ada)).member.email))

        db.write_now(functools.partial(remove_person, command=RemovePerson(team.id, ada, OPERATOR, NOW)))

        assert statuses(db, team) == {"unassigned": 1}
