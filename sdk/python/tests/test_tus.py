"""Uploads in pieces by tus, against a real server that is killed in between."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal
from pathlib import Path

import pytest

from callfloor.teams.teams import Team
from callfloor_sdk import InvalidInput, NotFound, UploadFields
from callfloor_sdk.types import UploadParticipants, UploadShown
from sdk_support.cutting import cut_line
from sdk_support.installation import Installation
from tests.factories.audio import make_wav

PIECE = 64 * 1024


class Killed(Exception):
    """The process that uploads is gone."""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of several pieces."""
    path = tmp_path / "call.wav"
    path.write_bytes(make_wav(seconds=30))
    return path


def stored(installation: Installation, team: Team, call_id: str) -> str:
    """Return the hash of what the server has kept."""
    with installation.client(team) as client:
        call = client.calls.get(call_id)
        assert call.recording_url is not None
        return hashlib.sha256(client.recording(call.recording_url).read()).hexdigest()


def test_uploads_in_pieces_with_all_that_is_known(installation: Installation, recording: Path) -> None:
    team = installation.team()
    told: list[tuple[int, int]] = []
    fields = UploadFields(
        external_call_id="pbx-7",
        direction="inbound",
        name="Café",
        participants=[UploadParticipants(name="Cleo", email="cleo@customer.example")],
    )
    with installation.client(team) as client:
        done = client.uploads.send(recording, fields, piece_bytes=PIECE, on_progress=lambda *one: told.append(one))
        again = client.uploads.send(recording, fields, piece_bytes=PIECE)
        assert done.conversation_id is not None
        call = client.calls.get(done.conversation_id)

    size = recording.stat().st_size
    assert [sent for sent, _ in told] == [*range(PIECE, size, PIECE), size]
    assert (done.is_new_conversation, again.is_new_conversation) == (True, False)
    assert again.conversation_id == done.conversation_id
    assert (call.name, call.external_call_id, call.direction) == ("Café", "pbx-7", "inbound")
    assert [one.email for one in call.participants] == ["cleo@customer.example"]
    assert stored(installation, team, call.id) == hashlib.sha256(recording.read_bytes()).hexdigest()


def test_another_process_goes_on_where_the_first_was(installation: Installation, recording: Path) -> None:
    team = installation.team()
    ids: list[str] = []

    def die(sent: int, _: int) -> None:
        if sent >= 2 * PIECE:
            raise Killed

    with installation.client(team) as client, pytest.raises(Killed):
        client.uploads.send(recording, on_begun=ids.append, on_progress=die, piece_bytes=PIECE)
    told: list[int] = []
    with installation.client(team) as client:
        done = client.uploads.send(
            recording, upload_id=ids[0], on_progress=lambda sent, _: told.append(sent), piece_bytes=PIECE
        )

    assert told[0] == 3 * PIECE
    assert done.id == ids[0]
    assert done.conversation_id is not None
    assert stored(installation, team, done.conversation_id) == hashlib.sha256(recording.read_bytes()).hexdigest()


@pytest.mark.timeout(240)
def test_goes_on_by_itself_when_the_server_is_killed(tmp_path: Path, recording: Path) -> None:
    url = f"sqlite:///{tmp_path / 'callfloor.db'}"
    told: list[int] = []
    with contextlib.ExitStack() as running:
        one = running.enter_context(Installation.running(tmp_path, url))
        team, port = one.team(), one.server.port

        def kill_once(sent: int, _: int) -> None:
            told.append(sent)
            if sent == 2 * PIECE:
                one.server.stop(signal.SIGKILL)
                running.enter_context(Installation.running(tmp_path, url, options=("--no-worker", "--port", str(port))))

        with one.client(team) as client:
            done = client.uploads.send(recording, on_progress=kill_once, piece_bytes=PIECE)
        assert done.conversation_id is not None
        kept = stored(one, team, done.conversation_id)

    size = recording.stat().st_size
    assert told == [*range(PIECE, size, PIECE), size]
    assert kept == hashlib.sha256(recording.read_bytes()).hexdigest()


def test_goes_on_by_itself_when_the_line_is_cut(installation: Installation, tmp_path: Path) -> None:
    team, whole = installation.team(), make_wav(seconds=120)
    cuts = [300_000, 40_000, 200_000, 100_000, 700_000]
    told: list[int] = []
    with cut_line(installation.server.port, *cuts) as line, installation.client(team, url=line.url) as client:
        done = client.uploads.send(whole, on_progress=lambda sent, _: told.append(sent), piece_bytes=256 * 1024)

    assert line.cuts == len(cuts)
    assert told == sorted(told)
    assert done.conversation_id is not None
    assert stored(installation, team, done.conversation_id) == hashlib.sha256(whole).hexdigest()


def test_the_awaited_client_uploads_in_pieces_too(installation: Installation, recording: Path) -> None:
    team = installation.team()

    async def work() -> UploadShown:
        async with installation.async_client(team) as client:
            return await client.uploads.send(recording, UploadFields(kind="meeting"), piece_bytes=PIECE)

    done = asyncio.run(work())

    assert (done.kind, done.is_new_conversation, done.offset) == ("meeting", True, recording.stat().st_size)


def test_what_is_no_recording_or_no_upload_is_refused(installation: Installation) -> None:
    with installation.client(installation.team()) as client:
        with pytest.raises(InvalidInput):
            client.uploads.send(b"words" * 1000, piece_bytes=PIECE)
        with pytest.raises(NotFound):
            client.uploads.send(b"words" * 1000, upload_id="none")
