"""People who are signed in, and agents of theirs, by the product's own verbs."""

from __future__ import annotations

import dataclasses
import functools

from callfloor.access.audit import Actor
from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import begin_session, csrf_token
from callfloor.access.tables import Role
from callfloor.devices.arrival import DeviceConflict, LoggedIn, Machine, Origin
from callfloor.devices.authorization import (
    BeginAuthorization,
    DecideAuthorization,
    RedeemAuthorization,
    approve_authorization,
    begin_authorization,
    redeem_authorization,
)
from callfloor.devices.token_refusals import TokenRefused
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id, new_secret
from callfloor.teams.teams import Team
from tests.factories.devices import HASH_KEY, machine
from tests.factories.teams import make_person

MINUTE = 60_000


@dataclasses.dataclass(frozen=True)
class Person:
    """A member of a team, with the headers of a session of theirs."""

    team: Team
    account_id: int
    seat_id: int | None
    email: str
    headers: dict[str, str]

    @property
    def actor(self) -> Actor:
        """Return the person as the actor of audit entries."""
        return Actor("account", str(self.account_id), self.email)


def make_signed_in(db: Database, team: Team, *, role: Role = Role.USER, email: str | None = None) -> Person:
    """Make a member of the team who has just signed in."""
    address = email or f"{new_id()}@people.example"
    added = make_person(db, team, role=role, email=address)
    return Person(team, added.account_id, added.seat_id, address, session_of(db, team, added.account_id))


def session_of(db: Database, team: Team, account_id: int, *, now: int | None = None) -> dict[str, str]:
    """Begin a session of the person, and return its headers."""
    token = new_secret()
    begin = functools.partial(
        begin_session,
        account_id=account_id,
        team_id=team.id,
        token_hash=keyed_hash(token, key=HASH_KEY),
        now=now or clock.now(),
    )
    db.write_now(begin)
    return {"cookie": f"__Host-callfloor={token}", "x-csrf-token": csrf_token(token, hash_key=HASH_KEY)}


@dataclasses.dataclass(frozen=True)
class Waiting:
    """An authorization that an agent has begun; codes are their own hashes here."""

    device_code: bytes
    user_code: bytes
    machine: Machine
    now: int

    def redemption(self, *, now: int | None = None, token: str | None = None) -> RedeemAuthorization:
        """Return the command by which the agent asks for its token."""
        return RedeemAuthorization(self.device_code, origin(now=now or self.now, token=token))

    def decision(self, person: Person, *, now: int | None = None) -> DecideAuthorization:
        """Return the command by which the person decides."""
        return DecideAuthorization(self.user_code, person.team.id, person.account_id, person.actor, now or self.now)


def origin(*, now: int, token: str | None = None) -> Origin:
    """Return where an agent of the tests comes from."""
    return Origin(keyed_hash(token or new_secret(), key=HASH_KEY), new_id(), "127.0.0.1", now)


def begin(db: Database, which: Machine | None = None, *, now: int | None = None, minutes: int = 15) -> Waiting:
    """Let an agent begin."""
    at = now or clock.now()
    waiting = Waiting(new_secret().encode(), new_secret().encode(), which or machine(), at)
    command = BeginAuthorization(
        waiting.device_code, waiting.user_code, waiting.machine, "127.0.0.1", at + minutes * MINUTE, at
    )
    assert db.write_now(functools.partial(begin_authorization, command=command))
    return waiting


def approve(db: Database, waiting: Waiting, person: Person, *, now: int | None = None) -> None:
    """Let the person confirm the machine."""
    db.write_now(functools.partial(approve_authorization, command=waiting.decision(person, now=now)))


def ask(
    db: Database, waiting: Waiting, *, now: int | None = None, token: str | None = None
) -> LoggedIn | DeviceConflict | TokenRefused:
    """Let the agent ask for its token; raises what the verb raises."""
    command = waiting.redemption(now=now, token=token)
    return db.write_now(functools.partial(redeem_authorization, command=command))


def sign_in_agent(
    db: Database, person: Person, which: Machine | None = None, *, now: int | None = None, token: str | None = None
) -> LoggedIn:
    """Sign an agent of the person in."""
    waiting = begin(db, which, now=now)
    approve(db, waiting, person)
    outcome = ask(db, waiting, token=token)
    assert isinstance(outcome, LoggedIn)
    return outcome
