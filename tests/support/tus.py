"""A client of tus that others wrote, its cut connections, and keys that may upload."""

from __future__ import annotations

import asyncio
import http.client
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx
from starlette.requests import Request
from starlette.types import Message
from tusclient.client import TusClient
from tusclient.uploader import Uploader

from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from tests.factories.teams import make_api_key, make_team
from tests.support.server import DEADLINE_SECONDS, Server

MEGABYTE = 1_000_000
OPTIONS = ("--no-worker", "--behind-proxy")
PIECE = "application/offset+octet-stream"
_BLOCK_BYTES = 16 * MEGABYTE


def key_that_uploads(settings: Settings) -> dict[str, str]:
    """Make a team and return the header of a key of it that may upload and read."""
    services = open_services(settings)
    team = make_team(services.db)
    scopes = ("conversations:write", "conversations:read")
    key = make_api_key(services.db, team.id, *scopes, hash_key=services.settings.hash_key)
    services.close_now()
    return key


def write_noise(path: Path, size: int) -> Path:
    """Write a recording of noise with so many bytes."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, (size - 44) // 2, "NONE", ""))
        for at in range(44, size, _BLOCK_BYTES):
            file.writeframesraw(os.urandom(min(_BLOCK_BYTES, size - at)))
    return path


def uploader_of(
    server: Server, key: dict[str, str], file: BinaryIO, *, chunk_bytes: int, url: str | None = None
) -> Uploader:
    """Return an uploader of this file; with the address of an upload it goes on with that."""
    client = TusClient(f"{server.url}/api/v2/uploads", headers=dict(key))
    metadata = {"filename": "call.wav", "external_call_id": "cut-1"}
    return client.uploader(file_stream=file, chunk_size=chunk_bytes, metadata=metadata, url=url)


def cut(uploader: Uploader, key: dict[str, str], recording: Path, count: int, *, then: Callable[[], None]) -> None:
    """Begin a piece that would reach the end, and break off behind its first bytes."""
    address = httpx.URL(uploader.url)
    connection = http.client.HTTPConnection(address.host, address.port, timeout=DEADLINE_SECONDS)
    connection.putrequest("PATCH", address.path)
    rest = recording.stat().st_size - uploader.offset
    length = {"Content-Length": str(rest), "Upload-Offset": str(uploader.offset)}
    for name, value in {**key, **length, "Tus-Resumable": "1.0.0", "Content-Type": PIECE}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with recording.open("rb") as file:
        file.seek(uploader.offset)
        left = count
        while left:
            piece = file.read(min(left, MEGABYTE))
            connection.send(piece)
            left -= len(piece)
    then()
    connection.close()


def shown(server: Server, key: dict[str, str], uploader: Uploader) -> dict[str, int | str]:
    """Return what the server shows of the upload."""
    with server.client(headers=key) as client:
        found: dict[str, int | str] = client.get(httpx.URL(uploader.url).path).json()
        return found


def recording_path(server: Server, key: dict[str, str], uploader: Uploader) -> str:
    """Return path and query at which the recording of the finished upload can be had."""
    call = shown(server, key, uploader)["conversation_id"]
    with server.client(headers=key) as client:
        address = httpx.URL(client.get(f"/api/v2/calls/{call}").json()["recording_url"])
        return address.raw_path.decode()


def piece_of(*pieces: bytes) -> Request:
    """Return a request that brings these bytes, each but the first when the loop's threads have nothing else to do."""
    left = list(pieces)

    async def receive() -> Message:
        if len(left) < len(pieces):
            await asyncio.to_thread(lambda: None)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return Request({"type": "http", "method": "PATCH", "headers": []}, receive)
