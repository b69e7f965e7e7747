"""`/api/v2/devices` and the team's secret: what administrators and their keys are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from callfloor.access.tables import KeyKind
from callfloor.foundation.database import Database
from callfloor.foundation.fields import ID_LIMIT
from tests.devices.looking import (
    assert_seats_are_held_by_devices,
    device_of,
    events_of,
    every_device,
    seats_with_names,
    trail_of,
)
from tests.devices.test_agent_api import LOGIN, LOGOUT, bearer, body
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team, try_log_in
from tests.factories.teams import make_team
from tests.support.problems import problem
from tests.teams.counting import assert_counts_hold

NOW = 1_800_000_000_000
DEVICES = "/api/v2/devices"
KeyOf = Callable[..., dict[str, str]]
BOTH = ("devices:read", "devices:write")


@pytest.fixture
def floor(db: Database, key_of: KeyOf) -> tuple[DeviceTeam, list[int], dict[str, str]]:
    """A device team of five machines, their ids, and the header of a key that may everything with them."""
    team = make_device_team(db, seats=6)
    ids = [log_in(db, team, machine(number), now=NOW).device_id for number in range(5)]
    return team, ids, key_of(team.id, *BOTH)


Floor = tuple[DeviceTeam, list[int], dict[str, str]]


class TestList:
    def test_goes_page_by_page(self, http: httpx.Client, floor: Floor) -> None:
        _, ids, key = floor
        seen, cursor, pages = [], None, 0

        while pages == 0 or cursor:
            query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
            page = http.get(DEVICES, params=query, headers=key).json()
            seen += [row["id"] for row in page["data"]]
            cursor, pages = page["next_cursor"], pages + 1

        assert (seen, pages) == (ids, 3)

    def test_is_filtered(self, http: httpx.Client, floor: Floor) -> None:
        _, ids, key = floor
        http.patch(f"{DEVICES}/{ids[0]}", json={"nickname": "Front Desk"}, headers=key)
        http.put(f"{DEVICES}/{ids[1]}/block", headers=key)
        http.delete(f"{DEVICES}/{ids[2]}/seat", headers=key)

        def found(**query: str) -> list[int]:
            return [row["id"] for row in http.get(DEVICES, params=query, headers=key).json()["data"]]

        assert found(nickname="FRONT") == [ids[0]]
        assert found(hostname="WS-3") == [ids[3]]
        assert found(state="blocked") == [ids[1]]
        assert found(state="unseated") == [ids[2]]
        assert found(state="seated", hostname="ws") == [ids[0], ids[3], ids[4]]
        assert found(state="conflict") == found(hostname="%") == []

    @pytest.mark.parametrize(
        "query", [{"limit": "0"}, {"limit": "201"}, {"state": "x"}, {"cursor": "x"}, {"hostname": "\0"}]
    )
    def test_refuses_what_it_cannot_read(self, http: httpx.Client, floor: Floor, query: dict[str, str]) -> None:
        shown = problem(http.get(DEVICES, params=query, headers=floor[2]), 422, "validation_error")

        assert [one["field"] for one in shown["errors"]] == list(query)


class TestOne:
    def test_shows_all_of_it(self, db: Database, http: httpx.Client, floor: Floor) -> None:
        team, ids, key = floor
        try_log_in(db, team, machine(0, hostname="clone"), now=NOW + 1)

        shown = http.get(f"{DEVICES}/{ids[0]}", headers=key).json()

        assert shown == {
            "id": ids[0],
            "state": "seated",
            "machine_id": "machine-0",
            "hostname": "ws-0",
            "nickname": None,
            "username": "ada",
            "os": "windows",
            "os_version": "11 24H2",
            "app_version": "1.0.0",
            "account_id": None,
            "seat_id": seats_with_names(db, team.id)[0][0],
            "enrolled_at": "2027-01-15T08:00:00.000Z",
            "last_seen_at": "2027-01-15T08:00:00.000Z",
            "conflict": {"hostname": "clone", "at": "2027-01-15T08:00:00.001Z"},
            "block": None,
        }
        assert http.delete(f"{DEVICES}/{ids[0]}/conflict", headers=key).status_code == 204
        assert http.get(f"{DEVICES}/{ids[0]}", headers=key).json()["conflict"] is None

    def test_is_named_by_who_has_read_it(self, db: Database, http: httpx.Client, floor: Floor) -> None:
        team, ids, key = floor
        url = f"{DEVICES}/{ids[0]}"
        tag = http.get(url, headers=key).headers["etag"]
        log_in(db, team, machine(0), now=NOW + 60_000)

        first = http.patch(url, json={"nickname": "Ada's"}, headers={**key, "If-Match": tag})
        stale = http.patch(url, json={"nickname": "Bob's"}, headers={**key, "If-Match": tag})
        without = http.patch(url, json={"nickname": None}, headers=key)

        assert (first.status_code, first.json()["nickname"]) == (200, "Ada's")
        assert first.headers["etag"] != tag
        problem(stale, 412, "precondition_failed")
        assert without.json()["nickname"] is None
        assert len(trail_of(db, team.id, "device.nicknamed")) == 2

    @pytest.mark.parametrize("change", [{}, {"nickname": ""}, {"nickname": "x" * 256}, {"nickname": 1}, {"nick": "x"}])
    def test_is_not_named_wrongly(self, http: httpx.Client, floor: Floor, change: dict[str, Any]) -> None:
        _, ids, key = floor

        problem(http.patch(f"{DEVICES}/{ids[0]}", json=change, headers=key), 422, "validation_error")
        answer = http.patch(f"{DEVICES}/{ids[0]}", json={"nickname": "a\nb"}, headers=key)
        problem(answer, 422, "validation_error")

    @pytest.mark.parametrize("path", ["", "/block", "/seat", "/conflict"])
    def test_of_another_team_is_not_found(
        self, db: Database, http: httpx.Client, key_of: KeyOf, floor: Floor, path: str
    ) -> None:
        stranger = key_of(make_device_team(db).id, *BOTH)
        method = "GET" if not path else "DELETE"

        answer = http.request(method, f"{DEVICES}/{floor[1][0]}{path}", headers=stranger)

        problem(answer, 404, "device_not_found")


class TestBlock:
    def test_and_unblock(self, db: Database, http: httpx.Client, floor: Floor) -> None:
        team, ids, key = floor
        url = f"{DEVICES}/{ids[0]}/block"

        shown = http.put(url, json={"reason": "lost"}, headers=key).json()
        again = http.put(url, json={"reason": "stolen"}, headers=key).json()

        assert (shown["state"], shown["seat_id"], shown["block"]["reason"]) == ("blocked", None, "lost")
        assert again == shown
        assert http.delete(url, headers=key).status_code == 204
        problem(http.delete(url, headers=key), 409, "device_is_not_blocked")
        assert device_of(db, team.id, ids[0]).state == "unseated"
        problem(http.delete(f"{DEVICES}/{ids[0]}/seat", headers=key), 409, "device_has_no_seat")
        assert_counts_hold(db, team.id)

    def test_of_an_email_team(self, db: Database, http: httpx.Client, key_of: KeyOf) -> None:
        key = key_of(make_team(db, seats=1).id, *BOTH)
        refused = (403, "not_permitted_change_seat_status")

        problem(http.put(f"{DEVICES}/1/block", headers=key), *refused)
        problem(http.post(f"{DEVICES}/batches", json={"action": "block", "device_ids": [1]}, headers=key), *refused)
        problem(http.put("/api/v2/team/device-secret", headers=key), 409, "not_a_device_team")
        assert http.get(DEVICES, headers=key).json() == {"data": [], "next_cursor": None}


class TestBatch:
    def test_tells_of_each_device_and_stops_at_none(self, db: Database, http: httpx.Client, floor: Floor) -> None:
        team, ids, key = floor
        http.put(f"{DEVICES}/{ids[0]}/block", headers=key)
        batch = {"action": "block", "device_ids": [ids[0], ID_LIMIT, ids[1], ids[1]], "reason": "sold"}

        data = http.post(f"{DEVICES}/batches", json=batch, headers=key).json()["data"]

        assert [(row["device_id"], row["result"], row["code"]) for row in data] == [
            (ids[0], "unchanged", None),
            (ID_LIMIT, "refused", "device_not_found"),
            (ids[1], "changed", None),
        ]
        assert (data[2]["before"]["state"], data[2]["after"]["state"]) == ("seated", "blocked")
        assert data[2]["after"]["block"]["reason"] == "sold"
        assert_counts_hold(db, team.id)
        assert_seats_are_held_by_devices(db, team.id)

    @pytest.mark.parametrize("action", ["block", "unassign"])
    def test_tried_out_is_the_very_change_and_leaves_nothing(
        self, db: Database, http: httpx.Client, floor: Floor, action: str
    ) -> None:
        team, ids, key = floor
        before, trail = every_device(db, team.id), (trail_of(db, team.id), events_of(db, team.id, "%"))
        batch = {"action": action, "device_ids": [*ids, ID_LIMIT]}

        tried = http.post(f"{DEVICES}/batches", json={**batch, "dry_run": True}, headers=key).json()

        assert every_device(db, team.id) == before
        assert (trail_of(db, team.id), events_of(db, team.id, "%")) == trail
        assert_counts_hold(db, team.id)
        done = http.post(f"{DEVICES}/batches", json=batch, headers=key).json()
        assert (tried["dry_run"], done["dry_run"]) == (True, False)
        assert without_ids_and_times(tried["data"]) == without_ids_and_times(done["data"])
        assert {seat[1] for seat in seats_with_names(db, team.id)} == {"unassigned"}

    @pytest.mark.parametrize(
        "batch",
        [
            {"action": "delete", "device_ids": [1]},
            {"action": "block", "device_ids": []},
            {"action": "block", "device_ids": [0]},
            {"action": "block", "device_ids": ["1"]},
            {"action": "block", "device_ids": list(range(1, 502))},
            {"action": "block", "device_ids": [1], "reason": "a\nb"},
            {"device_ids": [1]},
        ],
    )
    def test_that_is_none(self, http: httpx.Client, floor: Floor, batch: dict[str, Any]) -> None:
        problem(http.post(f"{DEVICES}/batches", json=batch, headers=floor[2]), 422, "validation_error")


def without_ids_and_times(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a batch without what is made anew each time: the entry's id and its instant."""
    for row in rows:
        if row["after"] and row["after"]["block"]:
            row["after"]["block"] = {"reason": row["after"]["block"]["reason"]}
    return rows


