"""What a call is added up by, and how the groups are named in the tables."""

from __future__ import annotations

from callfloor.usage.tables import GroupKind

_FIRST_LENGTH = ord("a") - 1
_USER, _USERNAME = GroupKind.USER.value, GroupKind.USERNAME.value
_DEVICE, _LANGUAGE = GroupKind.DEVICE.value, GroupKind.LANGUAGE.value

NUMBERED = frozenset({GroupKind.USER, GroupKind.DEVICE})
"""Kinds whose groups have a number for an id; the others' id is a text."""


def number_key(number: int) -> str:
    """Return a text that sorts by its bytes as the numbers from 0 do: the digits behind a letter for their count."""
    digits = str(number)
    return chr(_FIRST_LENGTH + len(digits)) + digits


def number_of(key: str) -> int:
    """Return the number that `number_key` was given."""
    return int(key[1:])


def groups_of(device_id: int, username: str, account_id: int | None, language: str | None) -> list[tuple[str, str]]:
    """Return kind and key of the groups a call belongs to: of each kind one, none where it has no value."""
    groups = [(_USERNAME, username), (_DEVICE, number_key(device_id))]
    if account_id is not None:
        groups.append((_USER, number_key(account_id)))
    if language is not None:
        groups.append((_LANGUAGE, language))
    return groups
