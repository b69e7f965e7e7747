"""Applications that are made beside the first requests."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from callfloor.server.asgi import Application, Message, Receive, Scope, Send, send_answer
from callfloor.server.later import Later, load
from tests.support.server import running_server


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer."""
    await send_answer(send, 200, [], b"hello")


async def nothing() -> Message:
    """Receive nothing more."""
    return {"type": "http.disconnect"}


async def answer_of(app: Application) -> bytes:
    """Return the body of an answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http"}, nothing, send)
    body: bytes = sent[-1]["body"]
    return body


def test_is_made_once_and_requests_wait_for_it() -> None:
    begun, go_on, made = asyncio.Event(), threading.Event(), []

    async def ask() -> list[bytes]:
        loop = asyncio.get_running_loop()

        def make() -> Application:
            loop.call_soon_threadsafe(begun.set)
            assert go_on.wait(30)
            made.append(hello)
            return hello

        app = Later(make)
        loading = asyncio.create_task(load(app))
        waiting = [asyncio.create_task(answer_of(app)) for _ in range(3)]
        await begun.wait()
        assert not any(task.done() for task in waiting)
        go_on.set()
        await loading
        return [*await asyncio.gather(*waiting), await answer_of(app)]

    assert asyncio.run(ask()) == [b"hello"] * 4
    assert made == [hello]


def test_what_cannot_be_made_fails_whoever_asks() -> None:
    def make() -> Application:
        raise RuntimeError("no such module")

    async def ask(app: Later) -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="no such module"):
                await answer_of(app)

    asyncio.run(ask(Later(make)))


def test_a_server_of_which_a_part_cannot_be_loaded_ends(tmp_path: Path) -> None:
    with running_server(tmp_path, "--broken", program=("-m", "tests.server.example")) as server:
        assert server.wait() == 1
        assert any("a part cannot be loaded" in line for line in server.lines)
