"""Following the desktop app: finds its port, subscribes, asks again at intervals, and comes back after restarts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import msgspec
import socketio

from callfloor_agent.desktop import EVENT_OF_TOPIC, HOST, PORTS, REQUEST_OF_TOPIC, TOPICS, VERSION
from callfloor_agent.desktop.reading import SOURCE, payload_of, with_event
from callfloor_agent.sight import Sight

Gone = asyncio.Task[None]
log = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
ROUND_SECONDS = 15.0
"""Between two rounds of questions: an error lasts until a round passes without one."""
REFUSAL_SECONDS = 1.0
"""For so long after a refusal, an error is taken for its words."""
SEARCH_SECONDS = 2.0
"""Between two searches for an app that is not there."""
OTHER_PROGRAM = (TimeoutError, ValueError, LookupError, TypeError, AttributeError)
"""What the library raises when something else answers on the port."""
NO_ANSWER = "the desktop app does not answer"


class DesktopFollower:
    """Follows one desktop app; `changed` is called with each new sight, and with None while there is no app.

    Args:
        changed: told what is seen; also after the first search, whatever it found.
        ports: tried in this order.
        round_seconds: between two rounds of questions.
        answer_seconds: an answer is waited for so long.
    """

    def __init__(
        self,
        changed: Callable[[Sight | None], None],
        *,
        ports: Sequence[int] = PORTS,
        round_seconds: float = ROUND_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.port: int | None = None
        self._changed = changed
        self._ports = ports
        self._round_seconds = round_seconds
        self._answer_seconds = answer_seconds
        self._sight = Sight(SOURCE)
        self._error: str | None = None
        self._is_heard = False
        self._is_asking = False
        self._refused_at = float("-inf")
        self._shows = False

    async def run(self) -> None:
        """Follow until canceled."""
        async with aiohttp.ClientSession() as session:  # the library leaves one of its own open
            while True:
                await self._search(session)

    async def _search(self, session: aiohttp.ClientSession) -> None:
        """Search once; follow what is found as long as it is there."""
        client = await self._connected(session)
        if client is None:
            self._changed(None)
            await asyncio.sleep(SEARCH_SECONDS * random.uniform(0.75, 1.25))  # noqa: S311  # spreads load
            return
        log.info("following the desktop app on port %s", self.port)
        try:
            await self._follow(client)
        finally:
            self._shows, self.port = False, None
            await _hang_up(client)
        log.info("the desktop app is gone")
        self._changed(None)

    async def _connected(self, session: aiohttp.ClientSession) -> socketio.AsyncClient | None:
        for port in self._ports:
            client = self._client(session)
            url = f"http://{HOST}:{port}?version={VERSION}"
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await client.connect(url, transports=["websocket"], wait_timeout=CONNECT_SECONDS)
            except (socketio.exceptions.ConnectionError, OSError, *OTHER_PROGRAM) as error:
                log.debug("nothing to follow on port %d: %s", port, error)
                await _hang_up(client)
                continue
            self.port = port
            return client
        return None

    def _client(self, session: aiohttp.ClientSession) -> socketio.AsyncClient:
        self._sight, self._error, self._shows = Sight(SOURCE), None, False
        client = socketio.AsyncClient(
            reconnection=False, handle_sigint=False, logger=False, engineio_logger=False, http_session=session
        )
        for event in EVENT_OF_TOPIC.values():
            client.on(event, self._hearing(event))
        client.on("error", self._hear_error)
        return client

    def _hearing(self, event: str) -> Callable[..., None]:
        def hear(data: Any = None) -> None:
            self._is_heard = True
            self._see(with_event(self._sight, event, data))

        return hear

    def _hear_error(self, data: Any = None) -> None:
        self._is_heard = True
        if asyncio.get_running_loop().time() - self._refused_at < REFUSAL_SECONDS:
            return  # it repeats in words that a question was refused: nothing of the sound is broken
        told = data if isinstance(data, dict) else {"message": data}
        parts = [str(told[name]) for name in ("code", "message") if told.get(name) is not None]
        self._error = ": ".join(parts) or "error"
        log.warning("the desktop app reports an error: %s", self._error)
        if not self._is_asking:
            self._see(msgspec.structs.replace(self._sight, fault=self._error))

    def _see(self, sight: Sight) -> None:
        if sight != self._sight:
            self._sight = sight
            if self._shows:
                self._changed(sight)

    async def _follow(self, client: socketio.AsyncClient) -> None:
        gone = asyncio.create_task(client.wait())
        try:
            await self._ask(client, gone, "subscribe", {"topics": list(TOPICS)})
            while not gone.done():
                await self._round(client, gone)
                if not self._shows and not gone.done():
                    self._shows = True
                    self._changed(self._sight)
                await asyncio.wait([gone], timeout=self._round_seconds)
        finally:
            gone.cancel()

    async def _round(self, client: socketio.AsyncClient, gone: Gone) -> None:
        """Ask for everything once; an app that stays silent is broken, and so is one that reports an error."""
        self._error, self._is_heard, self._is_asking = None, False, True
        await self._ask(client, gone, "ping")
        for topic in TOPICS:
            answer = await self._ask(client, gone, REQUEST_OF_TOPIC[topic])
            data = payload_of(answer)
            if data is not None:
                self._see(with_event(self._sight, EVENT_OF_TOPIC[topic], data))
            if not self._is_heard:
                break
        self._is_asking = False
        self._see(msgspec.structs.replace(self._sight, fault=self._error if self._is_heard else NO_ANSWER))

    async def _ask(self, client: socketio.AsyncClient, gone: Gone, event: str, data: Any = None) -> Any:
        """Return the acknowledgement; None without one in time, for an empty one, and for a refusal."""
        before = self._error
        call = asyncio.create_task(client.call(event, data, timeout=self._answer_seconds))
        try:
            await asyncio.wait([call, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not call.done():  # the app went away, and will not answer
                call.cancel()
        if not call.done():
            return None
        try:
            answer = call.result()
        except (socketio.exceptions.SocketIOError, TimeoutError):
            return None
        self._is_heard = True
        if isinstance(answer, dict) and answer.get("success") is False:
            log.warning("the desktop app refuses %s: %s", event, answer)
            self._error, self._refused_at = before, asyncio.get_running_loop().time()
            return None
        return answer


async def _hang_up(client: socketio.AsyncClient) -> None:
    with contextlib.suppress(socketio.exceptions.SocketIOError, OSError):
        await client.shutdown()
    if client.eio.ws is not None:  # left open where the library gave up on what came
        await client.eio.ws.close()
