"""Secrets at rest: a keyed hash for what is looked up, argon2id for what people choose."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from callfloor.foundation.errors import invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 1024


def keyed_hash(secret: str, *, key: bytes) -> bytes:
    """Return HMAC-SHA-256 of the secret under the installation's key: 32 bytes, the same each time.

    A random secret of 256 bits needs no slow hash; the key keeps a stolen table from being matched elsewhere.
    """
    return hmac.digest(key, secret.encode(), "sha256")


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt.

    Raises:
        InvalidInput: shorter than 12 or longer than 1,024 characters.
    """
    if not PASSWORD_MIN_LENGTH <= len(password) <= PASSWORD_MAX_LENGTH:
        raise invalid("password", f"must have {PASSWORD_MIN_LENGTH} to {PASSWORD_MAX_LENGTH} characters")
    return _hasher().hash(password)


def is_password(password: str, password_hash: str) -> bool:
    """Return whether the password is the one that was hashed; takes the same time for every wrong one."""
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415  # loaded where passwords are used

    try:
        return _hasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415  # loaded where passwords are used

    return PasswordHasher()
