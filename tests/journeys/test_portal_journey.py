"""An existing Portal API client, pointed at Callfloor: a real server, HTTPS, keys from the command line."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from callfloor.foundation.database import Database, open_database
from callfloor.teams.tables import Payment, TeamType
from tests.contracts.portal_client import PortalClient, basic, send
from tests.factories.teams import make_portal_key, make_team
from tests.support.server import Server, run_command, running_server

SEATS = "/api/v1/seats"
JSON = {"Content-Type": "application/json"}
SHARED = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "100000", "CALLFLOOR_RATE_LIMIT_STORE": "database"}
"""Of servers that run beside each other."""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclasses.dataclass(frozen=True)
class Place:
    """A running server, the command line beside it, and its database as another process sees it."""

    server: Server
    http: httpx.Client
    db: Database
    database_url: str | None

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run `callfloor` and return the one object it prints."""
        run = run_command(*arguments, "--json", *self.where)
        assert run.returncode == 0, run.stderr
        (line,) = run.stdout.splitlines()
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def where(self) -> list[str]:
        """Return the options that name this place."""
        database = [] if self.database_url is None else ["--database", self.database_url]
        return ["--data", str(self.server.data), *database]

    def team(self, type_: TeamType, *, seats: int = 0, payment: Payment = Payment.CARD) -> PortalClient:
        """Make a team and a key, quicker than by the command line; return the key's client."""
        team = make_team(self.db, type_=type_, seats=seats, payment=payment)
        hash_key = (self.server.data / "secret.key").read_bytes().strip()
        key = make_portal_key(self.db, team, hash_key=hash_key)
        return PortalClient(self.http, key.name, key.secret)