def test_the_secret_is_rotated_and_tokens_live_on(db: Database, http: httpx.Client, floor: Floor) -> None:
    team, _, key = floor
    token = http.post(LOGIN, json=body(team, "new")).json()["token"]

    answer = http.put("/api/v2/team/device-secret", headers=key)

    fresh = answer.json()["device_secret"]
    assert set(answer.json()) == {"device_secret"}
    assert len(fresh) == 43
    problem(http.post(LOGIN, json=body(team, "new")), 401, "team_secret_invalid")
    assert http.post(LOGOUT, headers=bearer(token)).status_code == 204
    assert http.post(LOGIN, json=body(team, "new", team_secret=fresh)).status_code == 200
    assert fresh not in str(trail_of(db, team.id, "%"))


ROUTES = {
    ("GET", ""): "devices:read",
    ("GET", "/{id}"): "devices:read",
    ("PATCH", "/{id}"): "devices:write",
    ("PUT", "/{id}/block"): "devices:write",
    ("DELETE", "/{id}/block"): "devices:write",
    ("DELETE", "/{id}/seat"): "devices:write",
    ("DELETE", "/{id}/conflict"): "devices:write",
    ("POST", "/batches"): "devices:write",
}
"""Every route below `/api/v2/devices`, and the scope it needs."""


