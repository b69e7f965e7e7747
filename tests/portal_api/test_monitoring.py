"""`/api/v1/analytics/monitoring`: one row for each device that is enrolled and not blocked, as it is at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device, unblock_device
from callfloor.devices.names import NicknameDevice, nickname_device
from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database
from callfloor.foundation.limit_settings import RateLimit
from callfloor.live.presence import OngoingCall, Sound, StateReport, apply_reports
from callfloor.live.tables import State
from callfloor.portal_api import create_app
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient
from tests.factories.agents import make_signed_in, sign_in_agent
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.factories.teams import PortalKey, make_team
from tests.portal_api.conftest import services_of
from tests.portal_api.in_process import LoopTransport
from tests.portal_api.test_statements import CountedDatabase

PATH = "/api/v1/analytics/monitoring"
LEASE = 90_000
UNKNOWN = {"device": None, "muted": None, "noise_cancellation": None, "accent_conversion": None}
PortalOf = Callable[[Team], PortalClient]


class Floor:
    """A device team and its client; devices log in `ago` milliseconds before now, and report states at once."""

    def __init__(self, db: Database, portal: PortalOf) -> None:
        self.db = db
        self.team: DeviceTeam = make_device_team(db, seats=30)
        self.client = portal(self.team.team)

    def device(self, number: int | str, state: str | None = None, *, ago: int = 0, **more: Any) -> int:
        """Let a device log in and report; return its id."""
        facts = {name: more.pop(name) for name in ("hostname", "username") if name in more}
        now = clock.now() - ago
        device_id = log_in(self.db, self.team, machine(number, **facts), now=now).device_id
        if state is not None:
            report = StateReport(device_id, f"{number}", now, State(state), **more)
            self.db.write_now(lambda tx: apply_reports(tx, self.team.id, [report], now=now))
        return device_id

    def rows(self, **query: object) -> list[dict[str, Any]]:
        """Return the rows of a page; `count` must be theirs unless there are more pages."""
        answer = self.client.call("GET", PATH, params=query)
        assert answer.error is None, answer
        assert set(answer.data) == {"rows", "count"}
        return list(answer.data["rows"])

    def count(self, **query: object) -> int:
        """Return how many match."""
        count: int = self.client.call("GET", PATH, params=query).data["count"]
        return count


@pytest.fixture
def floor(db: Database, portal: PortalOf) -> Floor:
    return Floor(db, portal)


class TestRow:
    def test_of_a_device_in_a_call(self, floor: Floor) -> None:
        started = clock.now() - 61_500
        mic, speaker = Sound("Jabra", True, True, False), Sound("Jabra", False, False, True)
        call = OngoingCall("Zoom", started)

        device_id = floor.device(1, "in_call", ago=1000, call=call, mic=mic, speaker=speaker)

        (row,) = floor.rows()
        assert 61 <= row["call"].pop("duration") <= (clock.now() - started) // 1000
        updated_at = row.pop("updated_at")
        assert iso(started) < updated_at < iso(clock.now())
        assert row == {
            "id": device_id,
            "state": "in_call",
            "user": {"id": None, "email": None, "username": "ada"},
            "device": {"id": device_id, "hostname": "ws-1", "nickname": None, "os": "windows", "app_version": "1.0.0"},
            "call": {"status": "active", "app_name": "Zoom", "started_at": iso(started)},
            "metadata": {
                "mic": {"device": "Jabra", "muted": True, "noise_cancellation": True, "accent_conversion": False},
                "speaker": {"device": "Jabra", "muted": False, "noise_cancellation": False, "accent_conversion": True},
            },
        }

    def test_of_a_device_that_reported_nothing(self, floor: Floor) -> None:
        floor.device(1)

        (row,) = floor.rows()

        assert (row["state"], row["call"], row["metadata"]) == (
            "unavailable",
            None,
            {"mic": UNKNOWN, "speaker": UNKNOWN},
        )

    def test_of_a_device_that_fell_silent_in_a_call(self, floor: Floor) -> None:
        now = clock.now()
        floor.device(1, "in_call", ago=LEASE + 5000, call=OngoingCall("Zoom", now - LEASE - 9000))

        (row,) = floor.rows()

        assert (row["state"], row["call"]) == ("offline", None)
        assert iso(now - 6000) < row["updated_at"] <= iso(now)

    @pytest.mark.parametrize("state", list(State))
    def test_says_each_state(self, floor: Floor, state: State) -> None:
        floor.device(1, state.value)

        assert [row["state"] for row in floor.rows(state=state.value)] == [state.value]
        assert [floor.count(state=other.value) for other in State if other != state] == [0] * 4

    def test_of_a_person_of_an_email_team(self, db: Database, portal: PortalOf) -> None:
        team = make_team(db, seats=2)
        person = make_signed_in(db, team, email="ada.byron@people.example")
        device_id = sign_in_agent(db, person, machine(1, username="abyron")).device_id

        answer = portal(team).call("GET", PATH, params={"username": "abyron"})

        (row,) = answer.data["rows"]
        assert (row["id"], row["state"]) == (device_id, "unavailable")
        assert row["user"] == {"id": person.account_id, "email": "ada.byron@people.example", "username": "abyron"}


class TestList:
    def test_is_in_the_order_of_ids_page_by_page(self, floor: Floor) -> None:
        ids = [floor.device(number, "online") for number in range(7)]

        pages = [[row["id"] for row in floor.rows(page=page, perPage=3)] for page in (1, 2, 3, 4)]

        assert pages == [ids[:3], ids[3:6], ids[6:], []]
        assert {floor.count(page=page, perPage=3) for page in (1, 3, 10**9)} == {7}

    def test_has_offline_devices_and_no_blocked_ones(self, floor: Floor, db: Database) -> None:
        silent, blocked, there = floor.device(1, "online", ago=LEASE), floor.device(2, "online"), floor.device(3)
        change = ChangeDevice(floor.team.id, blocked, OPERATOR, clock.now())
        db.write_now(lambda tx: block_device(tx, change))

        assert [(row["id"], row["state"]) for row in floor.rows()] == [(silent, "offline"), (there, "unavailable")]
        assert floor.count() == 2

        db.write_now(lambda tx: unblock_device(tx, change))
        assert [row["id"] for row in floor.rows()] == [silent, blocked, there]

    def test_is_of_one_team(self, floor: Floor, db: Database, portal: PortalOf) -> None:
        floor.device(1, "online")

        assert Floor(db, portal).rows() == []
        for type_ in TeamType:
            answer = portal(make_team(db, type_=type_)).call("GET", PATH)
            assert (answer.error, answer.data) == (None, {"rows": [], "count": 0})

    def test_shows_a_nickname_at_once(self, floor: Floor, db: Database) -> None:
        device_id = floor.device(1)
        command = NicknameDevice(floor.team.id, device_id, "Front Desk", OPERATOR, clock.now(), lambda _known: None)
        db.write_now(lambda tx: nickname_device(tx, command))

        assert floor.rows()[0]["device"]["nickname"] == "Front Desk"


class TestFilters:
    @pytest.fixture
    def full(self, floor: Floor) -> Floor:
        """Four devices; hostnames and OS users beyond ASCII among them."""
        floor.device(1, "online", hostname="WS-Straße", username="Ünal")
        floor.device(2, "online", hostname="ws-100%", username="ada")
        floor.device(3, "in_call", hostname="ws-100x", username="ADA.B")
        floor.device(4, "online", hostname="desk", username="bob", ago=LEASE)
        return floor

    @pytest.mark.parametrize(
        ("query", "hostnames"),
        [
            ({"hostname": "ws-"}, ["WS-Straße", "ws-100%", "ws-100x"]),
            ({"hostname": "STRASSE"}, ["WS-Straße"]),
            ({"hostname": "100%"}, ["ws-100%"]),
            ({"hostname": ""}, ["WS-Straße", "ws-100%", "ws-100x", "desk"]),
            ({"username": "ADA"}, ["ws-100%", "ws-100x"]),
            ({"username": "ünal"}, ["WS-Straße"]),
            ({"username": "ada", "state": "in_call"}, ["ws-100x"]),
            ({"username": "ada", "hostname": "100%"}, ["ws-100%"]),
            ({"username": "%"}, []),
            ({"state": "online"}, ["WS-Straße", "ws-100%"]),
            ({"state": "offline"}, ["desk"]),
            ({"state": "offline", "hostname": "ws"}, []),
        ],
    )
    def test_narrow_rows_and_count(self, full: Floor, query: dict[str, str], hostnames: list[str]) -> None:
        assert [row["device"]["hostname"] for row in full.rows(**query)] == hostnames
        assert full.count(**query) == len(hostnames)
        assert [row["device"]["hostname"] for row in full.rows(**query, page=2, perPage=1)] == hostnames[1:2]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"state": "busy"}, "state"),
            ({"state": "Online"}, "state"),
            ({"state": ""}, "state"),
            ({"hostname": "x" * 256}, "hostname"),
            ({"username": "a\0"}, "username"),
            ({"page": "0"}, "page"),
            ({"perPage": "101"}, "perPage"),
        ],
    )
    def test_that_are_wrong_are_named(self, floor: Floor, query: dict[str, str], field: str) -> None:
        answer = floor.client.call("GET", PATH, params=query)

        assert (answer.error, answer.fields) == ("VALIDATION_ERROR", {field})


@pytest.mark.parametrize(
    "query", [{}, {"state": "online"}, {"hostname": "ws"}, {"username": "a"}, {"page": 2, "perPage": 5}]
)
def test_a_page_costs_a_few_statements(
    db: Database, runner: asyncio.Runner, tmp_path: Path, key_of: Callable[[Team], PortalKey], query: dict[str, Any]
) -> None:
    team = make_device_team(db, seats=20)
    for number in range(20):
        log_in(db, team, machine(number))
    key = key_of(team.team)
    counted = CountedDatabase(db)
    app = create_app(services_of(counted, tmp_path, RateLimit()))

    with httpx.Client(transport=LoopTransport(app, runner), base_url="https://callfloor.example") as http:
        answer = PortalClient(http, key.name, key.secret).call("GET", PATH, params=query)

    assert answer.error is None
    assert 2 <= counted.statements <= 3  # the key, the count, the page unless it is empty
