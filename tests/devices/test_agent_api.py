"""`/api/v2/agent`: what a machine is answered, by its contract."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device, unblock_device
from callfloor.devices.tokens import TOKEN_LIFE
from callfloor.foundation import clock
from callfloor.foundation.database import Database
from tests.devices.looking import device_of, every_device, seats_with_names, tokens_of
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.support.problems import problem

LOGIN, LOGOUT = "/api/v2/agent/login", "/api/v2/agent/logout"
HOUR = 3_600_000


def body(team: DeviceTeam, number: int | str = 1, **changes: object) -> dict[str, Any]:
    """Return the body of a machine's log-in."""
    plain = {
        "team_secret": team.secret,
        "machine_id": f"machine-{number}",
        "hostname": f"ws-{number}",
        "username": "ada",
        "os": "windows",
        "os_version": "11",
        "app_version": "1.0.0",
    }
    return {**plain, **changes}


def bearer(token: str) -> dict[str, str]:
    """Return the header of a device's token."""
    return {"Authorization": f"Bearer {token}"}


def test_a_machine_logs_in_and_out_and_returns_to_its_seat(db: Database, http: httpx.Client) -> None:
    team = make_device_team(db, seats=2)

    first = http.post(LOGIN, json=body(team))
    out = http.post(LOGOUT, headers=bearer(first.json()["token"]))
    again = http.post(LOGIN, json=body(team))

    assert (first.status_code, out.status_code, again.status_code) == (200, 204, 200)
    assert set(first.json()) == {"device_id", "seat_id", "token", "heartbeat_seconds"}
    assert first.json()["heartbeat_seconds"] == 30
    assert out.content == b""
    assert again.json()["token"] != first.json()["token"]
    assert {**again.json(), "token": ""} == {**first.json(), "token": ""}
    problem(http.post(LOGOUT, headers=bearer(first.json()["token"])), 401, "token_invalid")


def test_two_os_users_of_one_host_work_side_by_side(db: Database, http: httpx.Client) -> None:
    team = make_device_team(db, seats=1)
    ada, bob = (http.post(LOGIN, json=body(team, username=name)).json() for name in ("ada", "bob"))

    assert (ada["device_id"], ada["seat_id"]) == (bob["device_id"], bob["seat_id"])
    assert http.post(LOGOUT, headers=bearer(bob["token"])).status_code == 204
    assert http.post(LOGOUT, headers=bearer(ada["token"])).status_code == 204


