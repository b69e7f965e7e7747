"""kill −9 of the worker in the middle of a transcription, and of the server between an upload and its answer."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import Select, func, select

from callfloor.conversations.tables import conversation, incoming_file
from callfloor.foundation.database import param
from callfloor.foundation.jobs import newest_jobs
from callfloor.foundation.services import Services, open_services
from callfloor.foundation.settings import Settings, Speech
from tests.analysis.conftest import receive
from tests.analysis.looking import outcome_of
from tests.conversations_api.forms import FORM, form
from tests.conversations_api.waiting import wait_until
from tests.factories.audio import make_wav
from tests.factories.teams import ConversationsKey, make_conversations_key, make_team
from tests.support.server import DEADLINE_SECONDS, Program, Server, environment, running_server

_calls = select(func.count()).select_from(conversation).where(conversation.c.team_id == param("team_id"))
_incoming = select(func.count()).select_from(incoming_file).where(incoming_file.c.team_id == param("team_id"))


@pytest.fixture
def services(fresh_database_url: str, tmp_path: Path) -> Iterator[Services]:
    """A database and a data folder that other processes work on, too."""
    settings = Settings(data=tmp_path, database=SecretStr(fresh_database_url), speech=Speech(model="tiny"))
    services = open_services(settings)
    yield services
    services.close_now()


@contextlib.contextmanager
def running_worker(services: Services) -> Iterator[Program]:
    settings = {
        "CALLFLOOR_DATA": str(services.settings.data),
        "CALLFLOOR_DATABASE": services.settings.database_url,
        "CALLFLOOR_SPEECH_MODEL": "tiny",
    }
    worker = Program(["-m", "callfloor.server.cli", "worker"], environment(settings))
    try:
        yield worker
    finally:
        worker.end()


def test_a_call_whose_worker_is_killed_ends_analyzed_once(services: Services, wrong_number: bytes) -> None:
    team = make_team(services.db)
    call = receive(services, team, wrong_number)
    newest = functools.partial(newest_jobs, team_id=team.id)

    def stage() -> object:
        return (services.db.read_now(newest)[0].progress or {}).get("stage")

    with running_worker(services) as worker:
        wait_until(lambda: stage() == "transcribing", worker)
        worker.process.kill()
    halfway = outcome_of(services.db, team.id, call)
    with running_worker(services) as worker:
        wait_until(lambda: outcome_of(services.db, team.id, call).status == "analyzed", worker)

    outcome = outcome_of(services.db, team.id, call)
    (job,) = services.db.read_now(newest)
    assert (halfway.status, halfway.segments) == ("processing", [])
    assert (job.state, job.attempt) == ("done", 2)
    assert outcome.events == ["call.received", "call.analyzed"]
    assert outcome.text.count("wrong number") == 1
    starts = [(segment.start_ms, segment.channel) for segment in outcome.segments]
    assert len(starts) == len(set(starts)) > 3


def test_an_upload_whose_server_is_killed_becomes_one_call(services: Services) -> None:
    team = make_team(services.db)
    key = make_conversations_key(services.db, team, hash_key=services.settings.hash_key)
    serve = functools.partial(
        running_server, services.settings.data, "--no-worker", database_url=services.settings.database_url
    )

    def count(statement: Select[int]) -> int:
        row = services.db.read_now(lambda tx: tx.one(statement, {"team_id": team.id}))
        return row[0] if row else 0

    with serve() as server, half_an_upload(server, key, "halfway"):
        wait_until(lambda: count(_incoming) == 1, server)
        server.process.kill()
    with serve() as server, server.client(headers=key.headers) as client:
        halfway = upload(client, "halfway")
        with unread_upload(server, key, "unread"):
            wait_until(lambda: count(_calls) == 2, server)
            server.process.kill()
    with serve() as server, server.client(headers=key.headers) as client:
        unread = upload(client, "unread")
        listed = client.get("/calls").json()["data"]

    assert (halfway.status_code, unread.status_code) == (202, 200)
    assert [record["externalCallId"] for record in listed] == ["unread", "halfway"]
    assert listed[0] == unread.json()


def upload(client: httpx.Client, external_id: str) -> httpx.Response:
    return client.post("/calls", content=body_of(external_id), headers=FORM)


def body_of(external_id: str) -> bytes:
    return form(("externalCallId", external_id.encode(), None), ("file", make_wav(seconds=3, tone_hz=300), "a.wav"))


@contextlib.contextmanager
def half_an_upload(server: Server, key: ConversationsKey, external_id: str) -> Iterator[None]:
    """An upload that stands still in the middle."""
    body, is_over = body_of(external_id), threading.Event()

    def halves() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        is_over.wait(DEADLINE_SECONDS)
        yield body[len(body) // 2 :]

    headers = {**FORM, "Content-Length": str(len(body))}
    with _in_background(server, key, lambda client: client.post("/calls", content=halves(), headers=headers)):
        try:
            yield
        finally:
            is_over.set()


@contextlib.contextmanager
def unread_upload(server: Server, key: ConversationsKey, external_id: str) -> Iterator[None]:
    """An upload whose answer, if one comes, nobody looks at."""
    with _in_background(server, key, lambda client: upload(client, external_id)):
        yield


@contextlib.contextmanager
def _in_background(server: Server, key: ConversationsKey, send: Callable[[httpx.Client], object]) -> Iterator[None]:
    def work() -> None:
        with server.client(headers=key.headers) as client, contextlib.suppress(httpx.HTTPError, OSError):
            send(client)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join(DEADLINE_SECONDS)
