"""A client of the live stream: server-sent events read by the rules of the format, each waited for with a deadline."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

DEADLINE_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class LiveEvent:
    """One event: its id, its kind, its content."""

    id: int
    kind: str
    data: dict[str, Any]

    def state_of(self, device_id: int) -> str | None:
        """Return the state in which the event tells of the device."""
        return next((one["state"] for one in self.data.get("devices", ()) if one["id"] == device_id), None)


class Reader:
    """Reads one stream on a thread of its own."""

    def __init__(self, response: httpx.Response) -> None:
        self.headers = response.headers
        self._response = response
        self._queue: queue.SimpleQueue[LiveEvent | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def next(self) -> LiveEvent | None:
        """Return the next event; None once the stream has ended."""
        return self._queue.get(timeout=DEADLINE_SECONDS)

    def until(self, holds: Callable[[LiveEvent], bool]) -> list[LiveEvent]:
        """Return the events up to the first that holds."""
        seen: list[LiveEvent] = []
        while True:
            event = self.next()
            assert event is not None, f"the stream ended after {seen}"
            seen.append(event)
            if holds(event):
                return seen

    def wait_for_the_end(self) -> None:
        """Read to the end."""
        while self.next() is not None:
            pass

    def leave(self) -> None:
        """Break the connection, and wait until nobody reads it: its descriptor may be another connection's next."""
        with contextlib.suppress(OSError):  # the server has ended it already
            descriptor = os.dup(self._response.extensions["network_stream"].get_extra_info("socket").fileno())
            with socket.socket(fileno=descriptor) as connection:
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_SECONDS)

    def _run(self) -> None:
        fields: dict[str, str] = {}
        with contextlib.suppress(httpx.HTTPError):
            for line in self._response.iter_lines():
                name, _, value = line.partition(": ")
                if line:
                    fields[name] = value
                elif "event" in fields:
                    self._queue.put(LiveEvent(int(fields["id"]), fields["event"], json.loads(fields["data"])))
                    fields = {}
        self._queue.put(None)


@contextlib.contextmanager
def watching(
    client: httpx.Client, sign_in: Mapping[str, str], *, after: int | None = None, **headers: str
) -> Iterator[Reader]:
    """Open a stream; further headers are written with `_` for `-`."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    params = {} if after is None else {"after": after}
    with client.stream("GET", "/api/v2/live/stream", headers={**sign_in, **more}, params=params) as response:
        if response.status_code != 200:
            response.read()
        assert response.status_code == 200, response.text
        reader = Reader(response)
        try:
            yield reader
        finally:
            reader.leave()
