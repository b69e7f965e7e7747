"""Sends the requests of a file over many connections, each as soon as its last one is answered.

    python -m benchmarks.sender PORT FILE CONNECTIONS

The file is a list of whole requests in MessagePack. Prints one JSON line: how many events were accepted, how many not,
and the time from the first byte sent to the last answer.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import uvloop


class Taken(msgspec.Struct):
    """What a server says became of a batch."""

    accepted: int
    duplicates: int
    rejected: list[msgspec.Raw]


class Sender(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Iterator[bytes], totals: dict[str, int]) -> None:
        self._requests = requests
        self._totals = totals
        self._received = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._received = b""
        if not head.startswith(b"HTTP/1.1 200"):
            self._totals["refused"] += 1
        else:
            taken = _DECODER.decode(body)
            self._totals["accepted"] += taken.accepted
            self._totals["not_accepted"] += taken.duplicates + len(taken.rejected)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(request)


_DECODER = msgspec.json.Decoder(Taken)


def _length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


async def send(port: int, requests: list[bytes], connections: int) -> dict[str, float]:
    """Send them all."""
    loop = asyncio.get_running_loop()
    totals = {"accepted": 0, "not_accepted": 0, "refused": 0}
    waiting = iter(requests)
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: Sender(waiting, totals), "127.0.0.1", port)
        for _ in range(min(connections, len(requests)))
    ]
    await asyncio.gather(*(sender.done for _, sender in made))
    return {**totals, "seconds": time.perf_counter() - began}


def main() -> None:
    """Send, and tell."""
    port, file, connections = sys.argv[1:]
    requests = msgspec.msgpack.decode(Path(file).read_bytes(), type=list[bytes])
    print(msgspec.json.encode(uvloop.run(send(int(port), requests, int(connections)))).decode())


if __name__ == "__main__":
    main()
