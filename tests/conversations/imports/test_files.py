"""Recordings without a table: each file of a folder or of a bucket is a call, begun when its name says."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Imports
from callfloor.teams.teams import Team
from tests.conversations.imports.conftest import Floor
from tests.conversations.imports.history import cdr_row, cdr_table
from tests.conversations.imports.test_tables import counts
from tests.factories.audio import make_wav
from tests.factories.teams import make_team

JULY = 1_688_544_300
"""5 July 2023, 10:05 in Berlin."""


class TestFolder:
    def test_becomes_calls_by_names_and_times_of_its_files(self, floor: Floor, monitor: Path) -> None:
        names = ("2024/b-20240105-101530.wav", "2024/a-2024-07-05_10.wav", f"out-1-2-{JULY}.17.wav", "plain.wav")
        for name in names:
            path = monitor / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(make_wav())
            os.utime(path, (JULY + 60, JULY + 60))
        (monitor / ".hidden.wav").write_bytes(make_wav())
        (monitor / "notes.txt").write_text("who called")

        shown = floor.imported(format="files")

        assert (shown["state"], counts(shown), shown["origin"]) == ("done", {"created": 4, "refused": 1}, "monitor")
        assert (shown["progress"]["unit"], shown["progress"]["done"], shown["progress"]["total"]) == ("files", 5, 5)
        assert {call["name"]: call["date"] for call in floor.calls()} == {
            "out-1-2-1688544300.17": "2023-07-05T08:05:00.000Z",
            "a-2024-07-05_10": "2023-07-05T08:06:00.000Z",
            "plain": "2023-07-05T08:06:00.000Z",
            "b-20240105-101530": "2024-01-05T09:15:30.000Z",
        }
        (line,) = floor.refusals(shown["id"])
        assert line.startswith("3,notes.txt,recording,")

    def test_knows_a_recording_by_its_content(self, floor: Floor, monitor: Path) -> None:
        content = make_wav()
        for name in ("a.wav", "b.wav"):
            (monitor / name).write_bytes(content)

        first = floor.imported(format="files")
        (monitor / "c.wav").write_bytes(make_wav())
        again = floor.imported(format="files")

        assert (counts(first), counts(again)) == ({"created": 1, "existing": 1}, {"created": 1, "existing": 2})

    def test_refuses_times_in_names_without_a_zone(self, floor: Floor, monitor: Path) -> None:
        (monitor / "b-20240105-101530.wav").write_bytes(make_wav())

        shown = floor.imported(format="files", timezone="")

        (line,) = floor.refusals(shown["id"])
        assert line.startswith("1,b-20240105-101530.wav,file,a time zone for the whole import")

    def test_that_is_gone_ends_the_import_and_it_goes_on_when_it_is_back(self, floor: Floor, monitor: Path) -> None:
        monitor.rmdir()
        failed = floor.imported(format="files")
        monitor.mkdir()
        (monitor / "a.wav").write_bytes(make_wav())

        resumed = floor.http.post(f"/imports/{failed['id']}/resume")
        floor.work()

        assert (failed["state"], failed["reason"]) == (
            "failed",
            "the folder with the recordings is not there, or may not be read",
        )
        assert resumed.status_code == 202
        shown = floor.shown(failed["id"])
        assert (shown["state"], shown["reason"], counts(shown)) == ("done", None, {"created": 1})


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An S3 server that speaks HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@dataclasses.dataclass(frozen=True)
class Bucket:
    """A bucket with a prefix, and its address with key and secret."""

    client: Any
    name: str
    url: str

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"pbx/{key}", Body=content)


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path) -> Bucket:
    client = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="a/b+c", region_name="us-east-1"
    )
    name = f"calls-{tmp_path.name.replace('_', '-').lower()}"[:63].strip("-")
    client.create_bucket(Bucket=name)
    return Bucket(client, name, f"s3://key:a%2Fb%2Bc@{name}/pbx?endpoint={endpoint}")


@pytest.fixture
def far(services: Services, bucket: Bucket, runner: asyncio.Runner, team: Team) -> Floor:
    """A floor whose team alone may import from the bucket."""
    imports = Imports(locations=(SecretStr(f"{team.id}/far={bucket.url}"),))
    settings = services.settings.model_copy(update={"imports": imports})
    return Floor(dataclasses.replace(services, settings=settings), runner, team)


class TestBucket:
    def test_becomes_calls_by_its_keys(self, far: Floor, bucket: Bucket) -> None:
        for number in range(60):
            bucket.put(f"2024/call-20240105-1015{number:02}.wav", make_wav())
        bucket.put("notes.wav", make_wav())
        bucket.client.put_object(Bucket=bucket.name, Key="other/x-20240105-101500.wav", Body=make_wav())

        shown = far.imported(format="files", location="far")

        assert (shown["origin"], counts(shown)) == ("far", {"created": 60, "refused": 1})
        assert far.calls()[1]["date"] == "2024-01-05T09:15:01.000Z"
        (line,) = far.refusals(shown["id"])
        assert line.startswith('61,notes.wav,file,"a name that says when the call began')

    def test_has_the_recordings_of_a_table(self, far: Floor, bucket: Bucket) -> None:
        rows = [cdr_row(n) for n in range(3)]
        content = make_wav()
        bucket.put(f"2024/01/05/{rows[0]['recordingfile']}", content)
        bucket.put(f"elsewhere/{rows[1]['recordingfile']}", make_wav())

        shown = far.imported(cdr_table(rows), location="far")

        assert counts(shown) == {"created": 2, "refused": 1}
        link = far.http.get(f"/calls/{far.calls()[0]['id']}").json()["recording_url"]
        assert link is not None

    def test_that_is_not_there_ends_the_import(self, far: Floor, bucket: Bucket) -> None:
        bucket.client.delete_bucket(Bucket=bucket.name)

        shown = far.imported(format="files", location="far")

        assert (shown["state"], shown["reason"]) == ("failed", "there is no such bucket")

    def test_is_shown_by_its_name_alone_to_the_team_that_may_read_it(
        self, far: Floor, db: Database, runner: asyncio.Runner
    ) -> None:
        others = Floor(far.services, runner, make_team(db))

        assert far.http.get("/imports/locations").json() == {"data": [{"name": "far", "kind": "bucket"}]}
        assert others.http.get("/imports/locations").json() == {"data": []}
        assert others.begin(format="files", location="far").status_code == 422
