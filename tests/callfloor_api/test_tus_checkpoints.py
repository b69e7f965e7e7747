"""A long piece is brought to disk while it comes: it does not wait for that, and ends once it cannot be."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.requests import Request
from starlette.types import Message

from callfloor.conversations.tus import ResumableUpload, claim_upload
from callfloor.conversations_api.tus_pieces import CHECKPOINT_BYTES
from callfloor.conversations_api.tus_protocol import OffsetWrong
from callfloor.conversations_api.tus_writing import Uploads
from callfloor.foundation.database import Database
from callfloor.foundation.services import Services
from callfloor.teams.teams import Team
from tests.callfloor_api.conftest import ClientOf
from tests.callfloor_api.test_erased_uploads import SCOPES, id_of
from tests.callfloor_api.test_tus import begun, kept
from tests.callfloor_api.test_tus_cuts import Lock
from tests.callfloor_api.test_tus_races import seen
from tests.factories.teams import make_team
from tests.support.tus import MEGABYTE

PIECES = 100
_NOISE = os.urandom(MEGABYTE - 4)
_HOPS = 100


@pytest.fixture
def team(db: Database) -> Team:
    """A team of this test alone."""
    return make_team(db)


@pytest.fixture
def upload(client: ClientOf, services: Services, team: Team) -> ResumableUpload:
    """An upload of which nothing has come yet."""
    http: httpx.Client = client(team, *SCOPES)
    return seen(services, team, id_of(begun(http, bytes(PIECES * MEGABYTE))))


def request_of(pieces: Iterator[bytes]) -> Request:
    """Return a request that brings what the iterator yields, asked for it in a thread."""

    async def receive() -> Message:
        piece = await asyncio.to_thread(next, pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Request({"type": "http", "method": "PATCH", "headers": []}, receive)


def megabytes(first: int = 0, last: int = PIECES) -> Iterator[bytes]:
    """Yield pieces of a megabyte, each another."""
    for number in range(first, last):
        yield number.to_bytes(4) + _NOISE


def is_whole(file: Path) -> bool:
    with file.open("rb") as opened:
        return all(opened.read(MEGABYTE) == piece for piece in megabytes()) and not opened.read(1)


def test_a_piece_goes_on_while_a_checkpoint_waits(
    db: Database, services: Services, team: Team, upload: ResumableUpload
) -> None:
    lock = Lock(db, upload.id)
    waited_for = CHECKPOINT_BYTES // MEGABYTE - 2

    def pieces() -> Iterator[bytes]:
        lock.hold()
        yield from megabytes(last=waited_for)
        lock.release()
        yield from megabytes(waited_for)

    reached = asyncio.run(Uploads(services).take(upload, request_of(pieces()), offset=0))

    (file,) = kept(services, team)
    assert (reached, is_whole(file)) == (PIECES * MEGABYTE, True)
    assert seen(services, team, upload.id).offset_bytes == PIECES * MEGABYTE


def test_no_more_is_taken_than_a_kill_may_cost(
    db: Database, services: Services, team: Team, upload: ResumableUpload
) -> None:
    lock, came = Lock(db, upload.id), 0

    def pieces() -> Iterator[bytes]:
        nonlocal came
        lock.hold()
        for piece in megabytes():
            came += len(piece)
            yield piece

    async def until_it_stands_still() -> None:
        before = -1
        while came == 0 or came != before:
            before = came
            for _ in range(_HOPS):
                await asyncio.to_thread(lambda: None)

    async def take() -> tuple[int, int]:
        taking = asyncio.create_task(Uploads(services).take(upload, request_of(pieces()), offset=0))
        await until_it_stands_still()
        unsaved = came
        await asyncio.to_thread(lock.release)
        return unsaved, await taking

    unsaved, reached = asyncio.run(take())

    assert unsaved <= CHECKPOINT_BYTES + MEGABYTE
    assert reached == PIECES * MEGABYTE


def test_a_piece_that_another_took_over_ends_before_its_end(
    db: Database, services: Services, team: Team, upload: ResumableUpload
) -> None:
    came = 0

    def pieces() -> Iterator[bytes]:
        nonlocal came
        for number, piece in enumerate(megabytes()):
            if number == 1:
                claim = functools.partial(claim_upload, team_id=team.id, upload_id=upload.id, offset=0, writer="other")
                assert db.write_now(claim)
            came += len(piece)
            yield piece

    with pytest.raises(OffsetWrong):
        asyncio.run(Uploads(services).take(upload, request_of(pieces()), offset=0))

    assert came <= CHECKPOINT_BYTES + 2 * MEGABYTE
    assert seen(services, team, upload.id).offset_bytes == 0
