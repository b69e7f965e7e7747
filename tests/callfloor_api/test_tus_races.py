"""Two that finish one upload, and an erasure in the midst of it: a live recording stays, and an erased one does not."""

from __future__ import annotations

import functools
import json
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from callfloor.conversations.arrival import Received
from callfloor.conversations.jobs import SWEEP_INCOMING_FILES
from callfloor.conversations.tus import ResumableUpload, upload_now
from callfloor.conversations_api.tus_jobs import FINISH_UPLOAD, FORGET_UPLOADS
from callfloor.conversations_api.tus_protocol import OffsetWrong
from callfloor.conversations_api.tus_writing import Uploads, finished
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR
from callfloor.foundation.database import Database
from callfloor.foundation.files import FileMissing
from callfloor.foundation.growing_files import GrowingFiles
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.queueing import NO_TEAM
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.callfloor_api.test_erased_uploads import BY_NUMBER, NUMBER, SCOPES, erased, id_of, rows_of
from tests.callfloor_api.test_tus import TUS, begun, kept, write_whole_without_finishing
from tests.factories.audio import make_wav
from tests.factories.teams import make_team
from tests.support.other_loop import beside
from tests.support.tus import piece_of

PAUSES = {"muted_intervals": json.dumps([{"start": 0.1, "end": 0.2}])}


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db)


@pytest.fixture
def http(client: ClientOf, team: Team) -> httpx.Client:
    """A client of the team that may upload and erase."""
    return client(team, *SCOPES)


def whole(services: Services, http: httpx.Client, team: Team, content: bytes, **fields: str) -> ResumableUpload:
    """Bring an upload that is not finished, and return it as whoever finishes it saw it."""
    upload_id = id_of(begun(http, content, **fields))
    write_whole_without_finishing(services, team, upload_id, content)
    return seen(services, team, upload_id)


def seen(services: Services, team: Team, upload_id: str) -> ResumableUpload:
    found = services.db.read_now(functools.partial(upload_now, team_id=team.id, upload_id=upload_id))
    assert found is not None
    return found


def finish_again(services: Services, upload: ResumableUpload) -> functools.partial[Coroutine[Any, Any, Received]]:
    """Return what another process does that saw the upload as this."""
    return functools.partial(finished, services, GrowingFiles(services.files), upload)


def conversation_of(http: httpx.Client, upload: ResumableUpload) -> str:
    """Let a request finish the upload; return the conversation's id."""
    path = http.head(f"/uploads/{upload.id}", headers=TUS).headers["Upload-Conversation"]
    return path.rpartition("/")[2]


def sweep(services: Services, *, now: int) -> None:
    order = Enqueue(kind=SWEEP_INCOMING_FILES.name, args={}, team_id=None, now=now)
    services.db.write_now(functools.partial(enqueue, order=order))
    drain(services, [SWEEP_INCOMING_FILES, FORGET_UPLOADS], now=now, team_id=NO_TEAM)


class TestTwoThatFinish:
    @pytest.mark.parametrize("fields", [{}, PAUSES], ids=["at once", "to be silenced"])
    def test_a_late_one_leaves_a_live_recording(
        self, services: Services, http: httpx.Client, team: Team, fields: dict[str, str]
    ) -> None:
        content = make_wav()
        upload = whole(services, http, team, content, **fields)

        with beside(finish_again(services, upload)) as late:
            late.wait_until_held()
            conversation_of(http, upload)
            assert http.delete(f"/uploads/{upload.id}", headers=TUS).status_code == 204
            with pytest.raises(FileMissing):
                late.result()

        assert [path.read_bytes() for path in kept(services, team)] == [content]

    def test_the_sweep_does_not_take_what_a_late_one_finds_done(
        self, services: Services, http: httpx.Client, team: Team
    ) -> None:
        content = make_wav()
        upload = whole(services, http, team, content)
        conversation = conversation_of(http, upload)

        with beside(finish_again(services, upload)) as late:
            received = late.result()
        sweep(services, now=clock.now() + DAY + HOUR)

        assert (received.conversation_id, received.is_new) == (conversation, True)
        assert [path.read_bytes() for path in kept(services, team)] == [content]

    def test_a_conversation_that_a_late_one_finds_done_can_be_erased(
        self, services: Services, http: httpx.Client, team: Team
    ) -> None:
        upload = whole(services, http, team, make_wav())
        conversation = conversation_of(http, upload)
        with beside(finish_again(services, upload)) as late:
            late.result()

        erased(services, http, team, conversation_ids=[conversation])

        assert kept(services, team) == []


class TestNoRecording:
    def test_is_not_kept_when_its_upload_is_deleted(self, services: Services, http: httpx.Client, team: Team) -> None:
        upload = whole(services, http, team, b"this is no recording " * 1000)
        drain(services, [FINISH_UPLOAD], now=clock.now() + HOUR, team_id=team.id)
        assert len(kept(services, team)) == 1  # whoever asks is told that it is none

        assert http.delete(f"/uploads/{upload.id}", headers=TUS).status_code == 204

        assert kept(services, team) == []


class TestErasedMeanwhile:
    def test_a_piece_that_begins_leaves_no_file(
        self, db: Database, services: Services, http: httpx.Client, team: Team
    ) -> None:
        content = make_wav()
        upload = seen(services, team, id_of(begun(http, content, caller=NUMBER)))
        take = functools.partial(Uploads(services).take, upload, piece_of(content[:2000]), offset=0)

        with beside(take) as writer:
            writer.wait_until_held()
            erased(services, http, team, **BY_NUMBER)
            with pytest.raises(OffsetWrong):
                writer.result()

        assert (rows_of(db, team), kept(services, team)) == ({}, [])
