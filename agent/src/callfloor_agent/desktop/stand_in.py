"""A stand-in of the desktop app, for trials and tests: the same local interface, playing what it is told to."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import socketio
from aiohttp import web

from callfloor_agent.clock import wall_ms
from callfloor_agent.desktop import EVENT_OF_TOPIC, HOST, PORTS, REQUEST_OF_TOPIC, TOPICS, VERSION
from callfloor_agent.desktop.pretending import CommandUnclear, Effect, Pretense

log = logging.getLogger(__name__)

UNKNOWN_TOPIC = 1
"""The stand-in's own code of the error that a subscription to an unknown topic causes."""


class NoFreePort(Exception):
    """All ports of the app are taken."""


class StandIn:
    """One stand-in; `start` makes it listen, `obey` plays a command.

    Args:
        ports: it listens on the first that is free; 0 is any.
        say: told what happens.
    """

    def __init__(self, *, ports: Sequence[int] = PORTS, say: Callable[[str], None] = log.info) -> None:
        self.port = 0
        self.quit = asyncio.Event()
        self._ports = ports
        self._say = say
        self._pretense = Pretense(wall_ms())
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._sio = socketio.AsyncServer(
            async_mode="aiohttp",
            transports=["websocket"],
            cors_allowed_origins="*",
            logger=False,
            engineio_logger=False,
        )
        self._runner = web.AppRunner(self._application(), shutdown_timeout=1.0)

    async def start(self) -> None:
        """Listen on the first free port.

        Raises:
            NoFreePort: none is.
        """
        await self._runner.setup()
        for port in self._ports:
            site = web.TCPSite(self._runner, HOST, port)
            try:
                await site.start()
            except OSError:
                continue
            self.port = self._runner.addresses[0][1]
            return
        await self._runner.cleanup()
        raise NoFreePort(f"none of the ports {', '.join(map(str, self._ports))} is free")

    async def stop(self) -> None:
        """Hang up on everybody and listen no more; a second time does nothing."""
        if self.port == 0:
            return
        self.port = 0
        await self._sio.shutdown()
        await self._runner.cleanup()

    async def obey(self, line: str) -> None:
        """Play one command.

        Raises:
            CommandUnclear: it is none.
        """
        effect = self._pretense.obey(line, wall_ms())
        if effect.wait_seconds:
            await asyncio.sleep(effect.wait_seconds)
        await self._show(effect)

    async def play(self, lines: Iterable[str]) -> None:
        """Play a script to its end.

        Raises:
            CommandUnclear: a line is no command.
        """
        for line in lines:
            await self.obey(line)

    async def _show(self, effect: Effect) -> None:
        if effect.silent is not None:
            (self._speaks.clear if effect.silent else self._speaks.set)()
        if effect.topic is not None and self._speaks.is_set():
            await self._sio.emit(
                EVENT_OF_TOPIC[effect.topic], self._pretense.of_topic(effect.topic), room=f"topic {effect.topic}"
            )
        if effect.error is not None and self._speaks.is_set():
            await self._sio.emit("error", effect.error)
        if effect.is_quit:
            self.quit.set()

    def _application(self) -> web.Application:
        application = web.Application()
        self._sio.attach(application)
        self._sio.on("connect", self._connect)
        self._sio.on("disconnect", self._disconnect)
        self._sio.on("subscribe", self._subscribe)
        self._sio.on("unsubscribe", self._unsubscribe)
        self._sio.on("ping", self._ping)
        for topic in TOPICS:
            self._sio.on(REQUEST_OF_TOPIC[topic], self._answering(topic))
        application.router.add_get("/control", self._get_control)
        application.router.add_post("/control", self._post_control)
        return application

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: Any = None) -> None:
        version = environ["aiohttp.request"].query.get("version")
        if version != VERSION:
            self._say(f"refused a client of version {version}")
            raise socketio.exceptions.ConnectionRefusedError(f"version {VERSION} is spoken here")
        self._say(f"client {sid} connected")

    async def _disconnect(self, sid: str, *_reason: Any) -> None:
        self._say(f"client {sid} left")

    async def _subscribe(self, sid: str, request: Any = None, *_: Any) -> Any:
        return await self._change_topics(sid, request, self._sio.enter_room)

    async def _unsubscribe(self, sid: str, request: Any = None, *_: Any) -> Any:
        return await self._change_topics(sid, request, self._sio.leave_room)

    async def _change_topics(self, sid: str, request: Any, change: Callable[..., Any]) -> Any:
        await self._speaks.wait()
        topics = request.get("topics") if isinstance(request, dict) else None
        if not isinstance(topics, list) or not set(map(str, topics)) <= set(TOPICS):
            message = f"topics are a list of {', '.join(TOPICS)}"
            await self._sio.emit("error", {"code": UNKNOWN_TOPIC, "message": message}, to=sid)
            return {"success": False, "message": message}
        for topic in topics:
            await change(sid, f"topic {topic}")
        return {"success": True, "topics": topics}

    async def _ping(self, sid: str, *_: Any) -> Any:
        await self._speaks.wait()
        await self._sio.emit("pong", to=sid)
        return {"success": True}

    def _answering(self, topic: str) -> Callable[..., Any]:
        async def answer(sid: str, *_: Any) -> Any:
            await self._speaks.wait()
            state = self._pretense.of_topic(topic)
            await self._sio.emit(EVENT_OF_TOPIC[topic], state, to=sid)
            return {"success": True, "data": state}

        return answer

    async def _get_control(self, _: web.Request) -> web.Response:
        return web.json_response({topic: self._pretense.of_topic(topic) for topic in TOPICS})

    async def _post_control(self, request: web.Request) -> web.Response:
        try:
            await self.play((await request.text()).splitlines())
        except CommandUnclear as error:
            return web.json_response({"message": str(error)}, status=422)
        return await self._get_control(request)


async def run_stand_in(ports: Sequence[int], script: Sequence[str], *, reads_stdin: bool) -> None:
    """Run a stand-in until it is told to quit.

    Args:
        ports: it listens on the first that is free.
        script: its lines before the first `wait` are played before it listens, the others at once.
        reads_stdin: whether lines of standard input are played too.

    Raises:
        NoFreePort: none of the ports is free.
        CommandUnclear: a line of the script is no command.
    """

    def say(text: str) -> None:
        print(text, flush=True)  # noqa: T201  # what the program is for

    stand_in = StandIn(ports=ports, say=say)
    head = list(itertools.takewhile(lambda line: not line.lstrip().startswith("wait"), script))
    await stand_in.play(head)
    await stand_in.start()
    say(f"listening on http://{HOST}:{stand_in.port}")
    typing = asyncio.create_task(_play_typed(stand_in, say)) if reads_stdin else None
    playing = asyncio.create_task(stand_in.play(script[len(head) :]))
    quitting = asyncio.create_task(stand_in.quit.wait())
    try:
        await asyncio.wait([playing, quitting], return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
        await quitting
    finally:
        for task in (typing, playing, quitting):
            if task is not None:
                task.cancel()
        await stand_in.stop()


async def _play_typed(stand_in: StandIn, say: Callable[[str], None]) -> None:
    """Play what is typed; the end of the input ends nothing."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, line)

    threading.Thread(target=read, daemon=True).start()  # a read of a terminal cannot be canceled
    while True:
        line = await lines.get()
        try:
            await stand_in.obey(line)
        except CommandUnclear as error:
            say(str(error))