class TestRefused:
    def test_by_a_wrong_secret(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=1)

        answer = http.post(LOGIN, json=body(team, team_secret=team.secret[:-1]))

        problem(answer, 401, "team_secret_invalid")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert every_device(db, team.id) == []

    def test_without_an_empty_seat(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db)

        assert problem(http.post(LOGIN, json=body(team)), 409, "no_empty_seat")["error_code"] == "NOT_EMPTY_SEAT"

    def test_while_blocked_with_the_reason(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=1)
        made = http.post(LOGIN, json=body(team)).json()
        command = ChangeDevice(team.id, made["device_id"], OPERATOR, clock.now(), "stolen in May")
        db.write_now(lambda tx: block_device(tx, command))

        for answer in (http.post(LOGIN, json=body(team)), http.post(LOGOUT, headers=bearer(made["token"]))):
            assert "stolen in May" in problem(answer, 403, "device_blocked")["detail"]
        db.write_now(lambda tx: unblock_device(tx, command))
        problem(http.post(LOGOUT, headers=bearer(made["token"])), 401, "token_invalid")
        assert http.post(LOGIN, json=body(team)).status_code == 200

    def test_from_a_second_host_which_administrators_see(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=2)
        made = http.post(LOGIN, json=body(team)).json()

        shown = problem(http.post(LOGIN, json=body(team, hostname="clone")), 409, "device_conflict")

        assert "ws-1" in shown["detail"]
        assert device_of(db, team.id, made["device_id"]).conflict_hostname == "clone"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            *[(name, "x" * 256) for name in ("machine_id", "hostname", "username", "os_version", "app_version")],
            *[(name, "") for name in ("team_secret", "machine_id", "hostname", "username")],
            *[(name, 7) for name in ("team_secret", "machine_id", "hostname", "username", "os", "app_version")],
            *[(name, "a\0b") for name in ("machine_id", "hostname", "username", "os_version", "app_version")],
            *[("os", "Windows"), ("os", ""), ("hostname", " "), ("hostname", None), ("username", "\x7f"), ("os", None)],
        ],
    )
    def test_naming_the_wrong_field(self, db: Database, http: httpx.Client, field: str, value: object) -> None:
        team = make_device_team(db, seats=1)

        shown = problem(http.post(LOGIN, json={**body(team), field: value}), 422, "validation_error")

        assert [one["field"] for one in shown["errors"]] == [field]
        assert seats_with_names(db, team.id)[0][1] == "unassigned"

    def test_naming_every_missing_field(self, http: httpx.Client) -> None:
        shown = problem(http.post(LOGIN, json={}), 422, "validation_error")

        assert {one["field"] for one in shown["errors"]} == {
            "team_secret",
            "machine_id",
            "hostname",
            "username",
            "os",
            "os_version",
            "app_version",
        }

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'"x"'])
    def test_with_what_is_no_object(self, http: httpx.Client, content: bytes) -> None:
        answer = http.post(LOGIN, content=content, headers={"content-type": "application/json"})

        problem(answer, 422, "validation_error")

    @pytest.mark.parametrize("field", ["team_secret", "machine_id", "hostname"])
    def test_with_half_a_character(self, db: Database, http: httpx.Client, field: str) -> None:
        content = json.dumps({**body(make_device_team(db, seats=1)), field: "\ud800"})

        answer = http.post(LOGIN, content=content, headers={"content-type": "application/json"})

        problem(answer, 422, "validation_error")

    @pytest.mark.parametrize("header", [{}, bearer(""), bearer("x"), {"Authorization": "Basic eDp5"}, bearer("x y")])
    def test_without_a_token(self, http: httpx.Client, header: dict[str, str]) -> None:
        answer = http.post(LOGOUT, headers=header)

        problem(answer, 401, "token_invalid")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_names_of_255_characters_of_any_script_are_taken(db: Database, http: httpx.Client) -> None:
    team = make_device_team(db, seats=1)
    long = "ß機🙂" * 85

    answer = http.post(LOGIN, json=body(team, hostname=long, machine_id=long, username=long, os_version="", extra=1))

    assert answer.status_code == 200
    assert seats_with_names(db, team.id)[0][2] == long


class TestToken:
    def test_is_good_for_thirty_days_from_its_last_use(self, db: Database, http: httpx.Client) -> None:
        team, begun = make_device_team(db, seats=1), clock.now()
        old = begun - TOKEN_LIFE + HOUR
        one = log_in(db, team, machine(1), now=old, token="ada's")
        log_in(db, team, machine(1, username="bob"), now=old, token="bob's")

        assert http.post(LOGOUT, headers=bearer("bob's")).status_code == 204

        assert device_of(db, team.id, one.device_id).last_seen_at >= begun
        assert tokens_of(db, team.id, one.device_id) == {"ada": old + TOKEN_LIFE}

    def test_ends_after_thirty_days(self, db: Database, http: httpx.Client) -> None:
        team = make_device_team(db, seats=1)
        log_in(db, team, machine(1), now=clock.now() - TOKEN_LIFE, token="too old")

        problem(http.post(LOGOUT, headers=bearer("too old")), 401, "token_invalid")


def test_a_device_that_asks_too_often_waits(db: Database, http: httpx.Client) -> None:
    team = make_device_team(db, seats=2)

    answers = [http.post(LOGIN, json=body(team, 1)) for _ in range(121)]

    assert {answer.status_code for answer in answers[:120]} == {200}
    assert answers[0].headers["ratelimit-policy"] == '"default";q=120;w=60'
    assert answers[0].headers["ratelimit"].startswith('"default";r=119;t=')
    problem(answers[120], 429, "too_many_requests")
    assert 1 <= int(answers[120].headers["retry-after"]) <= 60
    assert http.post(LOGIN, json=body(team, 2)).status_code == 200


def test_the_os_users_of_one_host_do_not_share_a_limit(db: Database, http: httpx.Client) -> None:
    team = make_device_team(db, seats=1)
    ada, bob = (http.post(LOGIN, json=body(team, username=name)).json()["token"] for name in ("ada", "bob"))

    answers = [http.post(LOGOUT, headers=bearer(token)).headers["ratelimit"] for token in (ada, bob)]

    assert [answer.partition(";t=")[0] for answer in answers] == ['"default";r=119'] * 2
