"""The demo's run: the server in the foreground, its story beside it on a thread."""

from __future__ import annotations

import functools
import math
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from callfloor.foundation import clock
from callfloor.server import serve as server
from callfloor.server.demo.client import DemoClient, DemoRequestFailed
from callfloor.server.demo.fleet import DEVICES, HISTORY_DAYS, FleetProcess, is_installed
from callfloor.server.demo.page import Facts, page
from callfloor.server.demo.progress import AnalysisProgress
from callfloor.server.demo.samples import Sample, samples
from callfloor.server.demo.team import demo_team, floor_team

if TYPE_CHECKING:
    from pathlib import Path

    from callfloor.foundation.clock import Millis
    from callfloor.foundation.settings import Settings
    from callfloor.server.demo.team import FloorTeam
    from callfloor.server.serve import Ready

WAIT_SECONDS = 150.0
"""The page is printed at the latest this long after the server is ready, analyzed or not."""
FLOOR_SECONDS = 20.0
"""At most so long the page waits for the simulated fleet."""
_LOOK_SECONDS = 0.5
_STOP_SECONDS = 10.0


def run_demo(settings: Settings, port: int) -> None:
    """Serve the sample team until Ctrl-C.

    Raises:
        SamplesMissing: this is no source tree.
        AddressRefused, CertificateRefused, SchemaTooNew, Gone, OSError: as `serve`.
    """
    found = samples()
    stopping, fleet = threading.Event(), FleetProcess()
    try:
        tell = functools.partial(_start_story, found=found, fleet=fleet, stopping=stopping)
        server.serve(settings, server.Listening(port=port), on_ready=tell)
    finally:
        stopping.set()
        fleet.stop()


def _start_story(ready: Ready, found: list[Sample], fleet: FleetProcess, stopping: threading.Event) -> None:
    threading.Thread(target=_tell, args=(ready, found, fleet, stopping), name="demo", daemon=True).start()


def _tell(ready: Ready, found: list[Sample], fleet: FleetProcess, stopping: threading.Event) -> None:
    try:
        _story(ready, found, fleet, stopping)
    except (OSError, DemoRequestFailed) as error:
        # A server that is asked to stop refuses connections before it has come to its end.
        if not stopping.wait(_STOP_SECONDS):
            typer.echo(f"The demo could not go on: {error}", err=True)


def _story(ready: Ready, found: list[Sample], fleet: FleetProcess, stopping: threading.Event) -> None:
    if ready.authority is None:
        raise DemoRequestFailed("the server has no certificate of its own")
    team = demo_team(ready.services, found)
    url = f"https://localhost:{urlsplit(ready.url).port}"
    floor = _start_floor(ready, url, ready.authority, fleet)
    client = DemoClient(url, ready.authority, team)
    calls = {client.upload(sample): sample for sample in found}
    left = {call_id: sample for call_id, sample in calls.items() if not client.is_settled(call_id)}
    _wait(client, left, stopping, until=time.monotonic() + WAIT_SECONDS)
    if floor is not None:
        _wait_for_floor(client, floor, fleet, stopping)
    if stopping.is_set():
        return
    shown_id, shown = next((pair for pair in calls.items() if pair[0] not in left), next(iter(calls.items())))
    facts = Facts(
        url=url,
        authority=ready.authority,
        team=team,
        free_seat_id=client.free_seat_id(),
        call_id=shown_id,
        customer_domain=shown.customer.email.rpartition("@")[2],
        upload=shown.path,
        upload_id=f"upload-{clock.now()}",
        still_analyzing=len(left),
        floor=floor,
        floor_days=_days(clock.now()),
    )
    typer.echo(page(facts))
    if left:
        _wait(client, left, stopping, until=math.inf)
        typer.echo("All sample calls are analyzed.", err=True)


def _start_floor(ready: Ready, url: str, authority: Path, fleet: FleetProcess) -> FloorTeam | None:
    if not is_installed():
        typer.echo("There is no simulated floor: callfloor-agent is not installed; `make demo` installs it.", err=True)
        return None
    floor = floor_team(ready.services, DEVICES)
    fleet.start(ready.services.settings.data, url, authority, floor.team_secret)
    return floor


def _wait_for_floor(client: DemoClient, floor: FloorTeam, fleet: FleetProcess, stopping: threading.Event) -> None:
    """Wait a moment for the fleet to write its past and come to work."""
    until = time.monotonic() + FLOOR_SECONDS
    while fleet.is_running and not stopping.is_set() and time.monotonic() < until:
        if client.is_floor_at_work(floor):
            return
        stopping.wait(_LOOK_SECONDS)


def _days(now: Millis) -> tuple[str, str]:
    return clock.iso(now - HISTORY_DAYS * clock.DAY)[:10], clock.iso(now)[:10]


def _wait(client: DemoClient, left: dict[str, Sample], stopping: threading.Event, *, until: float) -> None:
    """Wait for the analysis of the calls, and take each that has ended out of `left`."""
    if not left:
        return
    with AnalysisProgress(len(left), sum(sample.duration_s for sample in left.values())) as progress:
        while left and time.monotonic() < until and not stopping.wait(_LOOK_SECONDS):
            for call_id in [one for one in left if client.is_settled(one)]:
                sample = left.pop(call_id)
                progress.ended(sample.title, sample.duration_s)
