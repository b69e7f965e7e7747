"""The demo's simulated floor: a team that stays, a fleet that comes to work and ends, and two more curl lines."""

from __future__ import annotations

import shlex
import threading
import time
from pathlib import Path

from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings
from callfloor.server.demo.client import DemoClient
from callfloor.server.demo.fleet import DEVICES, FleetProcess
from callfloor.server.demo.page import Facts, page
from callfloor.server.demo.team import DemoTeam, FloorTeam, floor_team
from tests.support.server import DEADLINE_SECONDS, Server, running_server

TEAM = DemoTeam(1, "a-client", "demo", "a-secret", "a-key")
FLOOR = FloorTeam(2, "demo-floor", "another-secret", "the team's secret")


def facts(floor: FloorTeam | None) -> Facts:
    """Return what a page is about."""
    return Facts(
        url="https://localhost:8443",
        authority=Path("tls/ca.pem"),
        team=TEAM,
        free_seat_id=3,
        call_id="a-call",
        customer_domain="customer.example",
        upload=Path("a.opus"),
        upload_id="upload-1",
        still_analyzing=0,
        floor=floor,
        floor_days=("2026-11-08", "2026-11-22"),
    )


def comes_to_work(client: DemoClient, floor: FloorTeam) -> bool:
    """Wait until some device of the floor is shown at work."""
    pause, until = threading.Event(), time.monotonic() + 2 * DEADLINE_SECONDS
    while time.monotonic() < until:
        if client.is_floor_at_work(floor):
            return True
        pause.wait(0.2)
    return False


def started(server: Server, services: Services) -> tuple[FleetProcess, FloorTeam]:
    """Start the fleet of a server."""
    floor, fleet = floor_team(services, DEVICES), FleetProcess()
    fleet.start(server.data, server.url, server.authority, floor.team_secret)
    return fleet, floor


def test_the_floor_comes_to_work_and_ends_with_the_demo(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--no-worker") as server:
        services = open_services(Settings(data=server.data))
        fleet, floor = started(server, services)
        try:
            is_at_work = comes_to_work(DemoClient(server.url, server.authority, TEAM), floor)
            was_running = fleet.is_running
        finally:
            fleet.stop()
            services.db.close_now()

    assert is_at_work
    assert was_running
    assert not fleet.is_running


def test_none_is_started_after_the_end(tmp_path: Path) -> None:
    fleet = FleetProcess()
    fleet.stop()

    fleet.start(tmp_path, "https://localhost:1", tmp_path / "ca.pem", "a secret")

    assert not fleet.is_running


def test_the_next_start_finds_the_same_team(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--no-worker") as server:
        services = open_services(Settings(data=server.data))
        first, second = floor_team(services, 3), floor_team(services, 3)
        services.db.close_now()

    assert first == second
    assert (tmp_path / "data" / "demo-floor.json").stat().st_mode & 0o077 == 0


def test_the_page_has_two_more_lines_with_a_floor() -> None:
    without, with_ = page(facts(None)).splitlines(), page(facts(FLOOR)).splitlines()

    more = [shlex.split(line) for line in with_ if line.startswith("curl") and line not in without]
    assert [command[-1].rpartition("/")[2].partition("?")[0] for command in more] == ["monitoring", "usage"]
    assert all("demo-floor:another-secret" in command for command in more)
    assert "from=2026-11-08&to=2026-11-22" in more[1][-1]
