"""Who calls comes first: whatever else is wrong with a request, a stranger is told only that."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from callfloor.foundation.database import Database
from callfloor.server.api_bounds import BODY_LIMIT
from callfloor.server.api_v2 import routed
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport

JSON = {"content-type": "application/json"}
WRONG: dict[str, dict[str, Any]] = {
    "a parameter that is none": {"params": {"none": "1"}},
    "a parameter out of range, twice": {"params": [("limit", "0"), ("limit", "x")]},
    "a body that is no JSON": {"content": b"{", "headers": JSON},
    "a body of another type": {"content": b"count=1", "headers": {"content-type": "text/plain"}},
    "a field that is none": {"json": {"none": 1}},
    "a body over the limit": {"content": b" " * (BODY_LIMIT + 1), "headers": JSON},
}
STRANGERS = {
    "nobody": {},
    "a key that is none": {"Authorization": "Bearer none"},
    "no bearer": {"Authorization": "Basic bm9uZTpub25l"},
    "a session that is none": {"Cookie": "__Host-callfloor=none"},
}


def guarded() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation that asks who calls, and answers with a body."""
    paths = routed().openapi()["paths"]
    return [
        (method.upper(), re.sub(r"\{\w+\}", "!", path), one)
        for path, methods in paths.items()
        for method, one in methods.items()
        if "security" in one and method != "head"
    ]


@pytest.fixture
def http(transport: LoopTransport) -> httpx.Client:
    return httpx.Client(transport=transport, base_url="https://callfloor.example")


@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_stranger_learns_nothing_else(http: httpx.Client, stranger: dict[str, str], wrong: dict[str, Any]) -> None:
    assert len(guarded()) > 60
    for method, path, _ in guarded():
        request = {**wrong, "headers": {**wrong.get("headers", {}), **stranger}}

        answer = http.request(method, path, **request)

        assert answer.status_code == 401, (method, path, answer.text)
        assert answer.json()["code"] in {"not_signed_in", "token_invalid"}
        assert "errors" not in answer.json()


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_who_may_not_is_told_so_first(
    db: Database, client: ClientOf, http: httpx.Client, wrong: dict[str, Any]
) -> None:
    key = client(make_team(db)).headers["authorization"]
    scoped = [(method, path) for method, path, one in guarded() if "Needs the scope" in one.get("description", "")]
    assert len(scoped) > 50
    for method, path in scoped:
        request = {**wrong, "headers": {**wrong.get("headers", {}), "Authorization": key}}

        answer = http.request(method, path, **request)

        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, path, answer.text)


def test_a_request_counts_once(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), "seats:write")

    fields = [http.post("/seats", json={"count": 1}).headers["ratelimit"] for _ in range(2)]

    assert [re.findall(r"r=(\d+)", field) for field in fields] == [["5999"], ["5998"]]
