"""The live stream: what devices do, as it happens, resumed where it broke."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator

import httpx2
import msgspec

from callfloor_sdk.errors import CallfloorError, NoAnswer, UnreadableAnswer
from callfloor_sdk.generated.async_callfloor import AsyncLiveMethods
from callfloor_sdk.generated.callfloor import LiveMethods
from callfloor_sdk.generated.callfloor_types import LiveDeviceShown
from callfloor_sdk.patience import Patience
from callfloor_sdk.records import Record
from callfloor_sdk.requests import Api, Request

SILENCE_SECONDS = 45.0
"""The server says every 15 seconds that it lives."""


class LiveMessage(Record, kw_only=True):
    """One message of the stream; `seq` is where to go on after it."""

    event: str = ""
    """`ready`: from here on every change is told; `changes`; `reset`: read the snapshot anew."""
    seq: int
    devices: list[LiveDeviceShown] = msgspec.field(default_factory=list)
    """As they are now."""
    removed: list[int] = msgspec.field(default_factory=list)
    """Ids of devices that are not shown any more."""


class _Place:
    """Where a stream is, and how it is tried again."""

    def __init__(self, after: int | None, give_up_after: float | None) -> None:
        self._after = after
        self._patience = Patience(give_up_after, first_wait=2.0)
        self.wait_after = self._patience.wait_after

    def request(self) -> Request[LiveMessage]:
        return Request(
            api=Api.CALLFLOOR,
            method="GET",
            path="/api/v2/live/stream",
            answer=LiveMessage,
            query={"after": self._after},
            headers={"accept": "text/event-stream"},
            timeout=SILENCE_SECONDS,
        )

    def read(self, event: httpx2.ServerSentEvent) -> LiveMessage:
        """Return the message, and remember that it was told."""
        try:
            message = msgspec.json.decode(event.data, type=LiveMessage)
        except msgspec.DecodeError as fault:
            raise UnreadableAnswer(f"the live stream: {fault}") from fault
        message.event = event.event
        self._after = message.seq
        self._patience.note_success(None if event.retry is None else event.retry / 1000)
        return message


class LiveState(LiveMethods):
    """Live state: what every device does at this moment, and did."""

    def stream(
        self, *, after: int | None = None, give_up_after: float | None = None
    ) -> Generator[LiveMessage, None, None]:
        """Yield what changes, without an end; a stream that breaks is resumed where it was.

        To miss nothing, read `snapshot()` first and give its `seq`. Needs the scope `live:read`.

        Args:
            after: the number to go on after; left out, from now on.
            give_up_after: seconds without an answer, after which the fault is raised; left out, never.
        """
        place = _Place(after, give_up_after)
        while True:
            fault: CallfloorError | None = None
            try:
                yield from self._messages(place)
            except CallfloorError as broken:
                fault = broken
            time.sleep(place.wait_after(fault))

    def _messages(self, place: _Place) -> Generator[LiveMessage, None, None]:
        answer = self._sender.answer(place.request(), is_stream=True)
        try:
            for event in httpx2.EventSource(answer):
                yield place.read(event)
        except httpx2.TransportError as fault:
            raise NoAnswer(f"the live stream broke: {fault}") from fault
        finally:
            answer.close()


class AsyncLiveState(AsyncLiveMethods):
    """Live state: what every device does at this moment, and did."""

    async def stream(
        self, *, after: int | None = None, give_up_after: float | None = None
    ) -> AsyncGenerator[LiveMessage, None]:
        """Yield what changes, without an end; a stream that breaks is resumed where it was.

        To miss nothing, read `snapshot()` first and give its `seq`. Needs the scope `live:read`.

        Args:
            after: the number to go on after; left out, from now on.
            give_up_after: seconds without an answer, after which the fault is raised; left out, never.
        """
        place = _Place(after, give_up_after)
        while True:
            fault: CallfloorError | None = None
            try:
                async for message in self._messages(place):
                    yield message
            except CallfloorError as broken:
                fault = broken
            await asyncio.sleep(place.wait_after(fault))

    async def _messages(self, place: _Place) -> AsyncGenerator[LiveMessage, None]:
        answer = await self._sender.answer(place.request(), is_stream=True)
        try:
            async for event in httpx2.EventSource(answer):
                yield place.read(event)
        except httpx2.TransportError as fault:
            raise NoAnswer(f"the live stream broke: {fault}") from fault
        finally:
            await answer.aclose()
