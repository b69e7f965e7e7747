"""A client that knows only the contract walks all of the Portal API: each endpoint, each error, each edge of a page."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import DeleteKey, delete_key
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.teams.tables import Payment
from callfloor.teams.teams import SetBilling, set_billing
from tests.contracts.portal_client import BOTH, ENDPOINTS, ERRORS, Answer, basic, send
from tests.factories.events import call, state
from tests.factories.teams import make_api_key, make_person, make_portal_key
from tests.support.portal_place import Known, Met, Place, Walker, machine, place_of

NOWHERE = 2**40
"""An id of nothing."""
NEED_OTHER_SERVERS = {"TOO_MANY_REQUESTS", "INTERNAL_SERVER_ERROR"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server on a data folder that was empty, SQLite or PostgreSQL."""
    url = request.getfixturevalue("postgres_template").fresh_url() if request.param == "postgresql" else None
    with place_of(tmp_path_factory.mktemp("walk") / "data", url, CALLFLOOR_RATE_LIMIT_REQUESTS="100000") as one:
        yield one


@pytest.fixture(scope="module")
def devices(place: Place) -> Walker:
    """The key of a device team of three machines, one of them blocked, and a free seat."""
    team = place.team("device", seats=3)
    logged_in = [place.log_in(team, number) for number in (1, 2, 3)]
    walker = place.walker(team)
    assert walker.block(logged_in[2]["seat_id"]).error is None
    return walker


@pytest.fixture(scope="module")
def people(place: Place) -> Walker:
    """The key of an email team with its administrator and a free seat."""
    team = place.team("email", seats=2)
    make_person(place.db, team.team, role=Role.ADMIN)
    return place.walker(team)


def test_every_endpoint_and_every_error(place: Place) -> None:
    met: Met = set()

    walk_devices(place, met)
    walk_people(place, met)
    walk_invoices(place, met)
    walk_strangers(place, met)

    assert {(method, path) for method, path, error in met if error is None} == set(ENDPOINTS)
    assert {error for _, _, error in met if error is not None} == set(ERRORS) - NEED_OTHER_SERVERS
    assert not place.server.events("request_failed")


def walk_devices(place: Place, met: Met) -> None:
    """Walk a device team from its first seat to its last."""
    team = place.team("device")
    walker = place.walker(team, met)
    assert walker.seats().data == walker.blocked().data == walker.monitoring().data == {"rows": [], "count": 0}
    assert walker.add_seats(2).data["charge"]["seats"] == 2
    assert walker.add_seats(1, form=True).data["count"] == 3
    one, two = place.log_in(team, 1), place.log_in(team, 2)

    first, second, free = walker.every_seat(per_page=1)
    assert [row["hostname"] for row in (first, second, free)] == ["WS-1", "WS-2", None]
    assert [row["id"] for row in (first, second)] == [one["seat_id"], two["seat_id"]]
    for query in ({"status": "assigned"}, {"hostname": "ws-"}):
        assert walker.seats(role="user", **query).data["count"] == 2
    assert walker.seats(nickname="ws").data["count"] == 0
    assert walker.delete_seat(first["id"]).error == "SEAT_IS_NOT_EMPTY"
    assert walker.block(free["id"]).error == "SEAT_IS_EMPTY"
    assert walker.block(first["id"]).data == {"id": first["id"]}
    (entry,) = walker.blocked(qs="s-1").data["rows"]
    assert (entry["hostname"], entry["username"], entry["blocked_by"]) == ("WS-1", "ada", "walker")
    assert walker.blocked(qs="s-2").data["count"] == 0
    walk_analytics(place, walker, one, two)
    assert walker.unblock(entry["id"]).data == {"id": entry["id"]}
    assert walker.unblock(entry["id"]).error == "NOT_FOUND"
    for form in (False, True):
        assert walker.invite("ada@people.example", form=form).error == "NOT_PERMITTED_INVITE_USER"
    assert walker.unassign(second["id"]).error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"
    assert walker.delete_seat(free["id"]).data == {"id": free["id"]}
    assert walker.delete_seat(free["id"]).error == "SEAT_NOT_FOUND"
    assert walker.seats().data["count"] == 2


