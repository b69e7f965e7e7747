"""Rows of a table as calls: call detail records of Asterisk and FreePBX, and tables whose columns somebody mapped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Protocol

from callfloor.conversations.arrival import CONSENT_DECLINED, CONSENT_GRANTED
from callfloor.conversations.imports.csv_table import TableUnreadable
from callfloor.conversations.imports.options import ColumnMap, Target
from callfloor.conversations.imports.rows import (
    Cells,
    Direction,
    RowFields,
    RowSkipped,
    Skip,
    Wanted,
    email,
    language,
    one_of,
)
from callfloor.conversations.imports.times import Times, epoch_in
from callfloor.conversations.parties import Party
from callfloor.foundation.clock import Millis

MASTER_COLUMNS = (
    "accountcode",
    "src",
    "dst",
    "dcontext",
    "clid",
    "channel",
    "dstchannel",
    "lastapp",
    "lastdata",
    "start",
    "answer",
    "end",
    "duration",
    "billsec",
    "disposition",
    "amaflags",
    "uniqueid",
    "userfield",
)
"""Of `Master.csv`, which has no header; the last two are there when Asterisk is told to log them."""
_LEAST_COLUMNS = 16
_START, _DISPOSITION = 9, 14
_CLID = re.compile(r'"?(?P<name>[^"<]*?)"?\s*<(?P<number>[^>]*)>')
_PATH_LIMIT = 1000
_OUTBOUND_FILES = ("out-",)
_INBOUND_FILES = ("in-", "external-", "q-", "rg-", "ivr-")
_HOUSE_FILES = ("exten-", "internal-")
_INBOUND_CONTEXTS = ("from-trunk", "from-pstn", "from-did", "from-sip-external", "from-dahdi", "ext-", "incoming")
_NOBODY = {"", "s", "h", "t", "i"}
"""Extensions of a dial plan that are no number."""


class TableOfCalls(Protocol):
    """Knows what the rows of a table say."""

    has_header: bool

    def fields(self, cells: Sequence[str]) -> RowFields:
        """Return what the row says.

        Raises:
            RowRefused, RowSkipped: it does not become a call.
        """


class CallDetailRecords:
    """Rows of Asterisk's `Master.csv`, or of the table `cdr` with its header.

    Raises:
        TableUnreadable: the first row is neither.
    """

    def __init__(self, first_cells: Sequence[str], times: Times) -> None:
        names = [cell.lower() for cell in first_cells]
        self.has_header = "disposition" in names and bool({"calldate", "start"} & set(names))
        if not self.has_header and not _is_master(first_cells):
            raise TableUnreadable(
                "the table is neither a Master.csv nor the table cdr with its header; name its columns by a mapping"
            )
        if not self.has_header:
            names = list(MASTER_COLUMNS)
        self._columns = {name: at for at, name in reversed(list(enumerate(names)))}
        self._start = "calldate" if "calldate" in self._columns else "start"
        self._names_recordings = "recordingfile" in self._columns
        self._times = times

    def fields(self, cells: Sequence[str]) -> RowFields:
        """Return what the record says."""
        row = Cells(self._columns, cells)
        if (row.text("disposition") or "").upper() != "ANSWERED":
            raise RowSkipped(Skip.NOT_ANSWERED)
        unique_id, name = row.text("uniqueid"), row.text("recordingfile", limit=_PATH_LIMIT)
        if self._names_recordings and name is None:
            raise RowSkipped(Skip.NOT_RECORDED)
        date = self._date(row, unique_id)
        direction, is_within_house = _direction(row, name)
        number, caller_name = _caller(row)
        callee = next((n for n in (row.text("dst"), row.text("did")) if n and n not in _NOBODY), None)
        row.end()
        return RowFields(
            date=date,
            recording=Wanted(
                "recordingfile" if self._names_recordings else "uniqueid",
                name,
                unique_id,
                self._times.days_around(date),
                is_promised=self._names_recordings,
            ),
            external_id=unique_id,
            direction=direction,
            caller=number,
            callee=callee,
            name=f"{number} → {callee}" if number and callee else None,
            parties=_parties(
                direction,
                caller_name or number,
                row.text("dst_cnam") or callee,
                is_within_house=is_within_house,
            ),
        )

    def _date(self, row: Cells, unique_id: str | None) -> Millis:
        text = row.text(self._start)
        if text is None:
            row.refuse(self._start, "the time the call began")
            return 0
        try:
            return self._times.instant(text, near=epoch_in(unique_id or ""))
        except ValueError as error:
            row.refuse(self._start, str(error))
            return 0


class MappedTable:
    """Rows of a table with a header, by the mapping of its columns.

    Raises:
        TableUnreadable: the header has not a column that the mapping names.
    """

    has_header = True

    def __init__(self, first_cells: Sequence[str], mapping: ColumnMap, times: Times) -> None:
        self._columns = {name: at for at, name in reversed(list(enumerate(first_cells)))}
        missing = [name for name in mapping.columns.values() if name not in self._columns]
        if missing:
            raise TableUnreadable(f"the table's header has no column {', '.join(map(repr, missing))}")
        self._mapping = mapping
        self._times = times

    def fields(self, cells: Sequence[str]) -> RowFields:
        """Return what the row says."""
        row = Cells(self._columns, self._translated(cells))
        date = self._date(row)
        recording = row.text(self._column(Target.RECORDING), limit=_PATH_LIMIT)
        direction = row.checked(self._column(Target.DIRECTION), one_of(*Direction))
        fields = RowFields(
            date=date,
            recording=Wanted(
                self._mapping.columns[Target.RECORDING],
                recording,
                None,
                self._times.days_around(date),
                is_promised=recording is not None,
            ),
            external_id=row.text(self._column(Target.EXTERNAL_CALL_ID)),
            direction=None if direction is None else Direction(direction),
            caller=row.text(self._column(Target.CALLER)),
            callee=row.text(self._column(Target.CALLEE)),
            name=row.text(self._column(Target.NAME)),
            language=row.checked(self._column(Target.LANGUAGE), language),
            user_email=row.checked(self._column(Target.USER_EMAIL), email),
            consent=row.checked(self._column(Target.RECORDING_CONSENT), one_of(CONSENT_GRANTED, CONSENT_DECLINED)),
            parties=self._parties(row),
        )
        row.end()
        if recording is None:
            raise RowSkipped(Skip.NOT_RECORDED)
        return fields

    def _column(self, target: Target) -> str | None:
        return self._mapping.columns.get(target)

    def _translated(self, cells: Sequence[str]) -> Sequence[str]:
        if not self._mapping.values:
            return cells
        translated = list(cells)
        for target, words in self._mapping.values.items():
            at = self._columns.get(self._mapping.columns.get(target, ""))
            if at is not None and at < len(translated):
                translated[at] = words.get(translated[at].strip(), translated[at])
        return translated

    def _date(self, row: Cells) -> Millis:
        column = self._mapping.columns[Target.DATE]
        text = row.text(column)
        try:
            if text is not None:
                return self._times.instant(text)
            row.refuse(column, "the time the call began")
        except ValueError as error:
            row.refuse(column, str(error))
        return 0

    def _parties(self, row: Cells) -> list[Party]:
        sides = ((True, Target.AGENT_NAME, Target.AGENT_EMAIL), (False, Target.CUSTOMER_NAME, Target.CUSTOMER_EMAIL))
        parties = [
            Party(row.text(self._column(name)), row.checked(self._column(address), email), is_internal)
            for is_internal, name, address in sides
        ]
        return [party for party in parties if party.name or party.email]


def is_call_detail(first_cells: Sequence[str]) -> bool:
    """Return whether a table that begins so holds call detail records."""
    return "disposition" in [cell.lower() for cell in first_cells] or _is_master(first_cells)


def _is_master(cells: Sequence[str]) -> bool:
    return (
        len(cells) >= _LEAST_COLUMNS
        and re.match(r"\d{4}-\d\d-\d\d ", cells[_START]) is not None
        and cells[_DISPOSITION].isupper()
    )


def _caller(row: Cells) -> tuple[str | None, str | None]:
    number, name = row.text("src"), row.text("cnam")
    clid = _CLID.fullmatch(row.text("clid") or "")
    if clid is not None:
        number = number or clid["number"].strip() or None
        name = name or clid["name"].strip() or None
    return number, name


def _direction(row: Cells, recording: str | None) -> tuple[Direction | None, bool]:
    """Return who called whom, and whether nobody outside the house took part."""
    file, context = PurePosixPath(recording or "").name.lower(), (row.text("dcontext") or "").lower()
    if file.startswith(_HOUSE_FILES):
        return None, True
    if file.startswith(_OUTBOUND_FILES):
        return Direction.OUTBOUND, False
    if file.startswith(_INBOUND_FILES) or row.text("did") or context.startswith(_INBOUND_CONTEXTS):
        return Direction.INBOUND, False
    return (Direction.OUTBOUND if context.startswith("from-internal") else None), False


def _parties(
    direction: Direction | None, caller: str | None, callee: str | None, *, is_within_house: bool
) -> list[Party]:
    """Return caller and callee; of a call from or to the outside, the one inside the house is the agent."""
    if direction is None and not is_within_house:
        return []
    inside = {Direction.OUTBOUND: (True, False), Direction.INBOUND: (False, True), None: (True, True)}[direction]
    return [Party(name, None, is_internal) for name, is_internal in zip((caller, callee), inside, strict=True) if name]
