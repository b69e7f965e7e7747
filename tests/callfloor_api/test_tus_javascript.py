"""The JavaScript client of tus uploads through cuts and a kill of the server, on its own."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import httpx
from pydantic import SecretStr

from callfloor.foundation.settings import Settings
from tests.support.breaking_line import BreakingLine
from tests.support.server import DEADLINE_SECONDS, running_server
from tests.support.tus import MEGABYTE, OPTIONS, key_that_uploads, write_noise
from tests.support.tus_javascript import JavascriptUpload

CUTS = 5


def test_uploads_through_cuts_and_a_kill(tmp_path: Path, fresh_database_url: str) -> None:
    data, recording = tmp_path / "data", write_noise(tmp_path / "call.wav", 21 * MEGABYTE)
    key = key_that_uploads(Settings(data=data, database=SecretStr(fresh_database_url)))
    run, killed = partial(running_server, data, *OPTIONS, database_url=fresh_database_url), threading.Event()
    with run() as first:

        def kill() -> None:
            first.process.kill()
            killed.set()

        breaks = [(3 * MEGABYTE * number, lambda: None) for number in range(1, CUTS + 1)]
        line = BreakingLine(first.port, [*breaks, (18 * MEGABYTE, kill)])
        upload = JavascriptUpload(line.url, recording, key, chunk_bytes=8 * MEGABYTE)
        assert killed.wait(DEADLINE_SECONDS)
        first.wait()

    with run("--port", str(first.port)) as second:
        done = upload.end()
        line.close()
        with second.client(headers=key) as http:
            shown = http.get(httpx.URL(done["url"]).path).json()
            call = http.get(f"/api/v2/calls/{shown['conversation_id']}").json()
            content = http.get(call["recording_url"]).content

    assert (call["name"], call["external_call_id"]) == ("Zoë", "js-1")
    assert content == recording.read_bytes()
    assert done["answers"][0] == 201
    assert done["answers"].count(200) > CUTS  # it asked where the upload stands, after each break
