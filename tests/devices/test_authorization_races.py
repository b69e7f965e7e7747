"""Two at the same moment: one token for one code, one decision for one machine, and none for who leaves."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from callfloor.access.audit import OPERATOR
from callfloor.devices.agent_codes import AgentCodeInvalid, MakeAgentCode, RedeemAgentCode, make_agent_code
from callfloor.devices.agent_codes import redeem_agent_code as redeem_code
from callfloor.devices.arrival import LoggedIn
from callfloor.devices.authorization import (
    AuthorizationDecided,
    approve_authorization,
    deny_authorization,
    redeem_authorization,
)
from callfloor.devices.token_refusals import AccessDenied, InvalidGrant
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.foundation.ids import new_secret
from callfloor.teams.people import RemovePerson, remove_person
from tests.devices.looking import every_device
from tests.factories.agents import Person, Waiting, approve, begin, make_signed_in, origin
from tests.factories.devices import machine
from tests.factories.teams import make_team
from tests.support.racing import at_once

NOW = 1_800_000_000_000


def verb(db: Database, what: Callable[..., Any], command: object) -> Callable[[], Any]:
    """Return the work of one verb."""
    return functools.partial(db.write_now, functools.partial(what, command=command))


def asking(db: Database, waiting: Waiting) -> Callable[[], Any]:
    return verb(db, redeem_authorization, waiting.redemption())


def removing(db: Database, person: Person) -> Callable[[], Any]:
    return verb(db, remove_person, RemovePerson(person.team.id, person.account_id, OPERATOR, NOW))


def test_one_code_gives_one_token(db: Database, second: Database) -> None:
    team = make_team(db, seats=1)
    ada, waiting = make_signed_in(db, team), begin(db, now=NOW)
    approve(db, waiting, ada)

    outcomes = at_once([asking(one, waiting) for one in [db, second] * 6])

    assert sum(isinstance(one, LoggedIn) for one in outcomes) == 1
    assert sum(isinstance(one, InvalidGrant) for one in outcomes) == 11
    assert len(every_device(db, team.id)) == 1


def test_one_code_of_an_administrator_gives_one_token(db: Database, second: Database) -> None:
    ada, code = make_signed_in(db, make_team(db, seats=1)), new_secret().encode()
    command = MakeAgentCode(ada.team.id, ada.account_id, code, NOW + 1000, OPERATOR, NOW)
    db.write_now(functools.partial(make_agent_code, command=command))

    outcomes = at_once(
        [
            verb(one, redeem_code, RedeemAgentCode(code, machine(number), origin(now=NOW)))
            for number, one in enumerate([db, second] * 5)
        ]
    )

    assert sum(isinstance(one, LoggedIn) for one in outcomes) == 1
    assert sum(isinstance(one, AgentCodeInvalid) for one in outcomes) == 9
    assert len(every_device(db, ada.team.id)) == 1


def test_a_machine_is_confirmed_or_refused_never_both(db: Database, second: Database) -> None:
    ada = make_signed_in(db, make_team(db, seats=1))
    for _ in range(5):
        waiting = begin(db, now=NOW)

        approved, denied = at_once(
            [
                verb(db, approve_authorization, waiting.decision(ada)),
                verb(second, deny_authorization, waiting.decision(ada)),
            ]
        )

        assert isinstance(approved, AuthorizationDecided) != isinstance(denied, AuthorizationDecided)
        (outcome,) = at_once([asking(db, waiting)])
        assert isinstance(outcome, LoggedIn if isinstance(denied, AuthorizationDecided) else AccessDenied)


def test_who_is_removed_at_the_same_moment_has_no_agent(db: Database, second: Database) -> None:
    for _ in range(5):
        team = make_team(db, seats=1)
        ada, waiting = make_signed_in(db, team), begin(db, now=NOW)
        approve(db, waiting, ada)

        asked, removed = at_once([asking(db, waiting), removing(second, ada)])

        assert removed is None
        assert isinstance(asked, LoggedIn | AccessDenied)
        assert [one.state for one in every_device(db, team.id)] == ["unseated"] * isinstance(asked, LoggedIn)


def test_who_is_removed_at_the_same_moment_confirms_nothing(db: Database, second: Database) -> None:
    for _ in range(5):
        ada, waiting = make_signed_in(db, make_team(db, seats=1)), begin(db, now=NOW)

        at_once([verb(db, approve_authorization, waiting.decision(ada)), removing(second, ada)])

        (outcome,) = at_once([asking(db, waiting)])
        assert not isinstance(outcome, LoggedIn)
        assert every_device(db, ada.team.id) == []
        assert isinstance(outcome, DomainError)
