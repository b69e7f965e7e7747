"""Multipart forms read as they arrive: small fields in memory, a file part handed on piece by piece."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import parse_options_header

from callfloor.conversations_api.refusals import bad_request

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELD_BYTES = 16 * 1024 * 1024
"""All fields of a form but the file: a given transcript of six hours stays below."""
FIELD_COUNT = 100
_BROKEN = "body: is not a well-formed multipart form; it must end with its closing boundary"


@dataclasses.dataclass(slots=True)
class Part:
    """The beginning of a part; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content_type: str | None


_End = object()
_Piece = Part | bytes | object


class MultipartReader:
    """Parts of a multipart body, in their order, with no more in memory than one network read."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._pieces: collections.deque[_Piece] = collections.deque()
        self._headers: dict[str, str] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._is_finished = False
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._headers.clear,
            "on_header_field": lambda data, start, end: self._header_name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._header_value.extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": lambda data, start, end: self._pieces.append(data[start:end]),
            "on_part_end": lambda: self._pieces.append(_End),
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError:
            raise bad_request("Content-Type: its boundary is too long") from None

    async def next_part(self) -> Part | None:
        """Return the next part, or None at the end; what is left of the part before is passed over.

        Raises:
            Refused: 400, the body is not well-formed.
        """
        while True:
            piece = await self._next_piece()
            if piece is None or isinstance(piece, Part):
                return piece

    async def data(self) -> AsyncIterator[bytes]:
        """Yield the rest of the current part's content. Raises as `next_part`."""
        while True:
            piece = await self._next_piece()
            if not isinstance(piece, bytes):
                return
            yield piece

    async def _next_piece(self) -> _Piece | None:
        while not self._pieces:
            chunk = await anext(self._stream, None)
            if chunk is None:
                if not self._is_finished:
                    raise bad_request(_BROKEN)
                return None
            try:
                self._parser.write(chunk)
            except MultipartParseError:
                raise bad_request(_BROKEN) from None
        return self._pieces.popleft()

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value.decode("utf-8", "replace")
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(
            self._headers.get("content-disposition", "").encode("utf-8").decode("latin-1")
        )
        filename = options.get(b"filename")
        self._pieces.append(
            Part(
                options.get(b"name", b"").decode("utf-8", "replace"),
                None if filename is None else filename.decode("utf-8", "replace"),
                self._headers.get("content-type"),
            )
        )

    def _on_end(self) -> None:
        self._is_finished = True
