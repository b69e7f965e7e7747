"""Secrets at rest: a keyed hash for what is looked up, argon2id for what people choose."""

from __future__ import annotations

import functools
import hmac
import os
from typing import TYPE_CHECKING

from callfloor.foundation.errors import invalid

if TYPE_CHECKING:
    from argon2 import PasswordHasher

PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 1024
_NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """A kept secret cannot be read with this installation's key."""


def keyed_hash(secret: str, *, key: bytes) -> bytes:
    """Return HMAC-SHA-256 of the secret under the installation's key: 32 bytes, the same each time.

    A random secret of 256 bits needs no slow hash; the key keeps a stolen table from being matched elsewhere.
    """
    keyed = _keyed(key).copy()
    keyed.update(secret.encode())
    return keyed.digest()


@functools.lru_cache(maxsize=4)
def _keyed(key: bytes) -> hmac.HMAC:
    # Not hmac.digest: it lets go of the interpreter's lock, and a busy writer's thread takes it from every request.
    return hmac.new(key, digestmod="sha256")


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


def encrypted(secret: bytes, *, key: bytes, context: str) -> bytes:
    """Return a secret that is needed again as it may be kept: AES-256-GCM under a key of its context, the nonce first.

    Args:
        secret: such as what requests are signed by.
        key: the installation's.
        context: what and whose it is; it cannot be read back as anything else.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # loaded where secrets are kept

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_context_key(key, context)).encrypt(nonce, secret, context.encode())


def decrypted(kept: bytes, *, key: bytes, context: str) -> bytes:
    """Return what was `encrypted` in the same context.

    Raises:
        SecretUnreadable: the key is another one, or the bytes were changed.
    """
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as encrypted
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    try:
        return AESGCM(_context_key(key, context)).decrypt(kept[:_NONCE_BYTES], kept[_NONCE_BYTES:], context.encode())
    except (InvalidTag, ValueError):
        raise SecretUnreadable(f"the secret of {context} was kept under another key") from None


def _context_key(key: bytes, context: str) -> bytes:
    return hmac.digest(key, f"encryption {context}".encode(), "sha256")
