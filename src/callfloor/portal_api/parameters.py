"""Query and body values checked; every wrong one is named, with what was expected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from callfloor.foundation.errors import FieldError, InvalidInput, invalid
from callfloor.portal_api import wire

_MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = 4000

T = TypeVar("T")
Given = str | tuple[str, ...]
"""A parameter as it came."""


class Problems:
    """Collects what is wrong, so that one answer names every field."""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def add(self, field: str, message: str) -> None:
        """Remember one wrong field."""
        self._errors.append(FieldError(field, message))

    def raise_if_any(self) -> None:
        """Raise InvalidInput when anything was wrong."""
        if self._errors:
            raise InvalidInput(self._errors)


def once_each(pairs: Sequence[tuple[str, T]]) -> dict[str, T | tuple[T, ...]]:
    """Return the values by name; a repeated name has all of them, since picking one would be a guess."""
    found: dict[str, T | tuple[T, ...]] = dict(pairs)
    if len(found) != len(pairs):
        for name in found:
            values = tuple(value for key, value in pairs if key == name)
            found[name] = values if len(values) > 1 else values[0]
    return found


def page_of(query: Mapping[str, Given], problems: Problems) -> tuple[int, int]:
    """Return how many rows to skip and to take."""
    page = _whole(query.get(wire.PAGE), 1, minimum=1)
    if page is None:
        problems.add(wire.PAGE, "must be a whole number of at least 1")
    per_page = _whole(query.get(wire.PER_PAGE), wire.DEFAULT_PER_PAGE, minimum=1, maximum=wire.MAX_PER_PAGE)
    if per_page is None:
        problems.add(wire.PER_PAGE, f"must be a whole number from 1 to {wire.MAX_PER_PAGE}")
    return ((page or 1) - 1) * (per_page or 1), per_page or 1


def one_of(query: Mapping[str, Given], name: str, allowed: Collection[str], problems: Problems) -> str | None:
    """Return the value when it is one of the allowed; None when it is not given."""
    value = query.get(name)
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    problems.add(name, f"must be one of {', '.join(allowed)}")
    return None


def text(query: Mapping[str, Given], name: str, problems: Problems) -> str | None:
    """Return a text to search for; None when it is absent or empty."""
    value = query.get(name) or None
    if value is None or (isinstance(value, str) and len(value) <= wire.MAX_SEARCH_LENGTH and "\0" not in value):
        return value
    problems.add(name, f"must be given once, with at most {wire.MAX_SEARCH_LENGTH} characters and no NUL")
    return None


def whole_number(fields: Mapping[str, Any], name: str, *, minimum: int, maximum: int) -> int:
    """Return a whole number of a body: a JSON integer, or the digits of a form.

    Raises:
        InvalidInput: anything else, or out of range.
    """
    value = fields.get(name)
    if isinstance(value, str) and isinstance(fields, FormFields):
        value = _digits(value)
    if type(value) is not int or not minimum <= value <= maximum:
        raise invalid(name, f"must be a whole number from {minimum} to {maximum}")
    return value


def string(fields: Mapping[str, Any], name: str) -> str:
    """Return a text of a body.

    Raises:
        InvalidInput: it is missing, or no single text.
    """
    value = fields.get(name)
    if not isinstance(value, str):
        raise invalid(name, "must be a text, given once")
    return value


def identity(raw: str) -> int:
    """Return the id of a path.

    Raises:
        InvalidInput: it is not written in digits.
    """
    number = _digits(raw)
    if number is None:
        raise invalid("id", "must be a whole number")
    return min(number, _MAX_INTEGER)


class FormFields(dict[str, Any]):
    """The fields of a form, where a number is carried by its digits."""


def _whole(raw: Given | None, default: int, *, minimum: int, maximum: int | None = None) -> int | None:
    if raw is None:
        return default
    value = _digits(raw) if isinstance(raw, str) else None
    if value is None or value < minimum or (maximum is not None and value > maximum):
        return None
    return value


def _digits(raw: str) -> int | None:
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) <= _MAX_DIGITS else None
