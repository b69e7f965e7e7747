"""Device teams with a secret, and machines that log in, by the product's own verbs."""

from __future__ import annotations

import dataclasses
import functools

from callfloor.access.audit import OPERATOR
from callfloor.access.secrets import keyed_hash
from callfloor.devices.arrival import DeviceConflict, LoggedIn, Machine
from callfloor.devices.enrolment import LogIn, log_in_device
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id, new_secret
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.teams import Team, rotate_device_secret
from tests.factories.teams import make_team

HASH_KEY = b"a key of the tests, thirty-two characters and more"


@dataclasses.dataclass(frozen=True)
class DeviceTeam:
    """A device team, and the secret by which its machines join."""

    team: Team
    secret: str
    hash_key: bytes

    @property
    def id(self) -> int:
        """Return the team's id."""
        return self.team.id


def make_device_team(
    db: Database, *, seats: int = 0, payment: Payment = Payment.CARD, hash_key: bytes = HASH_KEY
) -> DeviceTeam:
    """Make a device team with free seats."""
    team, secret = make_team(db, type_=TeamType.DEVICE, seats=seats, payment=payment), new_secret()
    hashed = keyed_hash(secret, key=hash_key)
    db.write_now(lambda tx: rotate_device_secret(tx, team.id, hashed, actor=OPERATOR, now=clock.now()))
    return DeviceTeam(team, secret, hash_key)


def machine(number: int | str = 1, **facts: str) -> Machine:
    """Return a machine that describes itself; its hostname is `ws-NUMBER` unless told."""
    plain = Machine(
        machine_id=f"machine-{number}",
        hostname=f"ws-{number}",
        username="ada",
        os="windows",
        os_version="11 24H2",
        app_version="1.0.0",
    )
    return dataclasses.replace(plain, **facts)


def log_in(
    db: Database, team: DeviceTeam, which: Machine, *, now: int | None = None, token: str | None = None
) -> LoggedIn:
    """Log the machine in; it must be let in."""
    outcome = try_log_in(db, team, which, now=now, token=token)
    assert isinstance(outcome, LoggedIn)
    return outcome


def try_log_in(
    db: Database, team: DeviceTeam, which: Machine, *, now: int | None = None, token: str | None = None
) -> LoggedIn | DeviceConflict:
    """Log the machine in; raises what the verb raises."""
    command = LogIn(
        secret_hash=keyed_hash(team.secret, key=team.hash_key),
        machine=which,
        token_hash=keyed_hash(token or new_secret(), key=team.hash_key),
        request_id=new_id(),
        address="127.0.0.1",
        now=now or clock.now(),
    )
    return db.write_now(functools.partial(log_in_device, command=command))
