"""The checked-in OpenAPI document of the Callfloor API: current, valid, and telling all of every route."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from callfloor.access.scopes import Scope
from callfloor.foundation.database import Database
from tests.callfloor_api.conftest import ClientOf
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport

CHECKED_IN = Path(__file__).parents[2] / "docs" / "api" / "callfloor.json"


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return path, method and description of every operation."""
    document = json.loads(CHECKED_IN.read_bytes())
    return [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]


def test_the_checked_in_document_is_current() -> None:
    run = subprocess.run([sys.executable, "-m", "callfloor.server.api_v2"], capture_output=True, check=True)

    assert CHECKED_IN.read_bytes() == run.stdout, "python -m callfloor.server.api_v2 > docs/api/callfloor.json"


def test_it_is_openapi() -> None:
    validate(json.loads(CHECKED_IN.read_bytes()), cls=OpenAPIV31SpecValidator)


def test_it_is_what_the_server_answers(transport: LoopTransport) -> None:
    with httpx.Client(transport=transport, base_url="https://callfloor.example") as http:
        assert http.get("/api/v2/openapi.json").json() == json.loads(CHECKED_IN.read_bytes())


def test_every_operation_is_named_by_its_verb_and_summed_up() -> None:
    ids = [one["operationId"] for _, _, one in operations()]

    assert len(ids) == len(set(ids)) > 20
    assert [name for name in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    assert all(len(one["summary"]) > 5 and not one["summary"].endswith(".") for _, _, one in operations())


def test_the_page_of_scopes_has_every_one() -> None:
    page = (CHECKED_IN.parents[1] / "use" / "callfloor-api.md").read_text(encoding="utf-8")
    table = "".join(line for line in page.splitlines(keepends=True) if line.startswith("| `"))

    assert set(re.findall(r"`([a-z]+:[a-z]+)`", table)) == set(Scope)


def test_every_component_has_a_name_of_its_own() -> None:
    """Two shapes of one name would be told apart by their modules, in names that no client should have to write."""
    names = json.loads(CHECKED_IN.read_bytes())["components"]["schemas"]

    assert len(names) > 50
    assert [name for name in names if not re.fullmatch(r"[A-Z][A-Za-z]+", name)] == []


def test_every_failure_is_a_problem() -> None:
    for path, method, one in operations():
        for status, response in one["responses"].items():
            if not status.startswith("2"):
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (path, method, status)


def test_only_the_ways_in_need_no_sign_in() -> None:
    unguarded = {one["operationId"] for _, _, one in operations() if "security" not in one}

    assert unguarded == {
        "sign_in",
        "log_in_device",
        "authorize_agent",
        "token_of_agent",
        "read_acceptance",
        "accept_invitation",
        "describe_uploads",
        "describe_upload",
    }


def test_every_change_that_heeds_an_etag_tells_of_412() -> None:
    heeding = {
        one["operationId"]: "412" in one["responses"]
        for _, _, one in operations()
        if any(parameter["name"].lower() == "if-match" for parameter in one.get("parameters", ()))
    }

    assert len(heeding) > 8
    assert [name for name, tells in heeding.items() if not tells] == []


def test_every_number_is_one_that_all_clients_can_hold() -> None:
    """A limit beyond 2⁵³ is another one for a client whose numbers are floats, and the document's writer is one."""
    limits = re.findall(r'"maximum": ([^,\n]+)', CHECKED_IN.read_text())

    assert len(limits) > 50
    assert [limit for limit in limits if float(limit) >= 2**53] == []


def test_a_number_is_no_instant(db: Database, client: ClientOf) -> None:
    http = client(make_team(db), *Scope)
    asked = [
        (path.removeprefix("/api/v2"), parameter["name"])
        for path, method, one in operations()
        for parameter in one.get("parameters", ())
        if method == "get" and parameter["schema"].get("format") == "date-time"
    ]

    assert len(asked) > 10
    for path, name in asked:
        answer = http.get(re.sub(r"\{\w+\}", "1", path), params={name: "0.5"})
        wrong = {one["field"] for one in answer.json()["errors"]}
        assert (answer.status_code, name in wrong) == (422, True), path
