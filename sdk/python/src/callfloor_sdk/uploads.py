"""Uploads in one request: a form with a file, streamed from disk, or JSON without one."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from callfloor_sdk.requests import UNSET, Request, sent_value

T = TypeVar("T")

File = str | os.PathLike[str] | bytes | IO[bytes]
"""A path, the bytes themselves, or a binary file that can be read from its beginning again."""
Progress = Callable[[int, int], object]
"""Told how many bytes of how many are sent; after a fault it begins anew."""


def upload(
    request: Request[T],
    fields: Mapping[str, Any],
    files: Mapping[str, File | None],
    on_progress: Progress | None,
    *,
    takes_json: bool,
) -> Request[T]:
    """Return the request with its body: a form, or where there is no file and the server takes it, JSON.

    An upload of a conversation does no harm when it is sent again: the server knows it by its content, or by the
    caller's own id of it.
    """
    filled = {name: value for name, value in fields.items() if value is not UNSET}
    given = {name: file for name, file in files.items() if file is not None}
    has_id = "externalCallId" in filled or "external_call_id" in filled
    if not given and takes_json:
        return dataclasses.replace(request, body=filled, is_repeatable=has_id or "transcript" in filled)

    def parts(opened: contextlib.ExitStack) -> Mapping[str, Any]:
        content: dict[str, object] = {name: (None, _text(value).encode()) for name, value in filled.items()}
        content |= {name: _part(file, name, opened, on_progress) for name, file in given.items()}
        return {"files": content}

    return dataclasses.replace(request, parts=parts, is_repeatable=takes_json)


def _text(value: object) -> str:
    built = msgspec.to_builtins(sent_value(value))
    return built if isinstance(built, str) else msgspec.json.encode(built).decode()


def _part(file: File, name: str, opened: contextlib.ExitStack, on_progress: Progress | None) -> tuple[str, _Told, str]:
    source = opened_file(file, opened)
    filename = Path(str(getattr(source, "name", name))).name
    return filename, _Told(source, on_progress), "application/octet-stream"


def opened_file(file: File, opened: contextlib.ExitStack) -> IO[bytes]:
    """Return it open, at its beginning; what is opened here is closed with the stack."""
    if isinstance(file, bytes):
        return io.BytesIO(file)
    if isinstance(file, str | os.PathLike):
        return opened.enter_context(Path(file).open("rb"))
    file.seek(0)
    return file


class _Told:
    """A file that tells how far it was read; has what httpx2 asks of one."""

    def __init__(self, source: IO[bytes], on_progress: Progress | None) -> None:
        self._source = source
        self._on_progress = on_progress
        self._total = source.seek(0, os.SEEK_END)
        source.seek(0)

    def read(self, size: int = -1) -> bytes:
        chunk = self._source.read(size)
        if chunk and self._on_progress is not None:
            self._on_progress(self._source.tell(), self._total)
        return chunk

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()