@contextlib.contextmanager
def place_of(data: Path, database_url: str | None, settings: dict[str, str]) -> Iterator[Place]:
    """Run a server."""
    with (
        running_server(data, "--no-worker", database_url=database_url, settings=settings) as server,
        server.client() as http,
    ):
        assert server.url.startswith("https://")
        db = open_database(database_url or f"sqlite:///{data / 'callfloor.db'}")
        yield Place(server, http, db, database_url)
        db.close_now()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server on a data folder that was empty, SQLite or PostgreSQL."""
    url = request.getfixturevalue("postgres_template").fresh_url() if request.param == "postgresql" else None
    data = tmp_path_factory.mktemp("place") / "data"
    with place_of(data, url, SHARED) as one:
        yield one


@pytest.mark.parametrize("type_", list(TeamType))
def test_seats_are_created_listed_paged_and_deleted(place: Place, type_: TeamType) -> None:
    client = place.team(type_, seats=3)

    added = client.add_seats(45)
    again = client.add_seats(2, form=True)

    assert (added.data["added"], added.data["count"]) == (45, 48)
    assert again.data["count"] == 50
    assert added.data["charge"]["seats"] == 45
    assert added.data["charge"]["amount"] > again.data["charge"]["amount"] > 0
    rows = list(client.every_seat(per_page=7))
    assert len(rows) == 50
    assert {(row["type"], row["status"], row["role"], row["user"]) for row in rows} == {
        (type_.value, "unassigned", "user", None)
    }
    ids = [row["id"] for row in rows]
    assert [row["id"] for row in client.seats(page=3, perPage=20).data["rows"]] == ids[40:]
    assert client.seats(page=4).data == {"rows": [], "count": 50}

    for seat_id in ids[::2]:
        assert client.delete_seat(seat_id).error is None

    assert [row["id"] for row in client.every_seat()] == ids[1::2]
    assert client.seats(status="unassigned", role="user").data["count"] == 25
    assert client.seats(status="assigned").data["count"] == 0
    assert client.seats(hostname="x").data["count"] == client.seats(nickname="x").data["count"] == 0
    assert client.delete_seat(ids[0]).error == "SEAT_NOT_FOUND"


def test_everything_an_operator_needs_is_on_the_command_line(place: Place) -> None:
    """One team from its making to the end of its key, beside the running server."""
    made = place.command("team", "create", "Sales", "--type", "email", "--payment", "invoice", "--seats", "2")
    team = str(made["team_id"])
    key = place.command("key", "create", "--team", team, "--kind", "portal", "--name", "Büro")
    client = PortalClient(place.http, key["name"], key["secret"])
    assert (set(made), set(key)) == ({"team_id", "client_id"}, {"id", "name", "secret"})

    ada = place.command("user", "create", "ada@people.example", "--team", team, "--role", "analytics")

    (row,) = client.seats(status="assigned", role="analyst").data["rows"]
    assert (row["id"], row["user"]["id"]) == (ada["seat_id"], ada["user_id"])
    assert row["user"]["email"] == ada["email"] == "ada@people.example"
    again = run_command("user", "create", "ADA@people.example", "--team", team, *place.where)
    assert (again.returncode, again.stdout) == (1, "")

    assert client.add_seats(1).error == "NOT_PERMITTED_ADD_SEATS"
    assert client.add_seats(0).error == "VALIDATION_ERROR"
    assert client.delete_seat(row["id"]).error == "NOT_PERMITTED_DELETE_SEAT"
    place.command("team", "set", team, "--activity-billing", "on")
    assert client.add_seats(1).data == {"added": 1, "count": 3, "charge": None}
    assert client.delete_seat(row["id"]).error == "NOT_PERMITTED_DELETE_SEAT"
    place.command("team", "set", team, "--payment", "card")
    assert client.add_seats(1).data["charge"]["seats"] == 1
    assert client.delete_seat(row["id"]).error == "SEAT_IS_NOT_EMPTY"

    with (
        running_server(place.server.data, "--no-worker", database_url=place.database_url, settings=SHARED) as second,
        second.client() as http,
    ):
        elsewhere = PortalClient(http, key["name"], key["secret"])
        assert elsewhere.seats().data == client.seats().data

        place.command("key", "delete", str(key["id"]), "--team", team)

        assert client.seats().error == elsewhere.seats().error == "AUTH_BASIC_INVALID_TOKEN"


def test_an_invoice_team_of_devices_neither_adds_nor_deletes(place: Place) -> None:
    client = place.team(TeamType.DEVICE, seats=1, payment=Payment.INVOICE)
    (row,) = client.seats().data["rows"]

    assert client.add_seats(1).error == "NOT_PERMITTED_ADD_SEATS"
    assert client.delete_seat(row["id"]).error == "NOT_PERMITTED_DELETE_SEAT"
    assert client.seats().data["count"] == 1


def test_another_team_sees_and_deletes_nothing_of_it(place: Place) -> None:
    ours, theirs = place.team(TeamType.EMAIL, seats=2), place.team(TeamType.DEVICE, seats=1)
    ids = {row["id"] for row in ours.every_seat()}

    assert not ids & {row["id"] for row in theirs.every_seat()}
    assert {theirs.delete_seat(seat_id).error for seat_id in ids} == {"SEAT_NOT_FOUND"}
    assert {row["id"] for row in ours.every_seat()} == ids


def test_who_is_not_known_gets_nowhere(place: Place) -> None:
    client = place.team(TeamType.EMAIL, seats=1)
    headers: dict[str, dict[str, str]] = {
        "AUTH_HEADER_MISSING": {},
        "AUTH_HEADER_WRONG_FORMAT": {"Authorization": ""},
        "AUTH_BASIC_ONLY": {"Authorization": "Bearer abc"},
        "AUTH_BASIC_INVALID_TOKEN": {"Authorization": basic("ops", "no such secret")},
    }

    for method, path in [("GET", SEATS), ("POST", SEATS), ("DELETE", f"{SEATS}/1"), ("GET", "/api/v1/none")]:
        for error, given in headers.items():
            assert send(place.http, method, path, headers=given).error == error
    assert client.seats().data["count"] == 1


def test_what_is_no_route_is_not_found(place: Place) -> None:
    client = place.team(TeamType.EMAIL)

    for method, path in [
        ("GET", "/api/v1"),
        ("GET", "/api/v1/"),
        ("GET", f"{SEATS}/"),
        ("GET", "/api/v1/none"),
        ("GET", f"{SEATS}/1"),
        ("GET", "/api/v1/%00"),
        ("GET", "/api/v1/%FF%FE"),
        ("PUT", SEATS),
        ("PATCH", SEATS),
        ("OPTIONS", SEATS),
        ("TRACE", SEATS),
        ("PURGE", SEATS),
    ]:
        answer = client.call(method, path)
        assert (answer.error, answer.code) == ("NOT_FOUND", 1015), (method, path)
    assert client.call("HEAD", SEATS).status == 400
    assert send(place.http, "HEAD", SEATS).status == 401


WRONG_BODIES: list[tuple[bytes, dict[str, str]]] = [
    *[
        (b'{"count": %b}' % value, JSON)
        for value in (b"1.9", b'"2 "', b"true", b"0", b"10001", b"2.0", b'"2"', b"null")
    ],
    *[(b'{"count": %b}' % value, JSON) for value in (b"-1", b"1e3", b"9" * 40, b"9" * 5000, b"[2]", b"{}", b"NaN")],
    *[
        (b"count=" + value, FORM)
        for value in (b"1.9", b"2+", b"true", b"0", b"10001", b"", b"9" * 5000, b"%00", b"2e0")
    ],
    *[(b"count=1&count=2", FORM), (b'{"count": 1, "count": 2}', JSON), (b"", JSON), (b"", FORM), (b"{}", JSON)],
    *[(b"{", JSON), (b"\xff\xfe", JSON), (b'{"count": 2}\x00', JSON), (b"[" * 60_000, JSON), (b"a=%FF&count=2", FORM)],
    *[(b'{"count": 2}', {"Content-Type": "text/plain"}), (b'{"count": 2}', {}), (b"count=2", JSON)],
    *[(b'{"count": 2, "a": "' + b"a" * 70_000 + b'"}', JSON), (b"count=2&a=" + b"a" * 2_000_000, FORM)],
]


def test_wrong_input_is_named_and_changes_nothing(place: Place) -> None:
    client = place.team(TeamType.EMAIL)

    for content, headers in WRONG_BODIES:
        answer = client.call("POST", SEATS, content=content, headers=headers)
        assert answer.error == "VALIDATION_ERROR", (content[:80], headers)
        assert answer.fields <= {"count", "body", "Content-Type"}
    in_pieces = client.call("POST", SEATS, content=(b"a" * 1000 for _ in range(200)), headers=JSON)
    assert in_pieces.fields == {"body"}
    for name, value in [("page", "0"), ("perPage", "101"), ("status", "x"), ("role", "analytics"), ("hostname", "\0")]:
        assert client.seats(**{name: value}).fields == {name}
    for seat_id in ("x", "1.0", "-1", "%00", "9" * 5000):
        assert client.delete_seat(seat_id).fields == {"id"}
    for query in ("page=1&page=2", "hostname=%FF", "nickname=" + "x" * 60_000):
        assert client.call("GET", f"{SEATS}?{query}").error == "VALIDATION_ERROR"

    assert client.seats().data == {"rows": [], "count": 0}
    assert not place.server.events("request_failed")


def test_the_request_id_of_an_answer_is_found_in_the_log(place: Place) -> None:
    client = place.team(TeamType.EMAIL)

    request_id = client.seats().headers["x-request-id"]

    line = place.server.wait_for("request", lambda line: line["request_id"] == request_id)
    assert (line["path"], line["status"]) == (SEATS, 200)


def test_a_repeat_is_answered_alike_and_charged_once(place: Place) -> None:
    client = place.team(TeamType.EMAIL)
    key = str(uuid.uuid4())

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: client.add_seats(3, repeat_key=key), range(10)))

    assert {answer.error for answer in answers} == {None}
    assert all(answer.data == answers[0].data for answer in answers)
    assert client.seats().data["count"] == 3
    assert client.add_seats(3, repeat_key=key, form=True).data == answers[0].data
    assert client.add_seats(4, repeat_key=key).fields == {"Idempotency-Key"}
    assert client.seats().data["count"] == 3


def test_too_many_requests_shut_an_address_out(tmp_path: Path) -> None:
    settings = {"CALLFLOOR_RATE_LIMIT_REQUESTS": "3", "CALLFLOOR_RATE_LIMIT_BLOCK_SECONDS": "120"}
    with place_of(tmp_path / "data", None, settings) as place:
        client = place.team(TeamType.EMAIL, seats=1)
        assert send(place.http, "GET", SEATS).error == "AUTH_HEADER_MISSING"
        assert [client.seats().data["count"] for _ in range(2)] == [1, 1]

        refused = client.seats()

        assert (refused.error, refused.status) == ("TOO_MANY_REQUESTS", 429)
        assert refused.headers["retry-after"] == "120"
        assert send(place.http, "GET", SEATS).error == "TOO_MANY_REQUESTS"
        assert place.http.get("/healthz").status_code == 200
