"""A row of an import in our words, whatever it was read from, and the ways in which a row does not become a call."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Callable, Mapping, Sequence

from callfloor.access.accounts import checked_email
from callfloor.conversations.parties import Party
from callfloor.foundation.clock import Millis
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.fields import LANGUAGE_PATTERN

TEXT_LIMIT = 255
_UNDECODED = re.compile("[\ud800-\udfff]")
_LANGUAGE = re.compile(LANGUAGE_PATTERN)


class Direction(enum.StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Skip(enum.StrEnum):
    """Why a row of a telephony system is no conversation, though nothing is wrong with it."""

    NOT_ANSWERED = "not_answered"
    NOT_RECORDED = "not_recorded"


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a row: the column, or the part of the row, and what was expected of it."""

    field: str
    expected: str


class RowRefused(Exception):
    """The row cannot become a call."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.expected}" for fault in faults))
        self.faults = faults


class RowSkipped(Exception):
    """The row is no conversation."""

    def __init__(self, why: Skip) -> None:
        super().__init__(why.value)
        self.why = why


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """Which recording belongs to a row."""

    field: str
    """The column that says it."""
    name: str | None
    """Its path or file name, as the row has it."""
    unique_id: str | None
    """What else its file name would hold."""
    days: Sequence[str]
    """Folders by date where telephony systems put it: ``2024/01/05``."""
    is_promised: bool
    """The row says that there is one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A recording: its path below the folder or the prefix."""

    path: str
    modified_at: Millis


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RowFields:
    """What a row says of a call."""

    date: Millis
    recording: Wanted | Found
    external_id: str | None = None
    direction: Direction | None = None
    caller: str | None = None
    callee: str | None = None
    name: str | None = None
    language: str | None = None
    user_email: str | None = None
    consent: str | None = None
    parties: Sequence[Party] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as it was read."""

    number: int
    """As people count: in a table the header is row 1."""
    position: str
    """Where the next one begins."""
    done_units: int
    file: str | None
    """The file's name, where the row is a file."""
    content: Sequence[str] | Found | RowRefused


class Cells:
    """The cells of a table's row by column, each taken out with its check; every fault of the row is gathered."""

    def __init__(self, columns: Mapping[str, int], cells: Sequence[str]) -> None:
        self._columns = columns
        self._cells = cells
        self.faults: list[Fault] = []

    def text(self, column: str | None, *, limit: int = TEXT_LIMIT) -> str | None:
        """Return the cell's text without the space around it; None when it is empty or there is no such column."""
        at = None if column is None else self._columns.get(column)
        if column is None or at is None or at >= len(self._cells):
            return None
        text = self._cells[at].strip()
        if len(text) > limit or "\x00" in text:
            self.refuse(column, f"at most {limit} characters, none of them NUL")
            return None
        if not text.isascii() and _UNDECODED.search(text):
            self.refuse(column, "text in the encoding of the table")
            return None
        return text or None

    def checked(self, column: str | None, check: Callable[[str], str]) -> str | None:
        """Return what the check makes of the cell, None of an empty one; its ValueError says what was expected."""
        text = self.text(column)
        if text is None or column is None:
            return None
        try:
            return check(text)
        except ValueError as error:
            self.refuse(column, str(error))
            return None

    def refuse(self, column: str, expected: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(column, expected))

    def end(self) -> None:
        """Raise what was gathered.

        Raises:
            RowRefused: there were faults.
        """
        if self.faults:
            raise RowRefused(*self.faults)


def email(text: str) -> str:
    """Return the address, or raise ValueError."""
    try:
        return checked_email(text)
    except InvalidInput:
        raise ValueError("an e-mail address such as name@company.example") from None


def language(text: str) -> str:
    """Return the language code, or raise ValueError."""
    if not _LANGUAGE.fullmatch(text):
        raise ValueError("a language code such as en or pt-BR")
    return text


def one_of(*words: str) -> Callable[[str], str]:
    """Return the check that a text is one of these, in whatever case."""

    def check(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(" or ".join(words))
        return text.lower()

    return check
