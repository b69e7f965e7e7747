"""What several domains' fields have in common: ids, instants as clients write them, names that people give."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from callfloor.foundation.errors import invalid

ID_LIMIT = 2**53 - 1
"""The largest id on the wire: the largest whole number that every client's numbers hold exactly."""

LANGUAGE_PATTERN = "[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}"
"""A language code, such as `en` or `pt-BR`."""

_IN_NO_NAME = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
"""Controls, and breaks of lines and paragraphs."""
_LINE_PATTERN = rf"^[^{_IN_NO_NAME}]*$"


def _pattern(forbidden: str) -> str:
    return rf"^[^{forbidden}]*[^{forbidden}\s][^{forbidden}]*$"


_LINE = re.compile(_LINE_PATTERN)
_HALF_OF_A_CHARACTER = re.compile("[\ud800-\udfff]")

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _written_out(value: object) -> object:
    # pydantic alone takes a number for seconds since 1970.
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("must be a date and time with its offset, such as 2026-01-31T09:30:00Z")
    return value


Identity = Annotated[int, Field(ge=1, le=ID_LIMIT)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""An instant (RFC 3339)."""


def name_field(limit: int, *, without: str = "") -> Any:
    """Return the field of a name, as the documents tell of it: the verbs check it, and say better what is wrong.

    Args:
        limit: how many characters it has at most.
        without: characters that this name does not have besides.
    """
    return Field(min_length=1, max_length=limit, json_schema_extra={"pattern": _pattern(_IN_NO_NAME + without)})


def line_field(limit: int) -> Any:
    """Return the field of a text that is a name or empty; the verbs check it too."""
    return Field(max_length=limit, json_schema_extra={"pattern": _LINE_PATTERN})


def is_line(text: str) -> bool:
    """Return whether the text has no controls and no breaks of lines; it may be empty."""
    return _LINE.fullmatch(text) is not None and _HALF_OF_A_CHARACTER.search(text) is None


def is_name(text: str) -> bool:
    """Return whether people may give this as a name; characters that join others, as in emoji, are part of names."""
    return is_line(text) and text.strip() != ""


def checked_name(field: str, text: str, *, limit: int) -> str:
    """Return the name without the space around it.

    Raises:
        InvalidInput: it is blank, longer than `limit`, or has control characters.
    """
    name = text.strip()
    if len(name) > limit or not is_name(text):
        raise invalid(field, f"must have 1 to {limit} characters, and no control characters")
    return name
