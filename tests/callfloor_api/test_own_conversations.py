"""The role user meets its own conversations, and no others, on every route that tells of conversations."""

from __future__ import annotations

import dataclasses
import functools

import httpx
import pytest

from callfloor.access.tables import Role
from callfloor.conversations.changes import CHANGES
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.sequence import number_waiting, prepare
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.factories.conversations import make_conversation
from tests.factories.sessions import sign_in
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport

SAID = (Segment("Ben", 0, 1500, "The refund is on its way."),)
KINDS = tuple(ConversationKind)


@dataclasses.dataclass(frozen=True)
class Person:
    """Somebody signed in, with the conversations that are theirs, by kind."""

    account_id: int
    http: httpx.Client
    own: dict[ConversationKind, str]


@pytest.fixture
def team(db: Database) -> Team:
    db.write_now(functools.partial(prepare, what=CHANGES))
    return make_team(db, seats=10)


def make_both(db: Database, team: Team, email: str | None) -> dict[ConversationKind, str]:
    """Make a call and a meeting of the owner with this address."""
    return {
        kind: make_conversation(db, team, kind=kind, transcript=SAID, date=DAY, owner_email=email) for kind in KINDS
    }


@pytest.fixture
def people(db: Database, services: Services, transport: LoopTransport, team: Team) -> list[Person]:
    """Two users with a call and a meeting each, beside some that belong to nobody."""
    found = []
    for email in (f"ada@{team.id}.example", f"ben@{team.id}.example"):
        account_id, headers = sign_in(db, team, Role.USER, hash_key=services.settings.hash_key, email=email)
        http = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)
        found.append(Person(account_id, http, make_both(db, team, email)))
    make_both(db, team, None)
    number_waiting(db, CHANGES)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("query", [{}, {"scope": "external"}, {"customer_domain": "customer.example"}, {"limit": "1"}])
def test_lists_their_own(people: list[Person], kind: ConversationKind, query: dict[str, str]) -> None:
    for person in people:
        page = person.http.get(f"/{kind.value}s", params=query).json()

        assert ([one["id"] for one in page["data"]], page["total"]) == ([person.own[kind]], 1)
        assert page["data"][0]["owner"]["account_id"] == person.account_id


@pytest.mark.parametrize("kind", KINDS)
def test_another_ones_by_its_id_is_not_there(people: list[Person], kind: ConversationKind) -> None:
    ada, ben = people

    assert ada.http.get(f"/{kind.value}s/{ada.own[kind]}").status_code == 200
    answer = ada.http.get(f"/{kind.value}s/{ben.own[kind]}")
    assert (answer.status_code, answer.json()["code"]) == (404, "conversation_not_found")


@pytest.mark.parametrize(
    "query", [{}, {"kind": "call"}, {"scope": "external"}, {"customer_domain": "customer.example"}]
)
def test_finds_their_own(people: list[Person], query: dict[str, str]) -> None:
    for person in people:
        hits = person.http.get("/search", params={"q": "refund", **query}).json()["data"]

        wanted = [person.own[ConversationKind.CALL]] if "kind" in query else list(person.own.values())
        assert sorted(one["id"] for one in hits) == sorted(wanted)


def test_is_told_of_changes_of_their_own(people: list[Person]) -> None:
    for person in people:
        page = person.http.get("/changes").json()

        assert {one["conversation_id"] for one in page["data"]} == set(person.own.values())
        assert len(page["data"]) == 3 * len(KINDS)


def test_an_administrator_meets_everybodys(
    services: Services, transport: LoopTransport, people: list[Person], team: Team
) -> None:
    _, headers = sign_in(services.db, team, Role.ADMIN, hash_key=services.settings.hash_key)
    admin = httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2", headers=headers)

    assert admin.get("/calls").json()["total"] == len(people) + 1
    assert len({one["conversation_id"] for one in admin.get("/changes").json()["data"]}) == 2 * (len(people) + 1)
