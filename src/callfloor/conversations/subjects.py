"""Whom or what a hold or an erasure is about, as clients and operators say it."""

from __future__ import annotations

from callfloor.access.accounts import checked_email
from callfloor.conversations.persons import person_key
from callfloor.foundation.errors import invalid

SHORTEST_NUMBER = 3
"""Digits: what has fewer names nobody."""


def person_of(email: str | None, number: str | None) -> str | None:
    """Return the key of a person known by one of both, or None without any.

    Raises:
        InvalidInput: both are given, the address is none, or the number has too few digits.
    """
    if email is not None and number is not None:
        raise invalid("number", "give one of email and number")
    if email is not None:
        return person_key(checked_email(email))
    if number is None:
        return None
    key = person_key(number) or ""
    digits = key.partition(":")[2]
    if not key.startswith("number:") or len(digits) < SHORTEST_NUMBER:
        raise invalid("number", f"must be a telephone number of {SHORTEST_NUMBER} digits or more")
    return key


def shown_person(key: str | None) -> dict[str, str] | None:
    """Return a person as answers show them: by `email` or `number`."""
    if key is None:
        return None
    kind, _, value = key.partition(":")
    return {kind: value}
