"""The OpenAPI document: valid, checked in, and true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from callfloor.conversations_api import wire
from callfloor.conversations_api.openapi import document
from callfloor.foundation.settings import Settings, Upload
from tests.conversations_api.conftest import UPLOAD_LIMIT, Http
from tests.factories.audio import make_wav

CHECKED_IN = Path(__file__).parents[2] / "docs/api/conversations.json"
CURE = "write it anew with: python -m callfloor.conversations_api > docs/api/conversations.json"


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    """The document as a client gets it."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document(Settings().upload)))
    return content


def operations(served: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in served["paths"].values() for operation in path.values()]


def check(served: dict[str, Any], schema: dict[str, Any], instance: Any) -> None:
    registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(served))
    absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
    OAS31Validator(absolute, registry=registry).validate(instance)


def test_is_valid(served: dict[str, Any]) -> None:
    assert list(OpenAPIV31SpecValidator(served).iter_errors()) == []


def test_is_the_one_that_is_checked_in(served: dict[str, Any]) -> None:
    assert json.loads(CHECKED_IN.read_text(encoding="utf-8")) == served, CURE


def test_is_served_without_a_key_with_the_limits_of_this_installation(http: Http) -> None:
    http.headers = {}

    answer = http.get("/swagger-json")

    assert answer.status_code == 200
    assert answer.json() == msgspec.json.decode(msgspec.json.encode(document(Upload(max_bytes=UPLOAD_LIMIT))))
    assert str(UPLOAD_LIMIT) in answer.json()["paths"]["/calls"]["post"]["description"]


def test_gives_every_operation_its_own_id_and_both_headers(served: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(served)]

    assert sorted(ids) == ["get_call", "get_meeting", "list_calls", "list_meetings", "upload_call"]
    assert served["security"] == [{"apiKey": [], "clientId": []}]
    assert {s["name"] for s in served["components"]["securitySchemes"].values()} == {"api-key", "client-id"}


def test_names_every_query_parameter(served: dict[str, Any]) -> None:
    calls = served["paths"]["/calls"]
    form = calls["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]

    assert {parameter["name"] for parameter in calls["get"]["parameters"]} == set(wire.Query)
    assert set(form["properties"]) == set(wire.Upload)


def test_holds_examples_that_fit_their_schemas(served: dict[str, Any]) -> None:
    contents = [
        content
        for operation in operations(served)
        for answer in operation["responses"].values()
        for content in answer["content"].values()
    ]

    assert len(contents) > 20
    for content in contents:
        check(served, content["schema"], content["example"])


def test_describes_what_is_answered(http: Http, served: dict[str, Any]) -> None:
    uploaded = http.upload(make_wav(), participants='[{"name": "Sam", "email": "sam@customer.example"}]')
    example = served["paths"]["/calls"]["post"]["requestBody"]["content"]["application/json"]["example"]
    given = http.send("POST", "/calls", json=example)
    one = http.get(f"/calls/{given.json()['id']}", expand="meeting_transcript,user_client_augmentation")

    for schema, answer, status in (
        ("CallRecord", uploaded, 202),
        ("CallRecord", given, 202),
        ("CallRecord", one, 200),
        ("CallPage", http.get("/calls", expand="meeting_transcript"), 200),
        ("MeetingPage", http.get("/meetings"), 200),
        ("ErrorBody", http.get("/calls", page="x"), 400),
        ("ErrorBody", http.get("/calls/x"), 404),
    ):
        assert answer.status_code == status
        check(served, {"$ref": f"#/components/schemas/{schema}"}, answer.json())
