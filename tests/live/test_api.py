"""`/api/v2/live` and a device's states: what devices do, and what they did."""

from __future__ import annotations

import functools
import tracemalloc
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from callfloor.access.audit import OPERATOR
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.devices.leases import renew_leases
from callfloor.foundation import clock
from callfloor.foundation.clock import HOUR, MINUTE, SECOND, Millis, iso
from callfloor.foundation.database import Database, Tx
from callfloor.live.history import forget_transitions, spans_of_devices, times_of_devices
from callfloor.live.presence import OngoingCall, Sound, StateReport, apply_reports, heard
from callfloor.live.rows import add_transitions
from callfloor.live.spans import Range, time_by_state
from callfloor.live.standing import TransitionRow
from callfloor.live.tables import State
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.live.conftest import ClientOf

T = TypeVar("T")
STATES = {"online": 0, "in_call": 0, "offline": 0, "unhealthy": 0, "unavailable": 0}


def reported(db: Database, team: DeviceTeam, device_id: int, at: Millis, state: str, **more: Any) -> None:
    """Take in a report at its own time."""
    report = StateReport(device_id, f"{at:036d}", at, State(state), **more)

    def verb(tx: Tx) -> None:
        apply_reports(tx, team.id, [report], now=at)
        renew_leases(tx, team.id, [device_id], now=at)

    db.write_now(verb)


