"""Answers that are files: exports, recordings. What broke off is gone on with where the server can."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2

from callfloor_sdk.errors import NoAnswer
from callfloor_sdk.requests import Request
from callfloor_sdk.sending import AsyncSender, Sender

CUTS = 8
"""So many without a byte between them, and the last one is raised."""


class _Place:
    """How far a file has come."""

    def __init__(self, request: Request[Any]) -> None:
        self._request = request
        self._come = 0
        self._cuts = 0
        self._can_go_on = False
        self._etag: str | None = None

    def request(self) -> Request[Any]:
        """Return what asks for the rest: of the same file, or the server answers the whole one."""
        if not self._come:
            return self._request
        headers = {**self._request.headers, "range": f"bytes={self._come}-", "if-range": self._etag}
        return dataclasses.replace(self._request, headers=headers)

    def begin(self, answer: httpx2.Response) -> None:
        """Look at an answer's head.

        Raises:
            NoAnswer: it is not the rest of what came before.
        """
        if self._come and answer.status_code != httpx2.codes.PARTIAL_CONTENT:
            raise NoAnswer(f"{self._request.path}: what broke off cannot be gone on with")
        self._etag = answer.headers.get("etag")
        is_plain = "content-encoding" not in answer.headers
        self._can_go_on = is_plain and answer.headers.get("accept-ranges") == "bytes"

    def take(self, chunk: bytes) -> bytes:
        """Count what came."""
        self._come += len(chunk)
        self._cuts = 0
        return chunk

    def go_on_after(self, fault: httpx2.TransportError) -> None:
        """Allow another request.

        Raises:
            NoAnswer: there is to be none.
        """
        self._cuts += 1
        if not self._can_go_on or self._cuts >= CUTS:
            raise NoAnswer(f"{self._request.path}: the answer broke off: {fault}") from fault


class Download:
    """A file: iterate over its bytes, `read()` it whole, or `save()` it; nothing is asked before."""

    def __init__(self, sender: Sender, request: Request[Any]) -> None:
        self._sender = sender
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        place = _Place(self._request)
        while True:
            answer = self._sender.answer(place.request(), is_stream=True)
            try:
                place.begin(answer)
                for chunk in answer.iter_bytes():
                    yield place.take(chunk)
            except httpx2.TransportError as fault:
                place.go_on_after(fault)
            else:
                return
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
        place = _Place(self._request)
        while True:
            answer = await self._sender.answer(place.request(), is_stream=True)
            try:
                place.begin(answer)
                async for chunk in answer.aiter_bytes():
                    yield place.take(chunk)
            except httpx2.TransportError as fault:
                place.go_on_after(fault)
            else:
                return
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
