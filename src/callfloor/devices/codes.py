"""Codes that people read and type: twenty consonants that are not taken for one another, in groups of four."""

from __future__ import annotations

import re

from callfloor.access.secrets import keyed_hash
from callfloor.foundation.errors import invalid
from callfloor.foundation.ids import new_code

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowel, so that no word comes up, and no digit; the alphabet that RFC 8628, section 6.1 proposes."""
USER_CODE_LENGTH = 8
"""34 bits: enough for some minutes, together with a limit on tries."""
AGENT_CODE_LENGTH = 16
"""69 bits: a code that is good for days and signs in by itself."""
TYPED_MAX_LENGTH = 40

_BETWEEN = re.compile(r"[\s\-–_.]+")


def code_pattern(length: int) -> str:
    """Return what the documents say of a code as it is typed."""
    return rf"^[\s\-–_.]*([{ALPHABET}{ALPHABET.lower()}][\s\-–_.]*){{{length}}}$"


def new_user_code() -> str:
    """Return a code such as ``BCDF-GHJK``."""
    return _grouped(new_code(ALPHABET, USER_CODE_LENGTH))


def new_agent_code() -> str:
    """Return a code such as ``BCDF-GHJK-LMNP-QRST``."""
    return _grouped(new_code(ALPHABET, AGENT_CODE_LENGTH))


def hash_of_code(purpose: str, typed: str, *, length: int, key: bytes) -> bytes:
    """Return what the row of the code holds; capitals, spaces and hyphens make no difference.

    Raises:
        InvalidInput: it cannot be such a code.
    """
    letters = _BETWEEN.sub("", typed).upper()
    if len(letters) != length or not set(letters) <= set(ALPHABET):
        raise invalid("code", f"must have {length} letters, such as {_grouped(ALPHABET[:length])}")
    return keyed_hash(f"{purpose}:{letters}", key=key)


def hash_of_user_code(typed: str, key: bytes) -> bytes:
    """Return the hash of a code by which a person finds a machine that waits; see `hash_of_code`."""
    return hash_of_code("user-code", typed, length=USER_CODE_LENGTH, key=key)


def hash_of_agent_code(typed: str, key: bytes) -> bytes:
    """Return the hash of a code by which an agent signs in; see `hash_of_code`."""
    return hash_of_code("agent-code", typed, length=AGENT_CODE_LENGTH, key=key)


def hash_of_device_code(code: str, key: bytes) -> bytes:
    """Return the hash of the code that only the agent knows."""
    return keyed_hash(f"device-code:{code}", key=key)


def _grouped(letters: str) -> str:
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))
