"""Answers that are files: exports, recordings."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2

from callfloor_sdk.errors import NoAnswer
from callfloor_sdk.requests import Request
from callfloor_sdk.sending import AsyncSender, Sender

CHUNK_BYTES = 256 * 1024


class Download:
    """A file: iterate over its bytes, `read()` it whole, or `save()` it; nothing is asked before."""

    def __init__(self, sender: Sender, request: Request[Any]) -> None:
        self._sender = sender
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        answer = self._sender.answer(self._request, is_stream=True)
        try:
            yield from answer.iter_bytes(CHUNK_BYTES)
        except httpx2.TransportError as fault:
            raise NoAnswer(f"{self._request.path}: the answer broke off: {fault}") from fault
        finally:
            answer.close()

    def read(self) -> bytes:
        """Return all of it."""
        return b"".join(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to the file, which is there only when it is whole."""
        part = _part(path)
        with part.open("wb") as file:
            for chunk in self:
                file.write(chunk)
        return part.replace(path)


class AsyncDownload:
    """A file: iterate over its bytes, `read()` it whole, or `save()` it; nothing is asked before."""

    def __init__(self, sender: AsyncSender, request: Request[Any]) -> None:
        self._sender = sender
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = await self._sender.answer(self._request, is_stream=True)
        try:
            async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                yield chunk
        except httpx2.TransportError as fault:
            raise NoAnswer(f"{self._request.path}: the answer broke off: {fault}") from fault
        finally:
            await answer.aclose()

    async def read(self) -> bytes:
        """Return all of it."""
        return b"".join([chunk async for chunk in self])

    async def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it to the file, which is there only when it is whole."""
        part = _part(path)
        with part.open("wb") as file:
            async for chunk in self:
                file.write(chunk)
        return part.replace(path)


def _part(path: str | os.PathLike[str]) -> Path:
    whole = Path(path)
    return whole.with_name(f"{whole.name}.part")
