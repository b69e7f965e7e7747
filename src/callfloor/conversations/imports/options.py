"""How an import reads its rows: what the operator said, checked before the first row."""

from __future__ import annotations

import codecs
import enum
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from callfloor.conversations.imports.rows import language
from callfloor.conversations.imports.times import Times
from callfloor.foundation.errors import FieldError, InvalidInput, invalid


class ImportFormat(enum.StrEnum):
    """What kind of rows an import has."""

    CDR = "cdr"
    """Call detail records of Asterisk or FreePBX: `Master.csv`, or the table `cdr` as CSV."""
    MAPPED = "mapped"
    """Any table; the options say which column is what."""
    FILES = "files"
    """No table: each recording of a folder or a prefix is a call."""


class Target(enum.StrEnum):
    """What a column of a table can be."""

    DATE = "date"
    RECORDING = "recording"
    EXTERNAL_CALL_ID = "external_call_id"
    DIRECTION = "direction"
    CALLER = "caller"
    CALLEE = "callee"
    NAME = "name"
    LANGUAGE = "language"
    USER_EMAIL = "user_email"
    RECORDING_CONSENT = "recording_consent"
    AGENT_NAME = "agent_name"
    AGENT_EMAIL = "agent_email"
    CUSTOMER_NAME = "customer_name"
    CUSTOMER_EMAIL = "customer_email"


_ENCODINGS = re.compile(r"utf-8|ascii|cp\d+|iso8859-\d+|koi8-[ru]|mac-roman|gbk|gb18030|big5|euc_(jp|kr)|shift_jis")
REQUIRED = (Target.DATE, Target.RECORDING)


class ColumnMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which column is what, and what its words mean."""

    columns: dict[str, str] = {}
    """Column by target."""
    values: dict[str, dict[str, str]] = {}
    """By target: what a word of the table means, ``{"direction": {"IN": "inbound"}}``."""
    date_format: str | None = None
    """As `strptime` has it, or `epoch`; ISO 8601 when left out."""
    delimiter: str | None = None
    """One character; left out, what the first line has most of."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every row."""

    format: ImportFormat
    timezone: str | None = None
    encoding: str = "utf-8"
    language: str | None = None
    mapping: ColumnMap = ColumnMap()


def checked_options(options: Options) -> Options:
    """Return the options.

    Raises:
        InvalidInput: names every one that cannot be.
    """
    Times(options.timezone, None, 0)
    errors = list(_wrong(options))
    if errors:
        raise InvalidInput(errors)
    return options


def mapping_schema() -> dict[str, Any]:
    """Return what the documents say of a mapping."""
    _, schemas = msgspec.json.schema_components([ColumnMap])
    schema: dict[str, Any] = schemas[ColumnMap.__name__]
    for name in ("columns", "values"):
        schema["properties"][name]["propertyNames"] = {"enum": [target.value for target in Target]}
    return schema


def column_map(given: Mapping[str, object]) -> ColumnMap:
    """Return the mapping that a file or a field holds.

    Raises:
        InvalidInput: it has not the form of one.
    """
    try:
        return msgspec.convert(given, ColumnMap)
    except msgspec.ValidationError as error:
        raise invalid("mapping", str(error).replace("`", "")) from None


def _wrong(options: Options) -> Iterator[FieldError]:
    if not _reads_lines(options.encoding):
        yield FieldError("encoding", "must be an encoding such as utf-8 or cp1252")
    if options.language is not None:
        try:
            language(options.language)
        except ValueError as error:
            yield FieldError("language", f"must be {error}")
    yield from _wrong_mapping(options)


def _reads_lines(encoding: str) -> bool:
    """Return whether tables in the encoding can be cut into lines before they are decoded."""
    try:
        return _ENCODINGS.fullmatch(codecs.lookup(encoding).name) is not None and "\n,".encode(encoding) == b"\n,"
    except (LookupError, UnicodeError, ValueError):
        return False


def _wrong_mapping(options: Options) -> Iterator[FieldError]:
    given, targets = options.mapping, list(Target)
    try:
        msgspec.json.encode(given)
    except UnicodeEncodeError:
        yield FieldError("mapping", "must be text, without halves of characters")
        return
    for target in {*given.columns, *given.values}:
        if target not in targets:
            yield FieldError("mapping", f"{target[:64]!r} is no field of a call; there are {', '.join(targets)}")
    if options.format is ImportFormat.MAPPED:
        for target in REQUIRED:
            if not given.columns.get(target):
                yield FieldError("mapping", f"must say which column is {target}")
    elif given.columns:
        yield FieldError("mapping", f"goes with the format {ImportFormat.MAPPED.value} only")
    if given.delimiter is not None and (len(given.delimiter) != 1 or given.delimiter in '"\r\n\x00'):
        yield FieldError("mapping", "delimiter: must be one character, such as ;")