def walk_analytics(place: Place, walker: Walker, blocked: dict[str, Any], live: dict[str, Any]) -> None:
    """Look at what a machine reports, beside one that is blocked."""
    assert [row["state"] for row in walker.monitoring().data["rows"]] == ["unavailable"]
    mic = {"device": "Headset", "muted": False, "noise_cancellation": True, "accent_conversion": None}
    talk = call(seconds=60, language="de-DE")
    ongoing = {"app_name": "Softphone", "started_at": talk["ended_at"]}
    place.report(live, state("in_call", call=ongoing, mic=mic), talk)

    (row,) = walker.monitoring(state="in_call", hostname="ws-2", username="ada").data["rows"]
    assert (row["id"], row["user"]) == (live["device_id"], {"id": None, "email": None, "username": "ada"})
    assert (row["call"]["app_name"], row["call"]["started_at"]) == ("Softphone", talk["ended_at"])
    assert row["metadata"]["mic"] == mic
    for query in ({"state": "online"}, {"hostname": "ws-1"}, {"username": "bob"}):
        assert walker.monitoring(**query).data == {"rows": [], "count": 0}

    day = talk["started_at"][:10]
    for grouping, group_id in (("device", live["device_id"]), ("username", "ada"), ("language", "de-DE")):
        for cadence in ("daily", "weekly", "monthly"):
            query = {"group_by": grouping, "from": day, "to": day, "cadence": cadence}
            (row,) = walker.usage(**query).data["rows"]
            assert row["period_start"] <= day <= row["period_end"]
            assert (row["group"]["type"], row["group"]["id"]) == (grouping, group_id)
            assert (row["mic_call_duration"], row["speaker_call_duration"], row["calls"]) == (30, 20, 1)
            assert row["features"]["mic_noise_cancellation"] == 30
    assert walker.usage(group_by="user", **{"from": day}, to=day).data["rows"] == []
    assert blocked["device_id"] not in {row["id"] for row in walker.monitoring().data["rows"]}


def walk_people(place: Place, met: Met) -> None:
    """Walk an email team: invited, unassigned, deleted."""
    team = place.team("email", seats=1)
    walker, admin_email = place.walker(team, met), f"{uuid.uuid4()}@people.example"
    admin = make_person(place.db, team.team, email=admin_email, role=Role.ADMIN)
    assert walker.add_seats(1).error is None
    invited = walker.invite("Ada@people.example").data
    (seat,) = walker.seats(status="invited").data["rows"]
    assert (seat["id"], invited["email"]) == (invited["id"], "Ada@people.example")
    assert walker.delete_seat(seat["id"]).error == "SEAT_IS_NOT_EMPTY"
    for form in (False, True):
        assert walker.invite("ada@PEOPLE.example", form=form).error == "ALREADY_MEMBER"
        assert walker.invite(admin_email, form=form).error == "ALREADY_MEMBER"
        assert walker.invite("bob@desk.local", form=form).error == "NOT_EMPTY_SEAT"
    assert walker.unassign(seat["id"]).data == {"id": seat["id"]}
    assert walker.unassign(seat["id"]).error == "SEAT_IS_EMPTY"
    assert walker.unassign(admin.seat_id).error == "NOT_PERMITTED_UNASSIGN_LAST_ADMINISTRATOR_SEAT"
    assert walker.unassign(NOWHERE).error == "SEAT_NOT_FOUND"
    assert walker.invite("bob@desk.local", form=True).data["id"] == seat["id"]
    walk_agent_of_a_person(place, team, admin.account_id, walker)
    for answer in (walker.block(seat["id"]), walker.blocked(), walker.unblock(NOWHERE)):
        assert answer.error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"
    place.api(team, "PATCH", "/team", json={"inviting_enabled": False})
    assert walker.invite("cyd@people.example").error == "NOT_PERMITTED_INVITE_USER"
    assert walker.unassign(seat["id"]).error is None
    assert walker.delete_seat(seat["id"]).error is None


def walk_agent_of_a_person(place: Place, team: Known, account_id: int, walker: Walker) -> None:
    """Look at what the agent of a person reports."""
    code = place.api(team, "POST", f"/people/{account_id}/agent-codes")["code"]
    answer = place.http.post("/api/v2/agent/authorize", json={"code": code, **machine(7)})
    talk = call(seconds=60)
    place.report(answer.json(), state("online"), talk)

    (row,) = walker.monitoring(state="online").data["rows"]
    (member,) = [row["user"] for row in walker.seats(role="admin").data["rows"]]
    assert row["user"] == {"id": account_id, "email": member["email"], "username": "ada"}
    day = talk["started_at"][:10]
    (row,) = walker.usage(group_by="user", **{"from": day}, to=day).data["rows"]
    assert (row["group"]["id"], row["group"]["email"], row["calls"]) == (account_id, member["email"], 1)


