"""Browsers that watch the live stream: each reads what comes, and one of them unpacks and counts it.

    python -m benchmarks.watchers PORT FILE

FILE has one Authorization header a line, one for each watcher. Prints a line once every stream has begun, and, at the
end of its stdin, one JSON line: how many streams were ended by the server, how many bytes came, and, on the one stream
that is unpacked, how many messages and how many changed devices they told of.
"""

from __future__ import annotations

import asyncio
import sys
import zlib
from pathlib import Path
from typing import cast

import msgspec
import uvloop

_REQUEST = (
    "GET /api/v2/live/stream HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip\r\n"
    "Authorization: {}\r\n\r\n"
)
_CHUNK_END = b"\r\n"


class Unpacked:
    """One stream as a browser reads it: chunks, gzip, events."""

    def __init__(self) -> None:
        self.messages = self.devices = 0
        self._raw = b""
        self._text = b""
        self._in_body = False
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)

    def take(self, data: bytes) -> None:
        """Read what came."""
        self._raw += data
        if not self._in_body:
            head, found, rest = self._raw.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionRefusedError(head)
            self._in_body, self._raw = True, rest
        while (chunk := self._chunk()) is not None:
            self._text += self._gzip.decompress(chunk)
        *events, self._text = self._text.split(b"\n\n")
        for event in events:
            self._count(event)

    def _chunk(self) -> bytes | None:
        size, found, rest = self._raw.partition(_CHUNK_END)
        if not found or len(rest) < int(size, 16) + len(_CHUNK_END):
            return None
        chunk, self._raw = rest[: int(size, 16)], rest[int(size, 16) + len(_CHUNK_END) :]
        return chunk

    def _count(self, event: bytes) -> None:
        if b"event: changes" in event:
            self.messages += 1
            self.devices += len(msgspec.json.decode(event.partition(b"data: ")[2])["devices"])


class Watching(asyncio.Protocol):
    """One connection."""

    def __init__(self, header: str, unpacked: Unpacked | None) -> None:
        self._header = header
        self._unpacked = unpacked
        self.size_bytes = 0
        self.is_ended = False
        self.has_begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(_REQUEST.format(self._header).encode())

    def data_received(self, data: bytes) -> None:
        self.size_bytes += len(data)
        if not self.has_begun.done():
            self.has_begun.set_result(None)
        if self._unpacked is not None:
            self._unpacked.take(data)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_ended = True


async def watch(port: int, headers: list[str]) -> None:
    """Watch until the end of stdin."""
    loop = asyncio.get_running_loop()
    unpacked = Unpacked()
    watching: list[Watching] = []
    for number, header in enumerate(headers):
        _, one = await loop.create_connection(
            lambda header=header, is_first=number == 0: Watching(header, unpacked if is_first else None),  # type: ignore[misc]  # a lambda's defaults are not typed
            "127.0.0.1",
            port,
        )
        await one.has_begun
        watching.append(one)
    print("watching", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    told = {
        "ended": sum(one.is_ended for one in watching),
        "bytes": sum(one.size_bytes for one in watching),
        "messages": unpacked.messages,
        "devices": unpacked.devices,
    }
    print(msgspec.json.encode(told).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(watch(int(sys.argv[1]), Path(sys.argv[2]).read_text(encoding="ascii").split("\n")))
