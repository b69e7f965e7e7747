"""Sign-in of a person's agent over time: who waits, who asks too soon, whose token ends with whose seat."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.tables import Role
from callfloor.devices.agent_codes import MakeAgentCode, RedeemAgentCode, make_agent_code, redeem_agent_code
from callfloor.devices.arrival import DeviceConflict, LoggedIn, Machine
from callfloor.devices.authorization import (
    AuthorizationDecided,
    AuthorizationNotFound,
    approve_authorization,
    deny_authorization,
)
from callfloor.devices.jobs import FORGET_AGENT_CODES
from callfloor.devices.signing_in import NotAnEmailTeam, PersonHasNoSeat
from callfloor.devices.token_refusals import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown
from callfloor.devices.tokens import ACTIVE_FOR
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.errors import DomainError
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_secret
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.teams.people import RemovePerson, UnassignSeat, add_person, remove_person, unassign_seat
from callfloor.teams.tables import Payment
from tests.devices.looking import device_of, events_of, trail_of
from tests.factories.agents import Person, Waiting, approve, ask, begin, make_signed_in, origin, sign_in_agent
from tests.factories.devices import machine, make_device_team
from tests.factories.teams import make_team

NOW = 1_800_000_000_000
SECOND, MINUTE, DAY = 1000, 60_000, 86_400_000
LOGOUT = "/api/v2/agent/logout"


@pytest.fixture
def ada(db: Database) -> Person:
    """A person on a seat of an email team."""
    return make_signed_in(db, make_team(db, seats=3))


def deny(db: Database, waiting: Waiting, person: Person) -> None:
    db.write_now(functools.partial(deny_authorization, command=waiting.decision(person)))


def remove(db: Database, person: Person) -> None:
    command = RemovePerson(person.team.id, person.account_id, OPERATOR, NOW)
    db.write_now(functools.partial(remove_person, command=command))


def unassign(db: Database, person: Person) -> None:
    assert person.seat_id is not None
    command = UnassignSeat(person.team.id, person.seat_id, OPERATOR, NOW)
    db.write_now(functools.partial(unassign_seat, command=command))


def is_let_in(http: httpx.Client, token: str) -> bool:
    """Log out with the token; return whether it still stood for somebody."""
    answer = http.post(LOGOUT, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in {204, 401}
    return answer.status_code == 204


class TestAsking:
    def test_gives_the_token_once_the_person_has_confirmed(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)

        before = ask(db, waiting)
        approve(db, waiting, ada)
        given = ask(db, waiting, now=NOW + 5 * SECOND)

        assert isinstance(before, AuthorizationPending)
        assert isinstance(given, LoggedIn)
        assert given.seat_id == ada.seat_id
        known = device_of(db, ada.team.id, given.device_id)
        assert (known.account_id, known.seat_id, known.state) == (ada.account_id, ada.seat_id, "seated")
        with pytest.raises(InvalidGrant):
            ask(db, waiting, now=NOW + 10 * SECOND)

    def test_too_soon_makes_the_pause_longer_each_time(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)

        told = [ask(db, waiting, now=NOW + at * SECOND) for at in (0, 1, 12, 13, 34)]

        kinds = [AuthorizationPending, SlowDown, AuthorizationPending, SlowDown, AuthorizationPending]
        assert [type(one) for one in told] == kinds
        assert [one.retry_after_seconds for one in told if isinstance(one, SlowDown)] == [10, 15]
        approve(db, waiting, ada)
        assert isinstance(ask(db, waiting, now=NOW + 35 * SECOND), LoggedIn)

    def test_ends_with_the_refusal_of_the_person(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)

        deny(db, waiting, ada)

        with pytest.raises(AccessDenied):
            ask(db, waiting)
        assert events_of(db, ada.team.id, "agent_authorization.%") == ["agent_authorization.denied"]

    @pytest.mark.parametrize("is_confirmed", [False, True])
    def test_ends_when_its_time_is_over(self, db: Database, ada: Person, *, is_confirmed: bool) -> None:
        waiting = begin(db, now=NOW)
        if is_confirmed:
            approve(db, waiting, ada)

        with pytest.raises(ExpiredToken):
            ask(db, waiting, now=NOW + 15 * MINUTE)

    def test_with_another_code_is_no_sign_in(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)
        approve(db, waiting, ada)

        with pytest.raises(InvalidGrant):
            ask(db, Waiting(waiting.user_code, waiting.device_code, waiting.machine, NOW))

    @pytest.mark.parametrize("leave", [remove, unassign])
    def test_is_refused_when_the_person_left_since(
        self, db: Database, ada: Person, leave: Callable[[Database, Person], None]
    ) -> None:
        waiting = begin(db, now=NOW)
        approve(db, waiting, ada)
        leave(db, ada)

        with pytest.raises(AccessDenied):
            ask(db, waiting)


class TestConfirming:
    def test_is_for_people_who_hold_a_seat(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)
        unassign(db, ada)

        with pytest.raises(PersonHasNoSeat):
            approve(db, waiting, ada)

    def test_is_for_email_teams(self, db: Database) -> None:
        waiting, bob = begin(db, now=NOW), make_signed_in(db, make_device_team(db).team, role=Role.ADMIN)

        with pytest.raises(NotAnEmailTeam):
            approve(db, waiting, bob)

    def test_happens_once(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)
        approve(db, waiting, ada)

        with pytest.raises(AuthorizationDecided):
            deny(db, waiting, ada)
        with pytest.raises(AuthorizationNotFound):
            approve(db, waiting, make_signed_in(db, ada.team))

    def test_comes_too_late(self, db: Database, ada: Person) -> None:
        waiting = begin(db, now=NOW)

        with pytest.raises(AuthorizationNotFound):
            approve(db, waiting, ada, now=NOW + 15 * MINUTE)

    def test_leaves_a_trail(self, db: Database, ada: Person) -> None:
        given = sign_in_agent(db, ada, now=NOW)

        assert trail_of(db, ada.team.id, "agent_authorization.%") == [
            ("agent_authorization.approved", "account", str(ada.account_id))
        ]
        assert trail_of(db, ada.team.id) == [("device.enrolled", "device", str(given.device_id))]


class TestToken:
    @pytest.mark.parametrize("leave", [remove, unassign])
    def test_ends_with_the_seat_and_does_not_come_back_with_the_person(
        self, db: Database, http: httpx.Client, ada: Person, leave: Callable[[Database, Person], None]
    ) -> None:
        tokens = [new_secret() for _ in range(3)]
        given = [sign_in_agent(db, ada, machine(number), token=token) for number, token in enumerate(tokens)]
        assert is_let_in(http, tokens[0])

        leave(db, ada)
        after_leaving = is_let_in(http, tokens[1])
        back = NewMember(ada.team.id, ada.email, Role.USER, clock.now() + 1)
        db.write_now(lambda tx: add_person(tx, back, OPERATOR))
        after_return = is_let_in(http, tokens[2])

        assert (after_leaving, after_return) == (False, False)
        assert {device_of(db, ada.team.id, one.device_id).account_id for one in given} == {ada.account_id}

    def test_stays_when_the_person_gets_another_role(self, db: Database, http: httpx.Client, ada: Person) -> None:
        token = new_secret()
        sign_in_agent(db, ada, token=token)
        unassign(db, make_signed_in(db, ada.team))

        assert is_let_in(http, token)

    def test_of_another_person_on_the_same_machine_stays(self, db: Database, http: httpx.Client, ada: Person) -> None:
        bob, tokens = make_signed_in(db, ada.team), [new_secret(), new_secret()]

        one = sign_in_agent(db, ada, machine(1), token=tokens[0])
        other = sign_in_agent(db, bob, machine(1, hostname="ws-2"), token=tokens[1])
        remove(db, bob)

        assert one.device_id != other.device_id
        assert [is_let_in(http, token) for token in tokens] == [True, False]


class TestMachine:
    def test_that_comes_again_is_the_same_device(self, db: Database, ada: Person) -> None:
        first = sign_in_agent(db, ada, machine(1), now=NOW)
        again = sign_in_agent(db, ada, machine(1, app_version="2.0.0"), now=NOW + DAY)

        assert first == again
        assert device_of(db, ada.team.id, first.device_id).app_version == "2.0.0"

    def test_active_at_another_host_is_a_conflict_and_keeps_its_confirmation(self, db: Database, ada: Person) -> None:
        first = sign_in_agent(db, ada, machine(1), now=NOW)
        waiting = begin(db, machine(1, hostname="clone"), now=NOW + SECOND)
        approve(db, waiting, ada)

        refused = ask(db, waiting)
        let_in = ask(db, waiting, now=NOW + ACTIVE_FOR)

        assert isinstance(refused, DeviceConflict)
        assert let_in == first
        assert events_of(db, ada.team.id, "device.conflicted") == ["device.conflicted"]
        assert device_of(db, ada.team.id, first.device_id).hostname == "clone"


class TestCodeOfAnAdministrator:
    def make(self, db: Database, person: Person, *, days: int = 3) -> bytes:
        code = new_secret().encode()
        command = MakeAgentCode(person.team.id, person.account_id, code, NOW + days * DAY, OPERATOR, NOW)
        db.write_now(functools.partial(make_agent_code, command=command))
        return code

    def redeem(
        self, db: Database, code: bytes, which: Machine | None = None, *, now: int = NOW
    ) -> LoggedIn | DeviceConflict | str:
        """Return the outcome, or the code of the refusal."""
        command = RedeemAgentCode(code, which or machine(), origin(now=now))
        try:
            return db.write_now(functools.partial(redeem_agent_code, command=command))
        except DomainError as refusal:
            return refusal.code

    def test_signs_in_once(self, db: Database, ada: Person) -> None:
        code = self.make(db, ada)

        first, second = self.redeem(db, code), self.redeem(db, code)

        assert isinstance(first, LoggedIn)
        assert (first.seat_id, second) == (ada.seat_id, "agent_code_invalid")

    def test_takes_the_place_of_the_one_before(self, db: Database, ada: Person) -> None:
        old, new = self.make(db, ada), self.make(db, ada)

        assert self.redeem(db, old) == "agent_code_invalid"
        assert isinstance(self.redeem(db, new), LoggedIn)

    def test_ends_with_its_days(self, db: Database, ada: Person) -> None:
        assert self.redeem(db, self.make(db, ada), now=NOW + 3 * DAY) == "agent_code_invalid"

    def test_ends_with_the_seat_of_its_person(self, db: Database, ada: Person) -> None:
        code = self.make(db, ada)
        unassign(db, ada)

        assert self.redeem(db, code) == "agent_code_invalid"

    def test_is_not_used_up_by_a_conflict(self, db: Database, ada: Person) -> None:
        sign_in_agent(db, ada, machine(1), now=NOW)
        code = self.make(db, ada)

        refused = self.redeem(db, code, machine(1, hostname="clone"))
        let_in = self.redeem(db, code, machine(1, hostname="clone"), now=NOW + ACTIVE_FOR)

        assert isinstance(refused, DeviceConflict)
        assert isinstance(let_in, LoggedIn)


def test_what_is_over_is_forgotten(fresh_database_url: str, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    db = open_database(fresh_database_url)
    ada = make_signed_in(db, make_team(db, seats=1, payment=Payment.INVOICE))
    old, fresh = begin(db, now=NOW), begin(db, now=NOW + 2 * DAY)
    job = Enqueue(kind=FORGET_AGENT_CODES.name, args={}, team_id=None, now=NOW + 2 * DAY)

    db.write_now(lambda tx: enqueue(tx, job))
    drain(Services(settings, db, open_files(settings)), [FORGET_AGENT_CODES], now=NOW + 2 * DAY)

    with pytest.raises(InvalidGrant):
        ask(db, old, now=NOW + 2 * DAY)
    db.write_now(functools.partial(approve_authorization, command=fresh.decision(ada)))
    assert isinstance(ask(db, fresh), LoggedIn)
    db.close_now()