def walk_invoices(place: Place, met: Met) -> None:
    """Walk a team that pays by invoice."""
    team = place.team("device", seats=1, payment=Payment.INVOICE)
    walker = place.walker(team, met)
    (seat,) = walker.seats().data["rows"]
    for form in (False, True):
        assert walker.add_seats(1, form=form).error == "NOT_PERMITTED_ADD_SEATS"
    assert walker.delete_seat(seat["id"]).error == "NOT_PERMITTED_DELETE_SEAT"
    flag = SetBilling(team.team.id, None, True, OPERATOR, clock.now())
    place.db.write_now(functools.partial(set_billing, command=flag))
    assert walker.add_seats(1).data == {"added": 1, "count": 2, "charge": None}
    assert walker.delete_seat(seat["id"]).error == "NOT_PERMITTED_DELETE_SEAT"


def walk_strangers(place: Place, met: Met) -> None:
    """Come to every endpoint, and to none, without a key that is one."""
    team = place.team("email")
    gone = make_portal_key(place.db, team.team, hash_key=place.hash_key, name="gone")
    bearer = make_api_key(place.db, team.team.id, hash_key=place.hash_key)["Authorization"]
    deletion = DeleteKey(team.team.id, gone.id, OPERATOR, clock.now())
    place.db.write_now(functools.partial(delete_key, command=deletion))
    unknown = [
        *(basic("gone", gone.secret), basic("api", bearer.partition(" ")[2]), basic("gone", "none"), basic("", "")),
        *("Basic !!!", "Basic bm9jb2xvbg==", "basic eDp5"),
    ]
    headers: dict[str, list[str]] = {
        "AUTH_HEADER_WRONG_FORMAT": ["", "Basic", "Bearer", "Digest eDp5", "Basic a b", "eDp5"],
        "AUTH_BASIC_ONLY": [bearer, "bearer x"],
        "AUTH_BASIC_INVALID_TOKEN": unknown,
    }
    for method, path in [*ENDPOINTS, ("GET", "/api/v1/none"), ("POST", "/api/v1"), ("PATCH", "/api/v1/seats")]:
        where = path.replace(":id", "x")  # the key comes before the id
        assert send(place.http, method, where, json={}).error == "AUTH_HEADER_MISSING"
        met.add((method, path, "AUTH_HEADER_MISSING"))
        for error, values in headers.items():
            for value in values:
                answer = send(place.http, method, f"{where}?page=0", headers={"Authorization": value}, json={})
                assert answer.error == error, (method, path, value)
                met.add((method, path, error))
    walker = place.walker(team, met)
    assert walker.add_seats(0).error == "VALIDATION_ERROR"
    assert walker.call("PATCH", "/api/v1/seats").error == "NOT_FOUND"


def lists_of(type_: str) -> list[tuple[str, dict[str, str]]]:
    """Return path and needed parameters of every list of this type of team."""
    today = call()["ended_at"][:10]
    needed = {"/api/v1/analytics/usage": {"group_by": "username", "from": today, "to": today}}
    return [
        (path, needed.get(path, {}))
        for (method, path), types in ENDPOINTS.items()
        if method == "GET" and type_ in types
    ]


@pytest.mark.parametrize("type_", BOTH)
def test_every_edge_of_every_page(type_: str, devices: Walker, people: Walker) -> None:
    walker = devices if type_ == "device" else people
    for path, needed in lists_of(type_):

        def page(*pairs: tuple[str, str], path: str = path, needed: dict[str, str] = needed) -> Answer:
            return walker.call("GET", path, params=[*needed.items(), *pairs])

        whole = page()
        count, rows = whole.data["count"], whole.data["rows"]
        assert count == len(rows)
        assert [page(("page", str(number)), ("perPage", "1")).data["rows"] for number in range(1, count + 1)] == [
            [row] for row in rows
        ]
        for good in ("1", "100"):
            assert page(("perPage", good)).data["count"] == count
        for past in (str(count + 1), "1000000", "9" * 18, "9" * 30):
            assert page(("page", past), ("perPage", "1")).data == {"rows": [], "count": count}
        for bad in ("0", "-1", "1.5", "1 ", " 1", "1e3", "", "+1", "0x1", "1,0", "true", "null", "\u0663"):
            assert page(("page", bad)).fields == {"page"}, (path, bad)
            assert page(("perPage", bad)).fields == {"perPage"}, (path, bad)
        assert page(("perPage", "101")).fields == {"perPage"}
        assert page(("page", "0"), ("perPage", "0")).fields == {"page", "perPage"}
        assert page(("page", "1"), ("page", "1")).fields == {"page"}
        assert page(("unknown", "1"), ("per_page", "0"), ("Page", "0"), ("unknown", "2")).data == whole.data


