"""Sign-in of a person's agent as it is spoken: what the agent is answered, what the person sees, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.tables import Role
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.server.api_v2 import create_app
from tests.devices.looking import device_of
from tests.devices.test_agent_api import bearer
from tests.factories.agents import Person, make_signed_in, sign_in_agent
from tests.factories.devices import HASH_KEY, log_in, machine, make_device_team
from tests.factories.teams import make_team
from tests.portal_api.in_process import LoopTransport
from tests.support.problems import problem

AUTHORIZE, TOKEN, LOGOUT = "/api/v2/agent/authorize", "/api/v2/agent/token", "/api/v2/agent/logout"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MACHINE = {
    "machine_id": "machine-1",
    "hostname": "ws-1",
    "username": "ada",
    "os": "linux",
    "os_version": "13",
    "app_version": "1.0.0",
}


@pytest.fixture
def ada(db: Database) -> Person:
    """A person on a seat of an email team, signed in."""
    return make_signed_in(db, make_team(db, seats=2))


@pytest.fixture
def from_(db: Database, runner: asyncio.Runner, tmp_path: Path) -> Callable[[str], httpx.Client]:
    """Make a client of the application at an address."""
    settings = Settings(data=tmp_path, secret_key=SecretStr(HASH_KEY.decode()))
    app = create_app(Services(settings, db, open_files(settings)))

    def client(address: str) -> httpx.Client:
        transport = LoopTransport(app, runner, address=address)
        return httpx.Client(transport=transport, base_url="https://callfloor.example")

    return client


def begun(http: httpx.Client, **changes: object) -> dict[str, Any]:
    answer = http.post(AUTHORIZE, json={**MACHINE, **changes})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def asked(http: httpx.Client, device_code: str) -> httpx.Response:
    return http.post(TOKEN, json={"grant_type": GRANT, "device_code": device_code})


def waiting_at(user_code: str, what: str = "") -> str:
    return f"/api/v2/agent-authorizations/{user_code}{what}"


def test_an_agent_is_confirmed_by_its_person(db: Database, http: httpx.Client, ada: Person) -> None:
    codes = begun(http)
    pending = asked(http, codes["device_code"])
    shown = http.get(waiting_at(codes["user_code"]), headers=ada.headers).json()
    approved = http.post(waiting_at(codes["user_code"], "/approval"), headers=ada.headers)
    given = asked(http, codes["device_code"])

    assert set(codes) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert codes["verification_uri"] == "https://callfloor.example/authorize"
    assert codes["verification_uri_complete"] == f"https://callfloor.example/authorize?code={codes['user_code']}"
    assert (codes["expires_in"], codes["interval"]) == (900, 5)
    problem(pending, 400, "authorization_pending")
    assert pending.headers["retry-after"] == "5"
    assert shown["state"] == "pending"
    assert shown["machine"] == {**MACHINE, "address": "127.0.0.1"}
    assert [(team["id"], team["seat_id"]) for team in shown["teams"]] == [(ada.team.id, ada.seat_id)]
    assert (approved.status_code, approved.json()["state"]) == (200, "approved")
    assert given.status_code == 200
    assert set(given.json()) == {"device_id", "seat_id", "token", "heartbeat_seconds"}
    assert (given.json()["seat_id"], given.json()["heartbeat_seconds"]) == (ada.seat_id, 30)
    assert device_of(db, ada.team.id, given.json()["device_id"]).account_id == ada.account_id
    assert http.post(LOGOUT, headers=bearer(given.json()["token"])).status_code == 204
    problem(asked(http, codes["device_code"]), 400, "invalid_grant")


def test_an_agent_that_asks_too_soon_is_told_so(http: httpx.Client) -> None:
    code = begun(http)["device_code"]

    first, second = asked(http, code), asked(http, code)

    problem(first, 400, "authorization_pending")
    problem(second, 400, "slow_down")
    assert second.headers["retry-after"] == "10"


def test_a_refused_agent_is_told_so(http: httpx.Client, ada: Person) -> None:
    codes = begun(http)

    denied = http.post(waiting_at(codes["user_code"], "/denial"), headers=ada.headers)

    assert (denied.status_code, denied.json()["state"]) == (200, "denied")
    problem(asked(http, codes["device_code"]), 400, "access_denied")
    again = http.post(waiting_at(codes["user_code"], "/approval"), headers=ada.headers)
    problem(again, 409, "authorization_decided")


@pytest.mark.parametrize("typed", [str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " ")])
def test_a_code_is_found_however_it_is_typed(http: httpx.Client, ada: Person, typed: Callable[[str], str]) -> None:
    code = begun(http)["user_code"]

    assert http.get(waiting_at(typed(code)), headers=ada.headers).status_code == 200


def test_a_person_of_two_teams_says_for_which(db: Database, http: httpx.Client, ada: Person) -> None:
    other = make_signed_in(db, make_team(db, seats=1), email=ada.email)
    codes = begun(http)

    shown = http.get(waiting_at(codes["user_code"]), headers=ada.headers).json()
    body = {"team_id": other.team.id}
    approved = http.post(waiting_at(codes["user_code"], "/approval"), json=body, headers=ada.headers)

    assert [team["id"] for team in shown["teams"]] == [ada.team.id, other.team.id]
    assert approved.json()["team_id"] == other.team.id
    assert asked(http, codes["device_code"]).json()["seat_id"] == other.seat_id


class TestConfirmingIsRefused:
    def test_for_a_team_the_person_is_not_in(self, db: Database, http: httpx.Client, ada: Person) -> None:
        code = begun(http)["user_code"]

        body = {"team_id": make_team(db, seats=1).id}
        answer = http.post(waiting_at(code, "/approval"), json=body, headers=ada.headers)

        problem(answer, 409, "person_has_no_seat")

    def test_for_a_device_team(self, db: Database, http: httpx.Client) -> None:
        admin = make_signed_in(db, make_device_team(db).team, role=Role.ADMIN)

        answer = http.post(waiting_at(begun(http)["user_code"], "/approval"), headers=admin.headers)

        problem(answer, 409, "not_an_email_team")

    @pytest.mark.parametrize("what", ["/approval", "/denial"])
    def test_without_the_csrf_token(self, http: httpx.Client, ada: Person, what: str) -> None:
        cookie = {"cookie": ada.headers["cookie"]}

        answer = http.post(waiting_at(begun(http)["user_code"], what), headers=cookie)

        problem(answer, 403, "csrf_token_invalid")

    def test_to_nobody_and_to_keys(
        self, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        code = begun(http)["user_code"]

        for headers in ({}, key_of(ada.team.id, "people:write", "devices:write")):
            problem(http.get(waiting_at(code), headers=headers), 401, "not_signed_in")
            problem(http.post(waiting_at(code, "/approval"), headers=headers), 401, "not_signed_in")

    def test_of_a_code_nobody_waits_with(self, http: httpx.Client, ada: Person) -> None:
        problem(http.get(waiting_at("BCDF-GHJK"), headers=ada.headers), 404, "authorization_not_found")

    @pytest.mark.parametrize("code", ["BCDF", "BCDF-GHJA", "BCDF-GHJK-L", "%00"])
    def test_of_what_is_no_code(self, http: httpx.Client, ada: Person, code: str) -> None:
        problem(http.get(waiting_at(code), headers=ada.headers), 422, "validation_error")

    def test_of_another_persons_machine(self, db: Database, http: httpx.Client, ada: Person) -> None:
        codes, bob = begun(http), make_signed_in(db, ada.team)
        http.post(waiting_at(codes["user_code"], "/approval"), headers=ada.headers)

        problem(http.get(waiting_at(codes["user_code"]), headers=bob.headers), 404, "authorization_not_found")

    def test_to_who_guesses(self, db: Database, http: httpx.Client, ada: Person) -> None:
        code = begun(http)["user_code"]
        for _ in range(30):
            http.get(waiting_at("BCDF-GHJK"), headers=ada.headers)

        problem(http.get(waiting_at(code), headers=ada.headers), 429, "too_many_requests")
        assert http.get(waiting_at(code), headers=make_signed_in(db, ada.team).headers).status_code == 200


class TestCodeOfAnAdministrator:
    def make(self, http: httpx.Client, person_id: int, headers: dict[str, str]) -> httpx.Response:
        return http.post(f"/api/v2/people/{person_id}/agent-codes", headers=headers)

    def test_signs_the_persons_agent_in_at_once(
        self, db: Database, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        made = self.make(http, ada.account_id, key_of(ada.team.id, "people:write"))

        given = http.post(AUTHORIZE, json={**MACHINE, "code": made.json()["code"].lower()})
        again = http.post(AUTHORIZE, json={**MACHINE, "code": made.json()["code"]})

        assert made.status_code == 201
        assert set(made.json()) == {"code", "expires_at"}
        assert (given.status_code, given.json()["seat_id"]) == (200, ada.seat_id)
        assert device_of(db, ada.team.id, given.json()["device_id"]).account_id == ada.account_id
        problem(again, 401, "agent_code_invalid")

    def test_can_be_taken_back(self, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]) -> None:
        key = key_of(ada.team.id, "people:write")
        code = self.make(http, ada.account_id, key).json()["code"]

        taken = [http.delete(f"/api/v2/people/{ada.account_id}/agent-codes", headers=key) for _ in range(2)]

        assert [answer.status_code for answer in taken] == [204, 204]
        problem(http.post(AUTHORIZE, json={**MACHINE, "code": code}), 401, "agent_code_invalid")

    def test_is_made_for_members_alone(
        self, db: Database, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        stranger = make_signed_in(db, make_team(db, seats=1))

        answer = self.make(http, stranger.account_id, key_of(ada.team.id, "people:write"))

        problem(answer, 404, "person_not_found")

    def test_is_not_made_by_whoever_may_only_read(
        self, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        problem(self.make(http, ada.account_id, key_of(ada.team.id, "people:read")), 403, "forbidden")
        problem(self.make(http, ada.account_id, ada.headers), 403, "forbidden")

    def test_is_not_guessed(self, from_: Callable[[str], httpx.Client]) -> None:
        http = from_(new_id())

        answers = [http.post(AUTHORIZE, json={**MACHINE, "code": "BCDF-GHJK-LMNP-QRST"}) for _ in range(61)]

        assert {answer.status_code for answer in answers[:60]} == {401}
        problem(answers[60], 429, "too_many_requests")


class TestMalformed:
    @pytest.mark.parametrize(
        ("field", "value"),
        [("machine_id", ""), ("hostname", "a\0b"), ("os", "beos"), ("username", " "), ("code", 7), ("code", "ABC")],
    )
    def test_beginning_names_the_field(self, http: httpx.Client, field: str, value: object) -> None:
        shown = problem(http.post(AUTHORIZE, json={**MACHINE, field: value}), 422, "validation_error")

        assert [one["field"] for one in shown["errors"]] == [field]

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"device_code": "x"}, "grant_type"),
            ({"grant_type": "password", "device_code": "x"}, "grant_type"),
            ({"grant_type": GRANT}, "device_code"),
            ({"grant_type": GRANT, "device_code": "x" * 201}, "device_code"),
        ],
    )
    def test_asking_names_the_field(self, http: httpx.Client, body: dict[str, str], field: str) -> None:
        shown = problem(http.post(TOKEN, json=body), 422, "validation_error")

        assert [one["field"] for one in shown["errors"]] == [field]

    def test_a_code_of_somebody_else_is_no_grant(self, http: httpx.Client) -> None:
        problem(asked(http, begun(http)["user_code"]), 400, "invalid_grant")


def test_beginning_is_limited_by_address(from_: Callable[[str], httpx.Client]) -> None:
    http = from_(new_id())

    answers = [http.post(AUTHORIZE, json=MACHINE) for _ in range(241)]

    assert {answer.status_code for answer in answers[:240]} == {200}
    problem(answers[240], 429, "too_many_requests")


class TestEndingTokens:
    def test_signs_an_agent_of_a_person_out(
        self, db: Database, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        token = new_secret()
        given = sign_in_agent(db, ada, machine(1), token=token)

        ended = http.delete(f"/api/v2/devices/{given.device_id}/tokens", headers=key_of(ada.team.id, "devices:write"))

        assert ended.status_code == 204
        problem(http.post(LOGOUT, headers=bearer(token)), 401, "token_invalid")

    def test_lets_a_machine_of_a_device_team_keep_its_seat(
        self, db: Database, http: httpx.Client, key_of: Callable[..., dict[str, str]]
    ) -> None:
        team = make_device_team(db, seats=1)
        token = new_secret()
        given = log_in(db, team, machine(1), token=token)

        http.delete(f"/api/v2/devices/{given.device_id}/tokens", headers=key_of(team.id, "devices:write"))

        problem(http.post(LOGOUT, headers=bearer(token)), 401, "token_invalid")
        assert log_in(db, team, machine(1, hostname="at once at another host")) == given

    def test_of_another_teams_device_is_refused(
        self, db: Database, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
    ) -> None:
        given = sign_in_agent(db, ada, machine(1), token="still ada's")
        stranger = key_of(make_team(db).id, "devices:write")

        answer = http.delete(f"/api/v2/devices/{given.device_id}/tokens", headers=stranger)

        problem(answer, 404, "device_not_found")
        assert http.post(LOGOUT, headers=bearer("still ada's")).status_code == 204


def test_a_persons_machine_is_listed_with_its_person(
    db: Database, http: httpx.Client, ada: Person, key_of: Callable[..., dict[str, str]]
) -> None:
    given, key = sign_in_agent(db, ada, machine(1)), key_of(ada.team.id, "devices:read")

    seated = http.get("/api/v2/devices", params={"state": "seated"}, headers=key).json()["data"]
    unseated = http.get("/api/v2/devices", params={"state": "unseated"}, headers=key).json()["data"]

    assert [(one["id"], one["account_id"], one["seat_id"]) for one in seated] == [
        (given.device_id, ada.account_id, ada.seat_id)
    ]
    assert unseated == []


def test_a_session_says_whose_it_is(http: httpx.Client, ada: Person) -> None:
    shown = http.get("/api/v2/session", headers={"cookie": ada.headers["cookie"]})

    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    assert (shown.json()["account_id"], shown.json()["email"]) == (ada.account_id, ada.email)
    assert shown.json()["csrf_token"] == ada.headers["x-csrf-token"]
    problem(http.get("/api/v2/session"), 401, "not_signed_in")
