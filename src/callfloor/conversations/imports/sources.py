"""What an import reads, row by row, from any place on: a table, or the files of a folder themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from callfloor.conversations.imports.csv_table import CsvTable
from callfloor.conversations.imports.options import ImportFormat, Options
from callfloor.conversations.imports.recordings import FolderOfRecordings, Recordings
from callfloor.conversations.imports.rows import Fault, Found, RowFields, RowRefused, SourceRow
from callfloor.conversations.imports.tables_of_calls import CallDetailRecords, MappedTable
from callfloor.conversations.imports.times import Times, epoch_in
from callfloor.foundation.clock import Millis

_BEGAN = re.compile(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)[-_ T](\d\d)[-:]?(\d\d)[-:]?(\d\d)(?!\d)")


class Source(Protocol):
    """Rows in an order that stays."""

    unit: str
    """What `total` and `done_units` count."""

    def total(self) -> int:
        """Return how many units there are in all."""

    def rows(self, position: str | None, number: int) -> Iterator[SourceRow]:
        """Yield the rows behind the one that ended at the position and had this number."""

    def fields(self, row: SourceRow) -> RowFields:
        """Return what the row says.

        Raises:
            RowRefused, RowSkipped: it does not become a call.
        """


class TableSource:
    """The rows of a table.

    Raises:
        TableUnreadable: it is none of the format.
    """

    unit = "bytes"

    def __init__(self, path: Path, options: Options, now: Millis) -> None:
        self._table = CsvTable(path, encoding=options.encoding, delimiter=options.mapping.delimiter)
        times = Times(options.timezone, options.mapping.date_format, now)
        first = self._table.first_cells
        self._calls: CallDetailRecords | MappedTable
        if options.format is ImportFormat.CDR:
            self._calls = CallDetailRecords(first, times)
        else:
            self._calls = MappedTable(first, options.mapping, times)

    def total(self) -> int:
        """Return the table's size in bytes."""
        return self._table.size_bytes

    def rows(self, position: str | None, number: int) -> Iterator[SourceRow]:
        """Yield the rows but the header."""
        if position is None and self._calls.has_header:
            position, number = self._table.first_position, 1
        yield from self._table.rows(position, number)

    def fields(self, row: SourceRow) -> RowFields:
        """Return what the row says."""
        if isinstance(row.content, RowRefused):
            raise row.content
        assert isinstance(row.content, Sequence)  # noqa: S101  # rows of a table have cells
        return self._calls.fields(row.content)


class FileSource:
    """The files of a folder or a prefix: each is a call that began when its name says.

    A name says it by date and time (20240105-101530, by the import's zone) or by Asterisk's unique id. Of a file that
    says nothing the time of its last change counts in a folder; in a bucket that is when somebody put it there.
    """

    unit = "files"

    def __init__(self, recordings: Recordings, options: Options, now: Millis) -> None:
        self._recordings = recordings
        self._times = Times(options.timezone, None, now)
        self._has_zone = options.timezone is not None
        self._trusts_changes = isinstance(recordings, FolderOfRecordings)

    def total(self) -> int:
        """Return how many files there are."""
        return sum(1 for _ in self._recordings.listed(None))

    def rows(self, position: str | None, number: int) -> Iterator[SourceRow]:
        """Yield the files."""
        for at, found in enumerate(self._recordings.listed(position), start=number + 1):
            shown = found.path.encode(errors="backslashreplace").decode()
            content = found if shown == found.path else RowRefused(Fault("file", "a name in UTF-8"))
            yield SourceRow(at, shown, at, shown, content)

    def fields(self, row: SourceRow) -> RowFields:
        """Return what the file's name says."""
        if isinstance(row.content, RowRefused):
            raise row.content
        assert isinstance(row.content, Found)  # noqa: S101  # rows of a folder are files
        return RowFields(date=self._date(row.content), recording=row.content)

    def _date(self, found: Found) -> Millis:
        name = PurePosixPath(found.path).name
        written = _BEGAN.search(name)
        try:
            if written is not None and self._has_zone:
                year, month, day, hour, minute, second = written.groups()
                return self._times.instant(f"{year}-{month}-{day} {hour}:{minute}:{second}", near=epoch_in(name))
            if (epoch := epoch_in(name)) is not None:
                return self._times.checked(epoch)
        except ValueError as error:
            raise RowRefused(Fault("file", f"a name with {error}")) from None
        if written is not None:
            raise RowRefused(Fault("file", "a time zone for the whole import: its name says when the call began"))
        if not self._trusts_changes:
            raise RowRefused(Fault("file", "a name that says when the call began, such as 20240105-101530.wav"))
        return found.modified_at
