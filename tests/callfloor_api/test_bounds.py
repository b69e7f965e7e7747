"""What bounds every request: body, parameters, scopes, and the limit of a key."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re

import httpx

from callfloor.foundation.database import Database
from callfloor.foundation.limits.of_apis import Limits
from callfloor.foundation.rate_limit import Api, Limit, MemoryRateLimit
from callfloor.foundation.services import Services
from callfloor.server.api_bounds import BODY_LIMIT
from callfloor.server.api_v2 import as_json, create_app
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport


def test_a_body_over_the_limit_is_refused(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), "team:write")

    whole = http.patch("/team", json={"name": "x" * BODY_LIMIT})
    in_pieces = http.patch("/team", content=(b" " * 1000 for _ in range(BODY_LIMIT // 1000 + 1)))

    for answer in (whole, in_pieces):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert answer.headers["content-type"] == "application/problem+json"


def test_tells_how_much_of_the_limit_is_left(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), "team:read")

    first, second = http.get("/team"), http.get("/team", params={"x": 1})

    assert first.headers["ratelimit-policy"] == '"default";q=6000;w=60'
    assert first.headers["ratelimit"].startswith('"default";r=5999;t=')
    assert second.status_code == 422


def test_a_key_over_its_limit_is_refused_and_no_other(
    db: Database, services: Services, runner: asyncio.Runner, client: ClientOf
) -> None:
    strict = MemoryRateLimit(Limit(5, window_seconds=60, block_seconds=60))
    limits = Limits({**{api: services.limits[api] for api in Api}, Api.CALLFLOOR: strict})
    limited = LoopTransport(create_app(dataclasses.replace(services, limits=limits)), runner)
    team = make_team(db)
    http, other = client(team, transport=limited), client(team, transport=limited)

    answers = [http.get("/team").status_code for _ in range(6)]
    refused = http.get("/team")

    assert answers == [403] * 5 + [429]
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"] == f'"default";r=0;t={refused.headers["retry-after"]}'
    assert other.get("/team").status_code == 403


def test_a_key_needs_the_scope(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), "team:write")

    answer = http.get("/team")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "team:read" in answer.json()["detail"]


def test_what_is_not_there_is_a_problem(transport: LoopTransport) -> None:
    with httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2") as http:
        missing, wrong = http.get("/nothing"), http.put("/team")

    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "GET, PATCH"


def test_nothing_has_no_type(db: Database, client: ClientOf) -> None:
    http = client(make_team(db, seats=1), "seats:read", "seats:write")
    (seat,) = http.get("/seats").json()["data"]

    answer = http.delete(f"/seats/{seat['id']}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "ratelimit" in answer.headers


def test_every_path_tells_what_it_allows(transport: LoopTransport) -> None:
    every = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"}
    paths = json.loads(as_json())["paths"]
    with httpx.Client(transport=transport, base_url="https://callfloor.example") as http:
        for path, methods in paths.items():
            allowed = {method.upper() for method in methods}
            for method in sorted(every - allowed):
                answer = http.request(method, re.sub(r"\{\w+\}", "1", path))
                assert (answer.status_code, answer.headers["allow"]) == (405, ", ".join(sorted(allowed))), (
                    method,
                    path,
                )


def test_a_path_in_words_is_not_taken_for_an_id(transport: LoopTransport) -> None:
    with httpx.Client(transport=transport, base_url="https://callfloor.example/api/v2") as http:
        answer = http.get("/seats/deletions")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
