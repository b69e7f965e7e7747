"""Paths and methods that are no route, and who may call those that are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import DeleteKey, delete_key
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from callfloor.portal_api.app import routes
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient, basic, send
from tests.factories.teams import make_conversations_key, make_portal_key, make_team

SEATS = "/api/v1/seats"
TODAY = clock.iso(clock.now())[:10]
PortalOf = Callable[[Team], PortalClient]


class TestNoRoute:
    @pytest.mark.parametrize(
        "path",
        [
            "/api/v1",
            "/api/v1/",
            "/api/v1/seat",
            "/api/v1/Seats",
            "/api/v1/seats/",
            "/api/v1//seats",
            "/api/v1/seats/1/",
            "/api/v1/seats/1/2",
            "/api/v1/seats%2F1",
            "/api/v1/seats/1%2F2",
            "/api/v1/seats%20",
            "/api/v1/seats%00",
            "/api/v1/%E2%80%AE",
            "/api/v1/api/v1/seats",
            "/api/v1/.env",
            "/api/v1/seats.json",
            "/api/v1/" + "a" * 5_000,
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_is_not_found(self, db: Database, portal: PortalOf, method: str, path: str) -> None:
        answer = portal(make_team(db)).call(method, path)

        assert (answer.error, answer.code, answer.status) == ("NOT_FOUND", 1015, 400)

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PURGE"])
    def test_is_made_by_another_method(self, db: Database, portal: PortalOf, method: str) -> None:
        assert portal(make_team(db)).call(method, SEATS).error == "NOT_FOUND"

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "OPTIONS"])
    def test_is_made_by_another_method_of_a_seat(self, db: Database, portal: PortalOf, method: str) -> None:
        assert portal(make_team(db)).call(method, f"{SEATS}/1").error == "NOT_FOUND"

    def test_without_a_key_does_not_tell(self, http: httpx.Client) -> None:
        assert send(http, "GET", "/api/v1/none").error == "AUTH_HEADER_MISSING"


REQUESTS: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", SEATS): {},
    ("POST", SEATS): {"json": {"count": 1}},
    ("DELETE", f"{SEATS}/{{id}}"): {},
    ("DELETE", f"{SEATS}/unassign/{{id}}"): {},
    ("POST", "/api/v1/team/invite"): {"json": {"email": "ada@people.example"}},
    ("PUT", f"{SEATS}/block/{{id}}"): {},
    ("GET", "/api/v1/team/block/list"): {},
    ("PUT", "/api/v1/team/device/unblock/{id}"): {},
    ("GET", "/api/v1/analytics/monitoring"): {},
    ("GET", "/api/v1/analytics/usage"): {"params": {"group_by": "username", "from": TODAY, "to": TODAY}},
}
"""Every route with a request that is right; a route that is not listed fails the test."""

UNASSIGN = ("DELETE", f"{SEATS}/unassign/{{id}}")
BLOCK, UNBLOCK = ("PUT", f"{SEATS}/block/{{id}}"), ("PUT", "/api/v1/team/device/unblock/{id}")
OF_DEVICES = {BLOCK, UNBLOCK, ("GET", "/api/v1/team/block/list")}
"""Routes of device teams alone."""
OF_A_FREE_SEAT = {UNASSIGN: "SEAT_IS_EMPTY", BLOCK: "SEAT_IS_EMPTY", UNBLOCK: "NOT_FOUND"}
"""What the team's own key is answered where it is not success, the id being that of a free seat."""
OF_A_STRANGERS_SEAT = {
    ("DELETE", f"{SEATS}/{{id}}"): "SEAT_NOT_FOUND",
    UNASSIGN: "SEAT_NOT_FOUND",
    ("POST", "/api/v1/team/invite"): "NOT_EMPTY_SEAT",
    BLOCK: "SEAT_NOT_FOUND",
    UNBLOCK: "NOT_FOUND",
}
"""The same, the id being that of another team's seat."""

EXPECTED = {
    "nobody": "AUTH_HEADER_MISSING",
    "a deleted key": "AUTH_BASIC_INVALID_TOKEN",
    "a Conversations key": "AUTH_BASIC_INVALID_TOKEN",
    "a bearer": "AUTH_BASIC_ONLY",
    "a wrong secret": "AUTH_BASIC_INVALID_TOKEN",
    "the team's key": None,
}


def test_every_route_has_its_request() -> None:
    assert set(routes()) == set(REQUESTS)


@pytest.mark.parametrize("who", list(EXPECTED))
@pytest.mark.parametrize(("method", "path"), list(REQUESTS))
class TestPermission:
    def test_of(self, db: Database, http: httpx.Client, hash_key: bytes, method: str, path: str, who: str) -> None:
        team = make_team(db, type_=type_of(method, path), seats=1)
        key = make_portal_key(db, team, hash_key=hash_key)
        headers = {
            "nobody": {},
            "a deleted key": deleted_key(db, team, hash_key),
            "a Conversations key": conversations_key(db, team, hash_key),
            "a bearer": {"Authorization": f"Bearer {key.secret}"},
            "a wrong secret": {"Authorization": basic(key.name, key.secret[::-1])},
            "the team's key": key.header,
        }[who]
        seat_id = PortalClient(http, key.name, key.secret).seats().data["rows"][0]["id"]

        answer = send(http, method, path.format(id=seat_id), headers=headers, **REQUESTS[method, path])

        assert answer.error == (EXPECTED[who] or OF_A_FREE_SEAT.get((method, path)))


@pytest.mark.parametrize(("method", "path"), list(REQUESTS))
def test_a_stranger_meets_nothing_of_the_team(
    db: Database, http: httpx.Client, hash_key: bytes, portal: PortalOf, method: str, path: str
) -> None:
    type_ = type_of(method, path)
    team = make_team(db, type_=type_, seats=2)
    key = make_portal_key(db, team, hash_key=hash_key)
    ada = PortalClient(http, key.name, key.secret)
    before = ada.seats().data

    stranger = portal(make_team(db, type_=type_))
    answer = stranger.call(method, path.format(id=before["rows"][0]["id"]), **REQUESTS[method, path])

    assert answer.error == OF_A_STRANGERS_SEAT.get((method, path))
    assert ada.seats().data == before


@pytest.mark.parametrize(("method", "path"), sorted(OF_DEVICES))
def test_an_email_team_has_no_devices(db: Database, portal: PortalOf, method: str, path: str) -> None:
    client = portal(make_team(db, seats=1))

    for number in (next(client.every_seat())["id"], 2**62):
        assert client.call(method, path.format(id=number)).error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"


def type_of(method: str, path: str) -> TeamType:
    """Return the type of team that the route is for, or email where it is for both."""
    return TeamType.DEVICE if (method, path) in OF_DEVICES else TeamType.EMAIL


def deleted_key(db: Database, team: Team, hash_key: bytes) -> dict[str, str]:
    """Return the header of a key that was deleted."""
    key = make_portal_key(db, team, hash_key=hash_key, name="gone")
    db.write_now(lambda tx: delete_key(tx, DeleteKey(team.id, key.id, OPERATOR, 1)))
    return key.header


def conversations_key(db: Database, team: Team, hash_key: bytes) -> dict[str, str]:
    """Return the header of a key of the other API, used as one of this."""
    key = make_conversations_key(db, team, hash_key=hash_key)
    return {"Authorization": basic("crm", key.api_key)}
