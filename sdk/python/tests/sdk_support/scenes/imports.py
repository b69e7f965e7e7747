"""Calls of years before."""

from __future__ import annotations

import pytest

from callfloor_sdk import Conflict
from sdk_support.stage import LOCATION, Stage
from tests.conversations.imports.history import cdr_row, cdr_table
from tests.factories.audio import make_wav

ROWS = [cdr_row(number) for number in range(3)]


def import_calls(stage: Stage) -> None:
    """Begin, stop and resume an import, and read what it refused."""
    for number, row in enumerate(ROWS[:2]):
        (stage.folder / LOCATION / row["recordingfile"]).write_bytes(make_wav(seconds=1 + number))
    told: list[tuple[int, int]] = []
    table = cdr_table(ROWS)
    with stage.client(stage.installation.team()) as client:
        places = [(one.name, one.kind) for one in client.imports.list_locations()]
        begun = client.imports.begin(
            table, location=LOCATION, timezone="Europe/Berlin", on_progress=lambda *sent: told.append(sent)
        )
        stopped = client.imports.stop(begun.id)
        resumed = client.imports.resume(begun.id)
        stage.start_worker()
        stage.wait_until(lambda: client.imports.get(begun.id).state == "done")
        done = client.imports.get(begun.id)
        with pytest.raises(Conflict):
            client.imports.resume(begun.id)
        refusals = client.imports.export_refusals(begun.id).read().decode().splitlines()
        listed = [one.id for one in client.imports.list()]
        dates = sorted(call.date.isoformat() for call in client.calls.list(scope="all"))

    assert (places, told[-1]) == ([(LOCATION, "folder")], (len(table), len(table)))
    assert (stopped.state, resumed.state, listed) == ("stopped", "queued", [begun.id])
    assert (done.counts.created, done.counts.refused, done.progress.total) == (2, 1, len(table))
    assert refusals[0] == "row,file,field,expected"
    assert [line.partition(",")[0] for line in refusals[1:]] == ["4"]
    assert dates == ["2024-01-05T09:15:30+00:00", "2024-01-05T09:16:30+00:00"]