def test_every_filter(devices: Walker) -> None:
    walker = devices
    today = call()["ended_at"][:10]
    usage = {"group_by": "device", "from": today, "to": today}
    for path, filters in (
        ("/api/v1/seats", {"status": "none", "role": "analytics"}),
        ("/api/v1/analytics/monitoring", {"state": "busy"}),
        ("/api/v1/analytics/usage", {"group_by": "team", "cadence": "hourly"}),
    ):
        needed = usage if path.endswith("usage") else {}
        for name, unknown in filters.items():
            for value in (unknown, "", unknown.upper()):
                assert walker.call("GET", path, params={**needed, name: value}).fields == {name}, (path, name, value)
    for path, name in (
        *(("/api/v1/seats", "hostname"), ("/api/v1/seats", "nickname"), ("/api/v1/team/block/list", "qs")),
        *(("/api/v1/analytics/monitoring", "hostname"), ("/api/v1/analytics/monitoring", "username")),
    ):
        for value in ("\0", "x" * 256):
            assert walker.call("GET", path, params={name: value}).fields == {name}
        assert walker.call("GET", path, params=[(name, "a"), (name, "b")]).fields == {name}
        assert walker.call("GET", path, params={name: "%_\\"}).data == {"rows": [], "count": 0}
    for dates, field in (
        *(({"from": "2026-02-30"}, "from"), ({"to": "2026-2-3"}, "to"), ({"from": f"{today}T00:00:00Z"}, "from")),
        *(({"from": "2020-01-01"}, "from"), ({"from": "9999-12-31"}, "from"), ({"to": ""}, "to")),
    ):
        assert walker.usage(**{**usage, **dates}).fields == {field}, dates
    for missing in usage:
        left = {name: value for name, value in usage.items() if name != missing}
        assert walker.usage(**left).fields == {missing}


@pytest.mark.parametrize("type_", BOTH)
def test_ids_of_others_and_of_nothing(place: Place, type_: str, devices: Walker, people: Walker) -> None:
    """A malformed id comes first, then what the type of the team may not, then whether it is there."""
    walker = devices if type_ == "device" else people
    other = place.walker(place.team(type_, seats=1))
    (theirs,) = [row["id"] for row in other.every_seat()]
    for method, path in [one for one in ENDPOINTS if ":id" in one[1]]:
        for malformed in ("x", "1.0", "-1", "+1", "1 ", "%00", "0x1", "\u0663"):
            assert walker.call(method, path.replace(":id", malformed)).fields == {"id"}, (path, malformed)
        for nobodys in (0, NOWHERE, "9" * 30, theirs):
            error = walker.call(method, path.replace(":id", str(nobodys))).error
            if type_ not in ENDPOINTS[method, path]:
                assert error == "NOT_PERMITTED_CHANGE_SEAT_STATUS", path
            else:
                assert error == ("NOT_FOUND" if "unblock" in path else "SEAT_NOT_FOUND"), path
        assert walker.call(method, path.replace("/:id", "/")).error == "NOT_FOUND"
        assert walker.call(method, path.replace(":id", "1/2")).error == "NOT_FOUND"
    assert other.seats().data["count"] == 1


def test_bodies(devices: Walker, people: Walker) -> None:
    """What is wrong with a body comes before what the team may not; unknown fields are ignored."""
    no_counts: list[Any] = [1.9, "2", "2 ", True, 0, 10_001, 2.0, None, [1], {}, -1]
    no_addresses: list[Any] = ["", "ada", "ada@desk", "a@b@desk.local", "a b@desk.local", 1, None, True, ["a@b.local"]]
    for value in no_counts:
        assert devices.call("POST", "/api/v1/seats", json={"count": value}).fields == {"count"}, value
    for text in ("1.9", "2 ", "true", "0", "10001", "", "+2", "1e1"):
        assert devices.call("POST", "/api/v1/seats", data={"count": text}).fields == {"count"}, text
    for walker in (devices, people):
        for value in no_addresses:
            assert walker.call("POST", "/api/v1/team/invite", json={"email": value}).fields == {"email"}, value
        for text in ("", "ada", "ada@desk"):
            assert walker.call("POST", "/api/v1/team/invite", data={"email": text}).fields == {"email"}, text
    for path in ("/api/v1/seats", "/api/v1/team/invite"):
        for body, type_, field in (
            *((b"{", "application/json", "body"), (b"[1]", "application/json", "body")),
            *((b"\xff", "application/x-www-form-urlencoded", "body"), (b"{}", "text/plain", "Content-Type")),
        ):
            answer = devices.call("POST", path, content=body, headers={"Content-Type": type_})
            assert answer.fields == {field}, (path, body)
    before = devices.seats().data["count"]
    assert devices.call("POST", "/api/v1/seats", json={"count": 1, "unknown": [], "Count": 9}).data["added"] == 1
    assert devices.call("POST", "/api/v1/seats", data={"count": "1", "unknown": "2"}).data["count"] == before + 2
