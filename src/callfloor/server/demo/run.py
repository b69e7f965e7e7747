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
from callfloor.server.demo.page import Facts, page
from callfloor.server.demo.progress import AnalysisProgress
from callfloor.server.demo.samples import Sample, samples
from callfloor.server.demo.team import demo_team

if TYPE_CHECKING:
    from callfloor.foundation.settings import Settings
    from callfloor.server.serve import Ready

WAIT_SECONDS = 150.0
"""The page is printed at the latest this long after the server is ready, analyzed or not."""
_LOOK_SECONDS = 0.5


def run_demo(settings: Settings, port: int) -> None:
    """Serve the sample team until Ctrl-C.

    Raises:
        SamplesMissing: this is no source tree.
        AddressRefused, CertificateRefused, SchemaTooNew, Gone, OSError: as `serve`.
    """
    found = samples()
    stopping = threading.Event()
    try:
        tell = functools.partial(_start_story, found=found, stopping=stopping)
        server.serve(settings, server.Listening(port=port), on_ready=tell)
    finally:
        stopping.set()


def _start_story(ready: Ready, found: list[Sample], stopping: threading.Event) -> None:
    threading.Thread(target=_tell, args=(ready, found, stopping), name="demo", daemon=True).start()


def _tell(ready: Ready, found: list[Sample], stopping: threading.Event) -> None:
    try:
        _story(ready, found, stopping)
    except (OSError, DemoRequestFailed) as error:
        if not stopping.is_set():
            typer.echo(f"The demo could not go on: {error}", err=True)


def _story(ready: Ready, found: list[Sample], stopping: threading.Event) -> None:
    if ready.authority is None:
        raise DemoRequestFailed("the server has no certificate of its own")
    team = demo_team(ready.services, found)
    url = f"https://localhost:{urlsplit(ready.url).port}"
    client = DemoClient(url, ready.authority, team)
    calls = {client.upload(sample): sample for sample in found}
    left = {call_id: sample for call_id, sample in calls.items() if not client.is_settled(call_id)}
    _wait(client, left, stopping, until=time.monotonic() + WAIT_SECONDS)
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
    )
    typer.echo(page(facts))
    if left:
        _wait(client, left, stopping, until=math.inf)
        typer.echo("All sample calls are analyzed.", err=True)


def _wait(client: DemoClient, left: dict[str, Sample], stopping: threading.Event, *, until: float) -> None:
    """Wait for the analysis of the calls, and take each that has ended out of `left`."""
    if not left:
        return
    with AnalysisProgress(len(left), sum(sample.duration_s for sample in left.values())) as progress:
        while left and time.monotonic() < until and not stopping.wait(_LOOK_SECONDS):
            for call_id in [one for one in left if client.is_settled(one)]:
                sample = left.pop(call_id)
                progress.ended(sample.title, sample.duration_s)
