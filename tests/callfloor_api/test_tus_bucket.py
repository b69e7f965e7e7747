"""An upload into a bucket of a real S3 server, through a kill: what was never told of does not stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from callfloor.conversations_api.tus_jobs import FORGET_UPLOADS
from callfloor.foundation import clock
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Files, Settings
from tests.conversations_api.waiting import wait_until
from tests.support.server import running_server
from tests.support.tus import MEGABYTE, OPTIONS, cut, key_that_uploads, recording_path, uploader_of, write_noise

KeysIn = Callable[[str], list[str]]


@pytest.fixture
def bucket() -> Iterator[tuple[str, KeysIn]]:
    """The address of an S3 bucket as a setting has it, and the keys below a folder of it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    # Servers of one process share what they keep.
    name = f"calls-{new_id()}"
    s3.create_bucket(Bucket=name)

    def keys_in(folder: str) -> list[str]:
        found = s3.list_objects_v2(Bucket=name, Prefix=f"kept/{folder}/").get("Contents", ())
        return [one["Key"] for one in found]

    yield f"s3://key:secret@{name}/kept?endpoint={endpoint}", keys_in
    server.stop()


def test_parts_of_a_killed_server_go(tmp_path: Path, fresh_database_url: str, bucket: tuple[str, KeysIn]) -> None:
    address, keys_in = bucket
    settings = Settings(
        data=tmp_path / "data", database=SecretStr(fresh_database_url), files=Files(url=SecretStr(address))
    )
    key = key_that_uploads(settings)
    recording = write_noise(tmp_path / "call.wav", 20 * MEGABYTE)
    run = partial(
        running_server, settings.data, database_url=fresh_database_url, settings={"CALLFLOOR_FILES_URL": address}
    )
    with recording.open("rb") as file:
        with run(*OPTIONS) as first:
            uploader = uploader_of(first, key, file, chunk_bytes=2 * MEGABYTE)
            uploader.upload_chunk()
            known = keys_in("growing")

            def kill() -> None:
                wait_until(lambda: len(keys_in("growing")) > len(known), first)
                first.process.kill()

            cut(uploader, key, recording, 12 * MEGABYTE, then=kill)
            first.wait()
        with run(*OPTIONS, "--port", str(first.port)) as second:
            again = uploader_of(second, key, file, chunk_bytes=20 * MEGABYTE, url=uploader.url)
            forget(settings)
            assert set(known) < set(keys_in("growing"))  # it goes on: nothing of it is touched

            again.upload()
            forget(settings)

            assert keys_in("growing") == []
            with second.client() as client:
                assert client.get(recording_path(second, key, again)).content == recording.read_bytes()


def forget(settings: Settings) -> None:
    """Do what the clock does each hour."""
    services = open_services(settings)
    order = Enqueue(kind=FORGET_UPLOADS.name, args={}, team_id=None, now=clock.now())
    services.db.write_now(partial(enqueue, order=order))
    drain(services, [FORGET_UPLOADS], now=clock.now(), team_id=0)
    services.close_now()