class TestSnapshot:
    def test_shows_every_device_and_how_many_are_in_each_state(self, db: Database, client: ClientOf) -> None:
        team = make_device_team(db, seats=3)
        now = clock.now()
        ids = [log_in(db, team, machine(number), now=now).device_id for number in (1, 2, 3)]
        mic = Sound("Jabra", True, True, None)
        reported(db, team, ids[0], now, "in_call", reason="a call", call=OngoingCall("Zoom", now), mic=mic)
        db.write_now(lambda tx: block_device(tx, ChangeDevice(team.id, ids[2], OPERATOR, now)))

        answer = client(team.team, "live:read").get("/live/snapshot").json()

        assert (answer["seq"], answer["next_cursor"]) == (1, None)
        assert answer["counts"] == {**STATES, "in_call": 1, "unavailable": 1}
        assert [row["id"] for row in answer["data"]] == ids[:2]
        assert answer["data"][0] == {
            "id": ids[0],
            "state": "in_call",
            "reason": "a call",
            "since": iso(now),
            "updated_at": iso(now),
            "hostname": "ws-1",
            "nickname": None,
            "os": "windows",
            "app_version": "1.0.0",
            "username": "ada",
            "account_id": None,
            "email": None,
            "call": {"app_name": "Zoom", "started_at": iso(now)},
            "mic": {"device": "Jabra", "muted": True, "noise_cancellation": True, "accent_conversion": None},
            "speaker": None,
        }

    def test_comes_page_by_page_where_a_limit_is_asked(self, db: Database, client: ClientOf) -> None:
        team = make_device_team(db, seats=5)
        ids = [log_in(db, team, machine(number)).device_id for number in range(5)]
        http = client(team.team, "live:read")

        seen: list[int] = []
        cursor = None
        while cursor is not None or not seen:
            page = http.get("/live/snapshot", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
            seen += [row["id"] for row in page["data"]]
            cursor = page["next_cursor"]
            assert page["counts"] == {**STATES, "unavailable": 5}

        assert seen == ids

    @pytest.mark.parametrize(
        ("query", "numbers"),
        [
            ({"state": "online"}, [1]),
            ({"state": "offline"}, []),
            ({"hostname": "WS-2"}, [2]),
            ({"username": "AD"}, [1, 2, 3]),
            ({"username": "AD", "state": "unavailable"}, [2, 3]),
        ],
    )
    def test_is_narrowed(self, db: Database, client: ClientOf, query: dict[str, str], numbers: list[int]) -> None:
        team = make_device_team(db, seats=3)
        now = clock.now()
        ids = [log_in(db, team, machine(number), now=now).device_id for number in (1, 2, 3)]
        reported(db, team, ids[0], now, "online")

        answer = client(team.team, "live:read").get("/live/snapshot", params=query).json()

        assert [row["id"] for row in answer["data"]] == [ids[number - 1] for number in numbers]
        assert answer["counts"] == {**STATES, "online": 1, "unavailable": 2}


def peak_of(act: Callable[[], T]) -> tuple[T, int]:
    """Return what it returns, and the bytes that Python took for it at most."""
    tracemalloc.start()
    try:
        return act(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestHistory:
    @pytest.fixture
    def day(self, db: Database) -> tuple[DeviceTeam, int, Millis]:
        """A device that was online, unhealthy twice, silent, and back; begun three hours ago, at the returned time."""
        team = make_device_team(db, seats=1)
        begin = clock.now() - 3 * HOUR
        one = log_in(db, team, machine(1), now=begin).device_id
        reported(db, team, one, begin + MINUTE, "online")
        reported(db, team, one, begin + 2 * MINUTE, "unhealthy", reason="no microphone")
        reported(db, team, one, begin + 3 * MINUTE, "unhealthy", reason="still none")
        reported(db, team, one, begin + 4 * MINUTE, "in_call")
        back = begin + 60 * MINUTE

        def verb(tx: Tx) -> None:
            heard(tx, team.id, [one], now=back)
            renew_leases(tx, team.id, [one], now=back)

        db.write_now(verb)
        return team, one, begin

    def test_of_a_device_is_spans_of_one_state_each(
        self, db: Database, client: ClientOf, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        team, one, begin = day
        query = {"from": iso(begin - HOUR), "to": iso(begin + 61 * MINUTE)}

        answer = client(team.team, "live:read").get(f"/devices/{one}/states", params=query).json()

        assert [(row["state"], row["duration_seconds"], row["reason"], row["source"]) for row in answer["data"]] == [
            ("unavailable", 60, None, None),
            ("online", 60, None, "agent"),
            ("unhealthy", 120, "no microphone", "agent"),
            ("in_call", 90, None, "agent"),
            ("offline", 3270, None, "lease"),
            ("in_call", 60, None, "return"),
        ]
        assert (answer["data"][0]["since"], answer["data"][-1]["until"]) == (iso(begin), query["to"])
        whole = {"online": 60, "in_call": 150, "offline": 3270, "unhealthy": 120, "unavailable": 60}
        assert answer["seconds"] == whole

    def test_is_cut_at_the_ends_of_the_range(
        self, db: Database, client: ClientOf, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        team, one, begin = day
        query = {"from": iso(begin + 150 * SECOND), "to": iso(begin + 210 * SECOND)}

        answer = client(team.team, "live:read").get(f"/devices/{one}/states", params=query).json()

        (row,) = answer["data"]
        assert (row["state"], row["since"], row["until"]) == ("unhealthy", query["from"], query["to"])

    def test_ends_in_the_silence_that_nobody_swept(
        self, client: ClientOf, db: Database, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        team, one, begin = day

        answer = client(team.team, "live:read").get(f"/devices/{one}/states", params={"from": iso(begin)}).json()

        assert answer["data"][-1]["state"] == "offline"
        assert answer["data"][-1]["source"] == "lease"

    def test_of_a_team_is_the_time_of_each_device(
        self, db: Database, client: ClientOf, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        team, one, begin = day
        query = {"from": iso(begin), "to": iso(begin + 5 * MINUTE)}

        answer = client(team.team, "live:read").get("/live/history", params=query).json()

        seconds = {"online": 60, "unhealthy": 120, "in_call": 60, "offline": 0, "unavailable": 60}
        assert answer == {"data": [{"device_id": one, "seconds": seconds}], "next_cursor": None}

    def test_of_a_team_comes_page_by_page(self, db: Database, client: ClientOf) -> None:
        team = make_device_team(db, seats=3)
        begin = clock.now() - HOUR
        ids = [log_in(db, team, machine(number), now=begin).device_id for number in range(3)]
        http, query = client(team.team, "live:read"), {"from": iso(begin), "limit": "2"}

        first = http.get("/live/history", params=query).json()
        rest = http.get("/live/history", params={**query, "cursor": first["next_cursor"]}).json()

        assert [row["device_id"] for row in (*first["data"], *rest["data"])] == ids
        assert rest["next_cursor"] is None

    def test_of_a_team_is_added_up_a_few_devices_at_a_time(self, db: Database) -> None:
        team, begin, now = make_device_team(db, seats=30), clock.now() - HOUR, clock.now()
        ids = [log_in(db, team, machine(number), now=begin).device_id for number in range(30)]
        rows = [
            TransitionRow(one, begin + at * SECOND, f"{at}", ("online", "in_call")[at % 2], None, "agent")
            for one in ids
            for at in range(1, 301)
        ]
        db.write_now(lambda tx: add_transitions(tx, team.id, rows))
        within = Range(begin, now)

        spans, all_at_once = peak_of(
            lambda: db.read_now(lambda tx: spans_of_devices(tx, team.id, ids, within, now=now))
        )
        times, few_at_once = peak_of(
            lambda: db.read_now(lambda tx: times_of_devices(tx, team.id, ids, within, now=now))
        )

        assert times == [(one, time_by_state(of_one)) for one, of_one in spans]
        assert few_at_once < all_at_once / 3

    @pytest.mark.parametrize(
        ("begin", "end", "field"),
        [
            ("2026-01-01T00:00:00Z", "2025-12-31T00:00:00Z", "to"),
            ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "to"),
        ],
    )
    def test_of_a_range_that_is_none(self, db: Database, client: ClientOf, begin: str, end: str, field: str) -> None:
        team = make_device_team(db)

        answer = client(team.team, "live:read").get("/live/history", params={"from": begin, "to": end})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)

    def test_of_another_teams_device_is_not_found(
        self, db: Database, client: ClientOf, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        _, one, begin = day
        other = make_device_team(db)

        answer = client(other.team, "live:read").get(f"/devices/{one}/states", params={"from": iso(begin)})

        assert (answer.status_code, answer.json()["code"]) == (404, "device_not_found")

    def test_that_is_forgotten_still_tells_the_state_at_its_end(
        self, db: Database, day: tuple[DeviceTeam, int, Millis]
    ) -> None:
        team, one, begin = day
        edge = begin + 210 * SECOND

        db.write_now(functools.partial(forget_transitions, devices=[(team.id, one)], before=edge))

        within = Range(edge, begin + 5 * MINUTE)
        ((_, spans),) = db.read_now(lambda tx: spans_of_devices(tx, team.id, [one], within, now=clock.now()))
        assert [(span.state, span.duration) for span in spans] == [
            ("unhealthy", 30 * SECOND),
            ("in_call", MINUTE),
        ]
