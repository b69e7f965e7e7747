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
OPERATIONS = [
    ("get", "/calls"),
    ("post", "/calls"),
    ("get", "/calls/{id}"),
    ("get", "/meetings"),
    ("get", "/meetings/{id}"),
]
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


@pytest.mark.parametrize(
    ("method", "path", "status", "request_"),
    [
        ("get", "/calls", 400, {"params": {"pageSize": "0"}}),
        ("get", "/meetings", 400, {"params": {"pageSize": "0"}}),
        ("get", "/calls/{id}", 400, {"params": {"expand": "x"}}),
        ("get", "/meetings/{id}", 400, {"params": {"expand": "x"}}),
        ("get", "/calls/{id}", 404, {}),
        ("get", "/meetings/{id}", 404, {}),
        ("post", "/calls", 400, {"json": {"direction": "sideways", "transcript": []}}),
        ("post", "/calls", 413, {"files": {"file": ("call.wav", make_wav() + b"\0" * UPLOAD_LIMIT)}}),
        ("post", "/calls", 415, {"files": {"file": ("call.wav", b"no recording")}}),
        *((method, path, 403, {"headers": {"api-key": ""}}) for method, path in OPERATIONS),
    ],
)
def test_holds_refusals_as_they_are_answered(
    http: Http, method: str, path: str, status: int, request_: dict[str, Any]
) -> None:
    """All that can be brought about from outside; what is left is 429, 500 and 503."""
    served = http.get("/swagger-json").json()
    example = served["paths"][path][method]["responses"][str(status)]["content"]["application/json"]["example"]

    answer = http.send(method.upper(), path.replace("{id}", "none"), **request_)

    assert (answer.status_code, answer.json()) == (status, example)


def test_holds_records_and_a_page_as_they_are_answered(http: Http, served: dict[str, Any]) -> None:
    """The example of an upload becomes what the examples of answers look like, name for name."""
    upload = served["paths"]["/calls"]["post"]
    sent = upload["requestBody"]["content"]["application/json"]["example"]

    new, again = (http.send("POST", "/calls", json=sent) for _ in range(2))
    page = http.get("/calls", pageSize="20", scopes="internal,external", id=new.json()["id"])
    one = http.get(f"/calls/{new.json()['id']}")

    assert (new.status_code, again.status_code) == (202, 200)
    for answer, (method, path, status) in (
        (new.json(), ("post", "/calls", "202")),
        (again.json(), ("post", "/calls", "200")),
        (one.json(), ("get", "/calls/{id}", "200")),
        (page.json()["data"][0], ("get", "/calls", "200")),
    ):
        example = served["paths"][path][method]["responses"][status]["content"]["application/json"]["example"]
        record = example["data"][0] if "data" in example else example
        assert list(answer) == list(record)
        assert list(answer["metrics"]) == list(record["metrics"])
    listed = served["paths"]["/calls"]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    assert page.json()["meta"] == listed["meta"]
