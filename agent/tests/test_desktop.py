"""Following the desktop app: every state that the stand-in plays, through restarts and silence."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import socketio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from agent_support import DEADLINE_SECONDS
from agent_support.loops import in_a_loop
from agent_support.programs import stand_in
from callfloor_agent.desktop.following import NO_ANSWER, DesktopFollower
from callfloor_agent.desktop.pretending import CommandUnclear, Pretense
from callfloor_agent.desktop.reading import with_event
from callfloor_agent.desktop.stand_in import NoFreePort, StandIn
from callfloor_agent.sight import Device, Side, Sight

OPEN = '0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'


class Followed:
    """A follower and what it sees."""

    def __init__(self, *ports: int, round_seconds: float = 60.0, answer_seconds: float = 30.0) -> None:
        self.sight: Sight | None = None
        self.seen: list[Sight | None] = []
        self._changed = asyncio.Condition()
        self.follower = DesktopFollower(
            self._see, ports=ports, round_seconds=round_seconds, answer_seconds=answer_seconds
        )

    def _see(self, sight: Sight | None) -> None:
        self.sight = sight
        self.seen.append(sight)
        asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, is_so: Callable[[Sight | None], object]) -> Sight | None:
        async with asyncio.timeout(DEADLINE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: bool(is_so(self.sight)))
        return self.sight

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[Followed]:
        task = asyncio.create_task(self.follower.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def playing(port: int = 0) -> AsyncIterator[StandIn]:
    """Play the app in this loop."""
    app = StandIn(ports=[port])
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@contextlib.asynccontextmanager
async def greeting_with(messages: str) -> AsyncIterator[int]:
    """Let another program listen, which sends these lines to who opens a web socket; yield its port."""

    async def greet(request: web.Request) -> web.WebSocketResponse:
        socket_ = web.WebSocketResponse()
        await socket_.prepare(request)
        for message in messages.split("\n"):
            await socket_.send_str(message)
        async for _ in socket_:
            pass
        return socket_

    application = web.Application()
    application.router.add_get("/socket.io/", greet)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@in_a_loop
async def test_every_state_is_followed() -> None:
    async with playing() as app, Followed(app.port).following() as followed:
        first = await followed.wait(lambda sight: sight is not None)

        await app.obey("in_call on")
        await followed.wait(lambda sight: sight and sight.in_call)
        await app.obey("mic nc on")
        await followed.wait(lambda sight: sight and sight.mic and sight.mic.noise_cancellation)
        await app.obey("speaker ac on")
        await followed.wait(lambda sight: sight and sight.speaker and sight.speaker.accent_conversion)
        await app.obey("mic muted on")
        await followed.wait(lambda sight: sight and sight.mic and sight.mic.device and sight.mic.device.is_muted)
        await app.obey("speaker available off")
        await followed.wait(lambda sight: sight and sight.speaker and not sight.speaker.is_usable)
        await app.obey("mic none")
        last = await followed.wait(lambda sight: sight and sight.mic and sight.mic.device is None)

    assert first is not None
    assert (first.in_call, first.mic, first.speaker) == (False, Side(Device("Headset")), Side(Device("Headset")))
    assert last is not None
    assert last.mic == Side(None, noise_cancellation=True)
    assert last.speaker == Side(Device("Headset", is_usable=False), accent_conversion=True)
    assert last.in_call


@in_a_loop
async def test_an_app_that_restarts_is_found_again() -> None:
    async with playing() as app:
        port = app.port
        followed = Followed(port)
        async with followed.following():
            await followed.wait(lambda sight: sight is not None)
            await app.stop()
            await followed.wait(lambda sight: sight is None)
            async with playing(port) as again:
                await again.obey("in_call on")
                assert await followed.wait(lambda sight: sight and sight.in_call)


@in_a_loop
async def test_the_first_port_that_answers_is_taken() -> None:
    async with playing() as app:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            async with Followed(free_port(), deaf.getsockname()[1], app.port).following() as followed:
                await followed.wait(lambda sight: sight is not None)

                assert followed.follower.port == app.port


@pytest.mark.parametrize("greeting", ["hello", "", "0", "0{}", "0[]", "0null", '0{"sid":"x"}', OPEN, f'{OPEN}\n44"no"'])
def test_what_is_no_desktop_app_is_passed_over(greeting: str) -> None:
    @in_a_loop
    async def follow() -> None:
        async with (
            greeting_with(greeting) as other,
            playing() as app,
            Followed(other, app.port).following() as followed,
        ):
            await followed.wait(lambda sight: sight is not None)

            assert followed.follower.port == app.port

    follow()


@pytest.mark.parametrize(
    "saying", ["", "9", "2x", "4", "42", '42["device_state",{},{}]', "43[", "4\ud7ff", "451-x", "6"]
)
def test_an_app_that_babbles_is_followed_or_left(saying: str) -> None:
    @in_a_loop
    async def follow() -> None:
        async with (
            greeting_with(f'{OPEN}\n40{{"sid":"y"}}\n{saying}') as other,
            Followed(other, answer_seconds=0.1, round_seconds=0.1).following() as followed,
        ):
            await followed.wait(lambda _: followed.seen)

    follow()


@in_a_loop
async def test_an_app_that_is_not_there_is_told_once_looked_for() -> None:
    async with Followed(free_port()).following() as followed:
        await followed.wait(lambda _: followed.seen)

    assert followed.seen[0] is None


@in_a_loop
async def test_an_error_lasts_until_a_round_without_one() -> None:
    async with playing() as app, Followed(app.port, round_seconds=1.0).following() as followed:
        await followed.wait(lambda sight: sight is not None)
        await app.obey("error 17 the microphone cannot be opened")
        sight = await followed.wait(lambda sight: sight and sight.fault)
        await followed.wait(lambda sight: sight and sight.fault is None)

    assert sight is not None
    assert sight.fault == "17: the microphone cannot be opened"


@in_a_loop
async def test_an_app_that_hangs_is_at_fault() -> None:
    async with playing() as app, Followed(app.port, round_seconds=0.2, answer_seconds=0.5).following() as followed:
        await followed.wait(lambda sight: sight is not None)
        await app.obey("silent on")
        await followed.wait(lambda sight: sight and sight.fault == NO_ANSWER)
        await app.obey("silent off")
        await followed.wait(lambda sight: sight and sight.fault is None)


NAMES = ["0", "1", "inCall", "enabled", "physicalDeviceInfo", "updatedAt", "isMuted"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
)


@given(st.sampled_from(["device_state", "nc_state", "ac_state", "in_call_state"]), json_values)
def test_whatever_the_app_says_is_read_or_passed_over(event: str, data: object) -> None:
    before = Sight("desktop", True, 5, Side(Device("Headset")), Side(Device("Headset")))

    after = with_event(before, event, data)

    assert after.mic is not None
    assert isinstance(after.in_call, bool)


@given(st.text())
def test_a_line_that_is_no_command_changes_nothing(line: str) -> None:
    pretense = Pretense(1)
    before = [pretense.of_topic(topic) for topic in ("devices", "nc", "ac", "in_call")]
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = ["unreadable"]

    if words:
        with pytest.raises(CommandUnclear):
            pretense.obey(line, 2)

    assert [pretense.of_topic(topic) for topic in ("devices", "nc", "ac", "in_call")] == before


@in_a_loop
async def test_a_second_stand_in_takes_the_next_port() -> None:
    async with playing() as first:
        other = free_port()
        second, third = StandIn(ports=[first.port, other]), StandIn(ports=[first.port])
        await second.start()
        try:
            assert second.port == other
            with pytest.raises(NoFreePort, match=str(first.port)):
                await third.start()
        finally:
            await second.stop()


@in_a_loop
async def test_a_client_of_another_version_is_refused() -> None:
    async with playing() as app:
        client = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(f"http://127.0.0.1:{app.port}?version=0.9.0", transports=["websocket"])


@in_a_loop
async def test_the_command_plays_a_script_and_typed_lines(tmp_path: Path) -> None:
    script = tmp_path / "play.txt"
    script.write_text('\ufeff# a call\nmic device "Desk Phone 3"\nin_call on\nwait 0.1\nmic nc on\n')

    with stand_in(script=script) as (running, port):
        async with Followed(port, round_seconds=0.5).following() as followed:
            await followed.wait(lambda sight: sight and sight.in_call and sight.mic and sight.mic.noise_cancellation)
            running.type("nonsense")
            running.type("in_call off")
            sight = await followed.wait(lambda sight: sight and not sight.in_call)
        running.wait_for("not understood: nonsense")
        running.type("quit")
        code = running.process.wait(DEADLINE_SECONDS)

    assert sight is not None
    assert sight.mic is not None
    assert sight.mic.device == Device("Desk Phone 3")
    assert code == 0
