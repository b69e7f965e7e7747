"""Wrong input of every kind: a validation error that names the field, never a fault, never half a change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.foundation.database import Database
from callfloor.teams.teams import Team
from tests.contracts.portal_client import Answer, PortalClient
from tests.factories.teams import make_portal_key, make_team

SEATS = "/api/v1/seats"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def client(db: Database, portal: Callable[[Team], PortalClient]) -> Iterator[PortalClient]:
    """A client whose team has no seat after the test either."""
    one = portal(make_team(db))
    yield one
    assert one.seats().data == {"rows": [], "count": 0}


def post(client: PortalClient, content: bytes, kind: str | None = JSON) -> Answer:
    headers = {} if kind is None else {"Content-Type": kind}
    return client.call("POST", SEATS, content=content, headers=headers)


class TestCount:
    @pytest.mark.parametrize(
        "value",
        [
            *["1.9", "2.0", "2e0", "0", "-1", "-0", "10001", "99999999999", "9" * 30, "9" * 400, "1e400", "-1e9"],
            *['"2"', '"2 "', '""', "true", "false", "null", "[]", "[2]", "{}", '{"count": 2}', '"\\u0662"'],
        ],
    )
    def test_in_json(self, client: PortalClient, value: str) -> None:
        answer = post(client, f'{{"count": {value}}}'.encode())

        assert answer.error == "VALIDATION_ERROR"
        assert answer.fields <= {"count", "body"}

    @pytest.mark.parametrize(
        "value",
        [
            *["1.9", "2.0", "2+", "+2", "%2B2", "-1", "0", "10001", "", "2e0", "0x2", "1_0", "true", "null", "2%00"],
            *["%D9%A2", "%EF%BC%92", "%C2%B2", "2%0A", "%GG", "9" * 30, "9" * 5000, '"2"', "%222%22"],
        ],
    )
    def test_in_a_form(self, client: PortalClient, value: str) -> None:
        answer = post(client, f"count={value}".encode(), FORM)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"count"})

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b'{"count": 1, "count": 2}', JSON),
            (b'{"count": 2, "count": 2}', JSON),
            (b'{"\\u0063ount": 1, "count": 2}', JSON),
            (b"count=1&count=2", FORM),
            (b"count=2&count=2", FORM),
            (b"{}", JSON),
            (b'{"Count": 2}', JSON),
            (b'{"count[]": 2}', JSON),
            (b"count[]=2", FORM),
            (b"", FORM),
            (b"", JSON),
            (b"", None),
            (b"count", FORM),
            (b"count;2", FORM),
        ],
    )
    def test_missing_or_twice(self, client: PortalClient, content: bytes, kind: str | None) -> None:
        answer = post(client, content, kind)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"count"})


class TestBody:
    @pytest.mark.parametrize(
        "content",
        [
            *[b"{", b"}", b"[", b"null", b"2", b'"count"', b"[2]", b"true", b"count=2", b"{'count': 2}", b"\x00"],
            *[
                b'{"count": 2',
                b'{"count": 2,}',
                b'{"count": 2} x',
                b'{"count": NaN}',
                b'{"count": 02}',
                b'{"count": +2}',
            ],
            *[b'{"count": 2}\x00', b"\xef\xbb\xbf" + b'{"count": 2}', '{"count": 2}'.encode("utf-16"), b"[" * 60_000],
            *[b'{"a": "\xff", "count": 2}', b'{"\xff": 1, "count": 2}', b'{"a": "\\ud800", "count": 2}', b"\xff\xfe"],
            *[b'{"a":' * 9_000, b'{"count": /* two */ 2}', b'{"count": Infinity}', b'{"a": "\n", "count": 2}'],
        ],
    )
    def test_that_is_no_json_object(self, client: PortalClient, content: bytes) -> None:
        answer = post(client, content)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"body"})

    @pytest.mark.parametrize("content", [b"count=2&a=\xff", b"count=2&a=%FF", b"a=%ED%A0%80&count=2"])
    def test_that_is_no_utf_8_form(self, client: PortalClient, content: bytes) -> None:
        answer = post(client, content, FORM)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"body"})

    @pytest.mark.parametrize(
        "kind",
        [
            None,
            "",
            "text/plain",
            "application/xml",
            "multipart/form-data; boundary=x",
            "application/json2",
            "json",
            "/",
        ],
    )
    def test_of_another_type(self, client: PortalClient, kind: str | None) -> None:
        answer = post(client, b'{"count": 2}', kind)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"Content-Type"})

    @pytest.mark.parametrize("kind", [JSON, FORM])
    def test_over_the_limit(self, client: PortalClient, kind: str) -> None:
        padding = b"a" * 66_000
        content = b'{"count": 2, "a": "%b"}' % padding if kind == JSON else b"count=2&a=" + padding

        answer = post(client, content, kind)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"body"})

    def test_over_the_limit_in_pieces(self, client: PortalClient) -> None:
        pieces = (b'{"count": 2, "a": "' if number == 0 else b"a" * 1_000 for number in range(100))

        answer = client.call("POST", SEATS, content=pieces, headers={"Content-Type": JSON})

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"body"})


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x=y"],
)
def test_a_content_type_is_read_as_http_means_it(
    db: Database, portal: Callable[[Team], PortalClient], kind: str
) -> None:
    assert post(portal(make_team(db)), b'  {"count": 1}\n', kind).error is None


class TestQuery:
    @pytest.mark.parametrize("name", ["page", "perPage"])
    @pytest.mark.parametrize(
        "value",
        ["0", "-1", "1.0", "1.9", "2 ", " 2", "+2", "", "true", "a", "1e1", "0x1", "\u0662", "²", "1\x00", "9" * 5000],
    )
    def test_page_that_is_no_whole_number(self, client: PortalClient, name: str, value: str) -> None:
        answer = client.seats(**{name: value})

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {name})

    @pytest.mark.parametrize("value", [101, 1000, 2**64])
    def test_page_that_is_too_long(self, client: PortalClient, value: int) -> None:
        assert client.seats(perPage=value).fields == {"perPage"}

    @pytest.mark.parametrize("name", ["status", "role"])
    @pytest.mark.parametrize("value", ["", "x", "ASSIGNED", "Admin", "assigned ", "analytics", "user,admin", "a\x00b"])
    def test_filter_of_an_unknown_value(self, client: PortalClient, name: str, value: str) -> None:
        answer = client.seats(**{name: value})

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {name})

    @pytest.mark.parametrize("name", ["hostname", "nickname"])
    @pytest.mark.parametrize("value", ["a\x00b", "\x00", "x" * 256, "%" * 20_000])
    def test_text_that_nothing_can_be_called(self, client: PortalClient, name: str, value: str) -> None:
        answer = client.seats(**{name: value})

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {name})

    @pytest.mark.parametrize("name", ["page", "perPage", "status", "role", "hostname", "nickname"])
    def test_parameter_given_twice(self, client: PortalClient, name: str) -> None:
        value = {"page": "1", "perPage": "1", "status": "assigned", "role": "admin"}.get(name, "a")

        answer = client.call("GET", f"{SEATS}?{name}={value}&{name}={value}")

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {name})

    def test_names_everything_that_is_wrong(self, client: PortalClient) -> None:
        answer = client.seats(page=0, perPage=0, status="x", role="x", hostname="\0", nickname="\0")

        assert answer.fields == {"page", "perPage", "status", "role", "hostname", "nickname"}

    @pytest.mark.parametrize("query", ["hostname=%FF", "x=%C3%28", "%FF=1"])
    def test_that_is_no_utf_8(self, client: PortalClient, query: str) -> None:
        answer = client.call("GET", f"{SEATS}?{query}")

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"query"})

    @pytest.mark.parametrize("query", ["", "&", "&&=&", "=", "page=1&", "?page=0", ";page=0", "a=1&a=2"])
    def test_of_odd_punctuation_is_taken(self, client: PortalClient, query: str) -> None:
        assert client.call("GET", f"{SEATS}?{query}").error is None


class TestId:
    @pytest.mark.parametrize(
        "seat_id", ["x", "-1", "+1", "1.0", "1e1", "1%20", "%D9%A1", "null", "1%00", "%20", "1%0A", "9" * 5000]
    )
    def test_that_is_malformed(self, client: PortalClient, seat_id: str) -> None:
        answer = client.delete_seat(seat_id)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {"id"})

    def test_that_is_percent_encoded_is_the_same_id(self, db: Database, portal: Callable[[Team], PortalClient]) -> None:
        client = portal(make_team(db, seats=1))
        seat_id = client.seats().data["rows"][0]["id"]

        answer = client.delete_seat("".join(f"%{ord(digit):02X}" for digit in str(seat_id)))

        assert answer.error is None


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="session")
def shared(db: Database, http: httpx.Client, hash_key: bytes) -> PortalClient:
    """One client for all examples."""
    key = make_portal_key(db, make_team(db), hash_key=hash_key)
    return PortalClient(http, key.name, key.secret)


class TestAnything:
    """Whatever comes, the answer is one of the contract's and not a fault."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(count=_values)
    def test_as_count(self, shared: PortalClient, count: Any) -> None:
        if type(count) is int and 1 <= count <= 10_000:
            count = -count

        answer = post(shared, json.dumps({"count": count}).encode())

        assert answer.error == "VALIDATION_ERROR"

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(content=st.binary(max_size=60), kind=st.sampled_from([JSON, FORM]))
    def test_as_body(self, shared: PortalClient, content: bytes, kind: str) -> None:
        assert post(shared, content, kind).error in {"VALIDATION_ERROR", None}

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        query=st.dictionaries(
            st.sampled_from(["page", "perPage", "status", "role", "hostname", "nickname"]), st.text(), max_size=6
        )
    )
    def test_as_query(self, shared: PortalClient, query: dict[str, str]) -> None:
        try:
            answer = shared.seats(**query)
        except UnicodeEncodeError:
            return  # a client cannot send half a character

        assert answer.error in {"VALIDATION_ERROR", None}
