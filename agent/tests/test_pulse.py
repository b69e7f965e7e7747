"""Linux: who uses the microphone, by a real PulseAudio server with a null sink."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from agent_support import DEADLINE_SECONDS
from agent_support.loops import in_a_loop
from agent_support.sound import MICROPHONE, SINK, SoundServer
from callfloor_agent.audio.pulse import Listing, PulseWatcher, sight_of
from callfloor_agent.sight import Sight
from callfloor_agent.states import state_of

RECORD = ("parec", f"--device={MICROPHONE}", "--client-name=Softphone")


class Watched:
    """A watcher and what it saw."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.seen: list[Sight | None] = []
        self._news: asyncio.Queue[None] = asyncio.Queue()
        self.watcher = PulseWatcher(self._see, environment)

    def _see(self, sight: Sight | None) -> None:
        self.seen.append(sight)
        self._news.put_nowait(None)

    async def wait(self, is_so: Callable[[Sight], object]) -> Sight:
        """Return the latest sight, once it is so."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                sight = self.seen[-1] if self.seen else None
                if sight is not None and is_so(sight):
                    return sight
                await self._news.get()

    async def wait_until_blind(self) -> None:
        """Wait until nothing is seen any more."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.seen[-1] is not None:
                await self._news.get()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[Watched]:
        task = asyncio.create_task(self.watcher.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@in_a_loop
async def test_who_records_from_the_microphone_is_in_a_call(tmp_path: Path) -> None:
    with SoundServer(tmp_path).running() as server:
        server.plug_in()
        async with Watched(server.environment).watching() as watched:
            idle = await watched.wait(lambda sight: True)
            with server.program(*RECORD):
                alone = await watched.wait(lambda sight: sight.in_call)
                with server.program("pacat", f"--device={SINK}", "--client-name=Softphone", "/dev/zero"):
                    heard = await watched.wait(lambda sight: sight.has_speaker_stream)
                    server.control("set-source-mute", MICROPHONE, "1")
                    muted = await watched.wait(
                        lambda sight: sight.mic and sight.mic.device and sight.mic.device.is_muted
                    )
            over = await watched.wait(lambda sight: not sight.in_call)

    assert [state_of(sight).state for sight in (idle, alone, heard, muted, over)] == [
        "online",
        "in_call",
        "in_call",
        "in_call",
        "online",
    ]
    assert alone.app_names == ("Softphone",)
    assert alone.mic is not None
    assert alone.mic.device is not None
    assert alone.mic.device.name == "Boom"
    assert alone.speaker is not None
    assert alone.speaker.device is not None
    assert alone.speaker.device.name == "Headset"
    assert not alone.has_speaker_stream


@in_a_loop
async def test_the_monitor_of_a_null_sink_alone_is_the_microphone(tmp_path: Path) -> None:
    with SoundServer(tmp_path).running() as server:
        server.control("load-module", "module-null-sink", f"sink_name={SINK}")
        async with Watched(server.environment).watching() as watched:
            with server.program("parec", f"--device={SINK}.monitor"):
                sight = await watched.wait(lambda sight: sight.in_call)

    assert state_of(sight).state == "in_call"


@in_a_loop
async def test_who_records_what_is_played_is_in_no_call(tmp_path: Path) -> None:
    with SoundServer(tmp_path).running() as server:
        server.plug_in()
        async with Watched(server.environment).watching() as watched:
            with server.program("parec", f"--device={SINK}.monitor", "--client-name=Recorder"), server.program(*RECORD):
                sight = await watched.wait(lambda sight: sight.in_call)

    assert sight.app_names == ("Softphone",)


@in_a_loop
async def test_a_headset_that_is_unplugged_in_a_call_leaves_it_unhealthy(tmp_path: Path) -> None:
    with SoundServer(tmp_path).running() as server:
        server.plug_in()
        async with Watched(server.environment).watching() as watched:
            await watched.wait(lambda sight: state_of(sight).state == "online")
            server.control("unload-module", "module-remap-source")
            server.control("unload-module", "module-null-sink")
            gone = await watched.wait(lambda sight: state_of(sight).state != "online")
            server.plug_in()
            back = await watched.wait(lambda sight: state_of(sight).state == "online")

    assert state_of(gone).state == "unavailable"
    assert back.mic is not None


@in_a_loop
async def test_a_sound_server_that_goes_away_is_told_and_found_again(tmp_path: Path) -> None:
    sound = SoundServer(tmp_path)
    watched = Watched(sound.environment)
    async with watched.watching():
        with sound.running() as server:
            server.plug_in()
            await watched.wait(lambda sight: sight.mic and sight.mic.device)
        await watched.wait_until_blind()
        problem = watched.watcher.problem
        with sound.running() as server:
            server.plug_in()
            await watched.wait(lambda sight: sight.mic and sight.mic.device)

    assert problem
    assert watched.watcher.problem is None


def test_a_stream_on_a_suspended_microphone_is_unhealthy() -> None:
    listing = Listing(
        info={"default_source_name": "mic", "default_sink_name": "out"},
        sources=[{"index": 1, "name": "mic", "state": "SUSPENDED", "monitor_source": ""}],
        sinks=[{"index": 1, "name": "out"}],
        source_outputs=[{"index": 1, "client": "3", "source": 1, "corked": False, "properties": {}}],
        sink_inputs=[],
    )

    assert state_of(sight_of(listing)).state == "unhealthy"


def test_an_unplugged_port_is_no_microphone() -> None:
    port = {"name": "jack", "availability": "not available"}
    source = {"index": 1, "name": "mic", "monitor_source": "", "ports": [port], "active_port": "jack"}
    listing = Listing(
        info={"default_source_name": "mic", "default_sink_name": "out"},
        sources=[source],
        sinks=[{"index": 1, "name": "out"}],
        source_outputs=[],
        sink_inputs=[],
    )

    assert state_of(sight_of(listing)).state == "unavailable"
