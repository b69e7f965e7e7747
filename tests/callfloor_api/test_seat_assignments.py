"""`/api/v2/seats/assignments` and `/releases`: members seated from a pasted column, tried first, done once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callfloor.foundation.database import Database
from callfloor.foundation.ids import new_id
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_person, make_team
from tests.teams.counting import assert_counts_hold, seats_of

ASSIGNMENTS = "/seats/assignments"


@pytest.fixture
def writer(client: ClientOf) -> Callable[[Team], httpx.Client]:
    """Return a client that may read and change people."""
    return lambda team: client(team, "people:read", "people:write")


def members(db: Database, team: Team, count: int) -> list[str]:
    """Return the addresses of new members, each on a seat."""
    emails = [f"{new_id()}@people.example" for _ in range(count)]
    for email in emails:
        make_person(db, team, email=email)
    return emails


def named(*emails: str) -> list[dict[str, str]]:
    return [{"email": email} for email in emails]


def test_a_dry_run_tells_what_then_happens(db: Database, writer: Callable[[Team], httpx.Client]) -> None:
    team = make_team(db, seats=4)
    ada, bob, eve = members(db, team, 3)
    http = writer(team)
    released = http.post("/seats/releases", json={"text": f"{ada}\n{bob}"}).json()
    body = {"people": [{"email": ada, "role": "analytics"}], "text": f'"{bob.upper()}", {eve}\n{ada} nobody'}

    tried = http.post(ASSIGNMENTS, json={**body, "dry_run": True}).json()
    between = [status for _, status, _ in seats_of(db, team.id)]
    done = http.post(ASSIGNMENTS, json=body).json()

    lowest, second, third, _ = [number for number, _, _ in seats_of(db, team.id)]
    assert [(row["result"], row["code"]) for row in done["data"]] == [
        ("assigned", None),
        ("assigned", None),
        ("skipped", "already_seated"),
        ("skipped", "repeated"),
        ("refused", "validation_error"),
    ]
    assert {**tried, "dry_run": False} == done
    assert (released["changed"], released["free_seats"]) == (2, 3)
    assert (done["changed"], done["free_seats"]) == (2, 1)
    assert done["data"][0]["before"] == {"role": "user", "seat_id": None}
    assert done["data"][0]["after"] == {"role": "analytics", "seat_id": lowest}
    assert between == ["unassigned", "unassigned", "assigned", "unassigned"]
    assert seats_of(db, team.id)[:3] == [
        (lowest, "assigned", "analytics"),
        (second, "assigned", "user"),
        (third, "assigned", "user"),
    ]
    assert [one["email"] for one in http.get("/people", params={"status": "unassigned"}).json()["data"]] == []
    assert_counts_hold(db, team.id)


def test_too_few_seats_seat_nobody_unless_asked(db: Database, writer: Callable[[Team], httpx.Client]) -> None:
    team = make_team(db, seats=2)
    http = writer(team)
    people = named(*members(db, team, 2))
    http.post("/seats/releases", json={"people": people})
    make_person(db, team)

    refused = http.post(ASSIGNMENTS, json={"people": people})
    tried = http.post(ASSIGNMENTS, json={"people": people, "dry_run": True})
    some = http.post(ASSIGNMENTS, json={"people": people, "partial": True}).json()

    assert [(one.status_code, one.json()["code"]) for one in (refused, tried)] == [(409, "no_empty_seat")] * 2
    assert "2 people to seat, 1 free seats: add 1 seats" in refused.json()["detail"]
    assert [row["code"] for row in some["data"]] == [None, "no_empty_seat"]
    assert some["free_seats"] == 0


def test_the_same_key_gets_the_first_answer_again(db: Database, writer: Callable[[Team], httpx.Client]) -> None:
    team = make_team(db, seats=2)
    http = writer(team)
    ada, bob = members(db, team, 2)
    http.post("/seats/releases", json={"text": f"{ada} {bob}"})
    key = {"Idempotency-Key": "a new shift"}
    body = {"text": ada, "role": "configurator"}

    tried = http.post(ASSIGNMENTS, json={**body, "dry_run": True}, headers=key).json()
    first, again = (http.post(ASSIGNMENTS, json=body, headers=key).json() for _ in range(2))
    other = http.post(ASSIGNMENTS, json={"text": bob}, headers=key)

    assert {**tried, "dry_run": False} == first == again
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "people"),
        ({"text": " ,\n;"}, "people"),
        ({"people": [{"account_id": 1}] * 501}, "people"),
        ({"people": [{"account_id": 1}] * 500, "text": "ada@people.example"}, "people"),
        ({"people": [{}]}, "people.0"),
        ({"people": [{"account_id": 1, "email": "ada@people.example"}]}, "people.0"),
        ({"people": [{"account_id": "1"}]}, "people.0.account_id"),
        ({"text": "ada@people.example", "role": "owner"}, "role"),
    ],
)
def test_names_the_field_that_is_wrong(
    db: Database, writer: Callable[[Team], httpx.Client], body: dict[str, Any], field: str
) -> None:
    answer = writer(make_team(db, seats=1)).post(ASSIGNMENTS, json=body)

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


def test_only_people_are_seated_this_way(db: Database, writer: Callable[[Team], httpx.Client]) -> None:
    http = writer(make_team(db, type_=TeamType.DEVICE, seats=1))

    answers = [http.post(path, json={"text": "ada@people.example"}) for path in (ASSIGNMENTS, "/seats/releases")]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(403, "not_permitted_change_seat_status")] * 2
