"""One client's connection: uvicorn's, with limits on what an unfinished request may hold."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    """Closes on heads that are too long or never end, and on bodies that stop coming."""

    head_bytes = 64 * 1024
    """Request line and headers; the parser itself would take any amount."""
    head_seconds = 20.0
    """From the connection, or the first byte of a further request, to the end of the headers."""
    silence_seconds = 60.0
    """How long a client may pause in the middle of a body."""
    look_seconds = 5.0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._head_since = self._heard_at = self.loop.time()
        self._watch: asyncio.TimerHandle = self.loop.call_later(self.look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._head_since = self._heard_at

    def on_headers_complete(self) -> None:
        self._in_head = False
        # An answer without an end has no other way to be rid of a client that does not read.
        self.scope["callfloor.abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # a key of ours
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # fields after a chunked body are nobody's, and could be any number
            super().on_header(name, value)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self.head_bytes:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def _look(self) -> None:
        now = self.loop.time()
        if self._in_head:
            waits_too_long = now - self._head_since > self.head_seconds
        else:
            body_is_due = self.cycle.more_body and not self.cycle.response_complete and not self.flow.read_paused
            waits_too_long = body_is_due and now - self._heard_at > self.silence_seconds
        if waits_too_long:
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(self.look_seconds, self._look)