@pytest.mark.parametrize(("method", "path"), list(ROUTES))
def test_who_may(db: Database, http: httpx.Client, key_of: KeyOf, floor: Floor, method: str, path: str) -> None:
    team, ids, _ = floor
    token = http.post(LOGIN, json=body(team, "new")).json()["token"]
    wanted = ROUTES[method, path]
    (other,) = {*BOTH} - {wanted}
    before = every_device(db, team.id)

    def asked(header: dict[str, str]) -> httpx.Response:
        return http.request(method, f"{DEVICES}{path.format(id=ids[0])}", headers=header)

    for header in ({}, bearer(token), key_of(team.id, kind=KeyKind.PORTAL), bearer(team.secret)):
        problem(asked(header), 401, "not_signed_in")
    problem(asked(key_of(team.id, other, "seats:write", "team:write")), 403, "forbidden")
    assert every_device(db, team.id) == before
    assert asked(key_of(team.id, wanted)).status_code not in {401, 403}


def test_who_may_rotate_the_secret(db: Database, http: httpx.Client, key_of: KeyOf) -> None:
    team = make_device_team(db, seats=1)
    url = "/api/v2/team/device-secret"

    for header in ({}, bearer(team.secret), key_of(team.id, kind=KeyKind.PORTAL)):
        problem(http.put(url, headers=header), 401, "not_signed_in")
    problem(http.put(url, headers=key_of(team.id, "devices:read", "team:write")), 403, "forbidden")

    assert http.post(LOGIN, json=body(team)).status_code == 200
    assert http.put(url, headers=key_of(team.id, "devices:write")).status_code == 200


def test_a_key_is_no_device(db: Database, http: httpx.Client, key_of: KeyOf) -> None:
    team = make_device_team(db, seats=1)

    for kind in KeyKind:
        problem(http.post(LOGOUT, headers=key_of(team.id, *BOTH, kind=kind)), 401, "token_invalid")
        secret = key_of(team.id, *BOTH, kind=kind)["Authorization"].removeprefix("Bearer ")
        problem(http.post(LOGIN, json=body(team, team_secret=secret)), 401, "team_secret_invalid")
