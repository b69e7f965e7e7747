"""Both headers open the API; anything else is 403, in the dialect's shape."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import DeleteKey, delete_key
from callfloor.conversations_api import create_app
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.limits.of_apis import Limits
from callfloor.foundation.rate_limit import Api, Limit, MemoryRateLimit
from callfloor.foundation.services import Services
from tests.conversations_api.conftest import Http, Loop, Member
from tests.factories.conversations import make_conversation
from tests.factories.teams import make_conversations_key, make_portal_key

PATHS = (("GET", "/calls"), ("POST", "/calls"), ("GET", "/meetings"), ("GET", "/calls/x"), ("GET", "/nowhere"))


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("missing", ["api-key", "client-id", "both"])
def test_refuses_a_request_without_both_headers(member: Member, method: str, path: str, missing: str) -> None:
    headers = {} if missing == "both" else {k: v for k, v in member.key.headers.items() if k != missing}
    member.http.headers = headers

    answer = member.http.send(method, path)

    assert answer.status_code == 403
    assert answer.json()["statusCode"] == 403
    assert answer.json()["error"] == "Forbidden"
    assert isinstance(answer.json()["message"], str)


def test_refuses_a_wrong_key_and_a_client_id_of_another_team(member: Member, stranger: Member) -> None:
    own = member.key.headers

    for headers in (
        {**own, "api-key": "x" * 43},
        {**own, "client-id": stranger.key.client_id},
        {**own, "client-id": own["client-id"] + " x"},
        {**own, "api-key": "k" * 5000},
    ):
        member.http.headers = headers
        assert member.http.get("/calls").status_code == 403


def test_refuses_an_expired_key(services: Services, loop: Loop, member: Member) -> None:
    old = make_conversations_key(
        services.db,
        member.team,
        hash_key=services.settings.hash_key,
        name="last year's",
        now=clock.now() - 366 * DAY,
    )

    assert Http(loop, create_app(services), old.headers).get("/calls").status_code == 403


def test_refuses_a_portal_secret(services: Services, loop: Loop, member: Member) -> None:
    portal = make_portal_key(services.db, member.team, hash_key=services.settings.hash_key)
    headers = {"api-key": portal.secret, "client-id": member.key.client_id}

    assert Http(loop, create_app(services), headers).get("/calls").status_code == 403


def test_refuses_a_deleted_key_at_once(services: Services, member: Member) -> None:
    assert member.http.get("/calls").status_code == 200

    command = DeleteKey(member.team.id, member.key.id, OPERATOR, clock.now())
    services.db.write_now(functools.partial(delete_key, command=command))

    assert member.http.get("/calls").status_code == 403


def test_hides_the_conversations_of_other_teams(services: Services, member: Member, stranger: Member) -> None:
    hidden = make_conversation(services.db, stranger.team)

    assert member.http.get(f"/calls/{hidden}").status_code == 404
    assert member.http.get("/calls", id=hidden).json()["data"] == []


def test_limits_each_key_by_itself(services: Services, loop: Loop, member: Member) -> None:
    limits = Limits({Api.CONVERSATIONS: MemoryRateLimit(Limit(requests=2, window_seconds=60, block_seconds=60))})
    app = create_app(dataclasses.replace(services, limits=limits))
    other = make_conversations_key(services.db, member.team, hash_key=services.settings.hash_key, name="another")
    busy, quiet = Http(loop, app, member.key.headers), Http(loop, app, other.headers)

    first, wrong, refused = busy.get("/calls"), busy.get("/nowhere"), busy.get("/calls")

    assert [answer.status_code for answer in (first, wrong, refused)] == [200, 404, 429]
    assert {answer.headers["RateLimit-Policy"] for answer in (first, wrong, refused)} == {'"default";q=2;w=60'}
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in (first, wrong, refused)] == [
        '"default";r=1',
        '"default";r=0',
        '"default";r=0',
    ]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit"] == f'"default";r=0;t={refused.headers["Retry-After"]}'
    assert refused.json()["error"] == "Too Many Requests"
    assert quiet.get("/calls").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("DELETE", "/calls", "GET, POST"), ("POST", "/meetings", "GET"), ("PUT", "/calls/x", "GET")],
)
def test_names_the_allowed_methods(http: Http, method: str, path: str, allowed: str) -> None:
    answer = http.send(method, path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
    assert answer.json()["statusCode"] == 405


@pytest.mark.parametrize("path", ["/nowhere", "/calls/", "/calls/a/b", "/calls/%00", "/meetings/unknown"])
def test_answers_404_for_an_address_or_id_that_does_not_exist(http: Http, path: str) -> None:
    answer = http.send("GET", path)

    assert answer.status_code == 404
    assert answer.json()["error"] == "Not Found"
