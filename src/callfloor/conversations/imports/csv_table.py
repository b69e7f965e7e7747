"""A table in CSV form, read from any place in it: a row is where a resumed import goes on, whatever its length."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from callfloor.conversations.imports.rows import Fault, RowRefused, SourceRow
from callfloor.foundation.errors import DomainError

LINE_LIMIT = 1_000_000
_DELIMITERS = ",;\t|"


class TableUnreadable(DomainError):
    """What was given is no table, or not the one it was."""

    code = "table_unreadable"
    status = 422


class CsvTable:
    """One table.

    Args:
        path: where it lies.
        encoding: of its text; a mark of UTF-8 at its beginning is passed over.
        delimiter: between cells; left out, the one that its first line has most of.

    Raises:
        TableUnreadable: it is empty, or its first line is none of a table.
    """

    def __init__(self, path: Path, *, encoding: str, delimiter: str | None = None) -> None:
        self.path = path
        self.size_bytes = path.stat().st_size
        self._encoding = encoding
        with path.open("rb") as file:
            self._start = len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0
            file.seek(self._start)
            line = _checked(file.readline(LINE_LIMIT)).decode(encoding, "surrogateescape")
        self.delimiter = delimiter or max(_DELIMITERS, key=line.count)
        first = next(self.rows(None, 0), None)
        if first is None or isinstance(first.content, RowRefused):
            raise TableUnreadable("the table's first row cannot be read")
        self.first_position = first.position
        self.first_cells = [str(cell).strip() for cell in first.content] if isinstance(first.content, list) else []

    def rows(self, position: str | None, number: int) -> Iterator[SourceRow]:
        """Yield the rows behind a place.

        Args:
            position: of the row before; None for the first row.
            number: of the row before.

        Raises:
            TableUnreadable: the table has become shorter than that.
        """
        at = self._start if position is None else int(position)
        if at > self.size_bytes:
            raise TableUnreadable("the table is shorter than it was when the import began; begin another one")
        with self.path.open("rb") as file:
            file.seek(at)
            lines = _Lines(file, at, self._encoding)
            reader = csv.reader(lines, delimiter=self.delimiter)
            while True:
                content: list[str] | RowRefused
                try:
                    content = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    content = RowRefused(Fault("row", f"a row of a table ({error})"))
                number += 1
                if content == []:
                    continue
                yield SourceRow(number, str(lines.at), lines.at, None, content)


class _Lines:
    """Lines as text, with the place behind the last one."""

    def __init__(self, file: BinaryIO, at: int, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self.at = at

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LINE_LIMIT)
        if not line:
            raise StopIteration
        self.at += len(line)
        return line.decode(self._encoding, "surrogateescape")


def _checked(line: bytes) -> bytes:
    if not line.strip() or b"\x00" in line:
        raise TableUnreadable("the table must begin with a line of text")
    return line
