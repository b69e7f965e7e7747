"""An erasure while an upload comes into a bucket of a real S3 server: what is written at that moment goes too."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callfloor.conversations.arrival import SPEECH_QUEUE
from callfloor.conversations.tus import ResumableUpload
from callfloor.conversations_api.refusals import Refused
from callfloor.conversations_api.tus_protocol import OffsetWrong
from callfloor.conversations_api.tus_writing import Uploads
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database
from callfloor.foundation.files import FileMissing, open_files
from callfloor.foundation.jobs.queueing import NO_TEAM
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Files, Settings
from callfloor.server.api_v2 import create_app
from callfloor.server.worker import job_kinds
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import SECRET_KEY, ClientOf
from tests.callfloor_api.test_erased_uploads import BY_NUMBER, NUMBER, SCOPES, erased, id_of
from tests.callfloor_api.test_tus import begun, piece
from tests.callfloor_api.test_tus_races import PAUSES, conversation_of, finish_again, seen, sweep
from tests.factories.audio import make_wav
from tests.factories.teams import make_api_key, make_team
from tests.portal_api.in_process import LoopTransport
from tests.support.held_bucket import HeldBucket
from tests.support.other_loop import beside
from tests.support.server import running_server
from tests.support.tus import MEGABYTE, OPTIONS, piece_of


@pytest.fixture
def bucket() -> Iterator[HeldBucket]:
    """A bucket that can hold a request."""
    one = HeldBucket()
    yield one
    one.close()


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db)


@pytest.fixture
def in_bucket(db: Database, tmp_path: Path, bucket: HeldBucket) -> Services:
    """What the application stands on where files are in the bucket."""
    settings = Settings(data=tmp_path, secret_key=SecretStr(SECRET_KEY), files=Files(url=SecretStr(bucket.address)))
    return Services(settings, db, open_files(settings))


@pytest.fixture
def http(client: ClientOf, in_bucket: Services, team: Team, runner: asyncio.Runner) -> httpx.Client:
    """A client of the team that may upload and erase."""
    return client(team, *SCOPES, transport=LoopTransport(create_app(in_bucket), runner))


def brought(services: Services, http: httpx.Client, team: Team, content: bytes, **fields: str) -> ResumableUpload:
    """Bring an upload whole, as a request that is killed then; return it as whoever finishes it sees it."""
    upload_id = id_of(begun(http, content, caller=NUMBER, **fields))
    take = Uploads(services).take(seen(services, team, upload_id), piece_of(content), offset=0)
    assert asyncio.run(take) == len(content)
    return seen(services, team, upload_id)


def test_a_piece_in_flight_goes(in_bucket: Services, http: httpx.Client, team: Team, bucket: HeldBucket) -> None:
    content = make_wav(seconds=1) + bytes(10 * MEGABYTE)
    upload = seen(in_bucket, team, id_of(begun(http, content, caller=NUMBER)))
    take = functools.partial(
        Uploads(in_bucket).take, upload, piece_of(content[: 9 * MEGABYTE], content[9 * MEGABYTE :]), offset=0
    )

    with beside(take) as writer:
        writer.wait_until_held()
        assert len(bucket.keys_in("growing")) == 1
        erased(in_bucket, http, team, **BY_NUMBER)
        with pytest.raises(OffsetWrong):
            writer.result()

    assert bucket.keys_in("growing") == []


def test_what_another_request_took_over_goes(
    in_bucket: Services, http: httpx.Client, team: Team, bucket: HeldBucket
) -> None:
    content = make_wav()
    path = begun(http, content)
    upload = seen(in_bucket, team, id_of(path))
    slow = functools.partial(Uploads(in_bucket).take, upload, piece_of(content[:100], content[100:200]), offset=0)

    with beside(slow) as writer:
        writer.wait_until_held()
        assert piece(http, path, content[:50], at=0).status_code == 204
        told = bucket.keys_in("growing")
        with pytest.raises(OffsetWrong):
            writer.result()

    assert (len(told), bucket.keys_in("growing")) == (1, told)


class TestWhileItIsFinished:
    @pytest.mark.parametrize(
        ("content", "refusal"), [(make_wav(), FileMissing), (b"this is no recording " * 1000, Refused)]
    )
    def test_what_is_joined_at_that_moment_goes(
        self,
        in_bucket: Services,
        http: httpx.Client,
        team: Team,
        bucket: HeldBucket,
        content: bytes,
        refusal: type[Exception],
    ) -> None:
        upload = brought(in_bucket, http, team, content)

        with beside(finish_again(in_bucket, upload)) as finisher:
            with bucket.holding("recordings") as held:
                held.wait()
                erased(in_bucket, http, team, **BY_NUMBER)
            with pytest.raises(refusal):
                finisher.result()

        assert bucket.keys_in("recordings") == []

    def test_what_is_joined_again_when_it_was_silenced_goes(
        self, in_bucket: Services, http: httpx.Client, team: Team, bucket: HeldBucket
    ) -> None:
        upload = brought(in_bucket, http, team, make_wav(), **PAUSES)
        kinds = [kind for kind in job_kinds() if kind.queue != SPEECH_QUEUE]

        with beside(finish_again(in_bucket, upload)) as finisher:
            with bucket.holding("recordings") as held:
                held.wait()
                conversation = conversation_of(http, upload)
                for share in (team.id, NO_TEAM):
                    drain(in_bucket, kinds, now=clock.now(), team_id=share)
                silenced = bucket.keys_in("recordings")
            received = finisher.result()

        assert received.conversation_id == conversation
        assert (len(silenced), bucket.keys_in("recordings")) == (1, silenced)

    def test_what_a_killed_one_had_joined_goes_a_day_later(
        self, tmp_path: Path, fresh_database_url: str, bucket: HeldBucket
    ) -> None:
        settings = Settings(
            data=tmp_path / "data", database=SecretStr(fresh_database_url), files=Files(url=SecretStr(bucket.address))
        )
        services = open_services(settings)
        team = make_team(services.db)
        key = make_api_key(services.db, team.id, *SCOPES, hash_key=services.settings.hash_key)
        run = running_server(
            settings.data, *OPTIONS, database_url=fresh_database_url, settings={"CALLFLOOR_FILES_URL": bucket.address}
        )

        with run as server, server.client(headers=key) as http, ThreadPoolExecutor(1) as pool:
            http.base_url = f"{server.url}/api/v2"
            content = make_wav()
            upload = begun(http, content, caller=NUMBER)
            with bucket.holding("recordings") as held:
                asked = pool.submit(piece, http, upload, content, at=0)
                held.wait()
                erased(services, http, team, **BY_NUMBER)
                server.process.kill()
                assert isinstance(asked.exception(), httpx.TransportError)
                server.wait()

        assert len(bucket.keys_in("recordings")) == 1
        sweep(services, now=clock.now() + DAY + HOUR)
        services.close_now()

        assert bucket.keys_in("recordings") == []
