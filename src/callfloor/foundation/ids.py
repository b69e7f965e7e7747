"""Ids and secrets made outside the database, before the insert."""

from __future__ import annotations

import os
import secrets
import time
import uuid

_TIME_BITS_SHIFT = 80


def new_id() -> str:
    """Return a UUID version 7 as text: sorts by the millisecond it was made in (RFC 9562, section 5.7)."""
    millis = time.time_ns() // 1_000_000
    value = (millis << _TIME_BITS_SHIFT) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def new_request_id() -> str:
    """Return the id of one request: a random UUID."""
    return str(uuid.uuid4())


def new_secret() -> str:
    """Return a secret of 256 random bits, URL-safe text of 43 characters."""
    return secrets.token_urlsafe(32)
