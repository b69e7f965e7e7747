"""Two signatures of every request: the one integrations of the original verify, and Standard Webhooks.

The first is hex HMAC-SHA-256 with the secret decoded from hex, over the timestamp and the raw body without anything
between. The second is that of https://www.standardwebhooks.com, version 1, with the same bytes as the key.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence

from callfloor.foundation.clock import SECOND, Millis

SECRET_BYTES = 32
HASH_HEADER = "kickscale-signature-hash"
TIMESTAMP_HEADER = "kickscale-signature-timestamp"


def new_secret_bytes() -> bytes:
    """Return the bytes of a new secret."""
    return secrets.token_bytes(SECRET_BYTES)


def hex_secret(secret: bytes) -> str:
    """Return the secret as integrations of the original are given it."""
    return secret.hex()


def standard_secret(secret: bytes) -> str:
    """Return the secret as verifiers of Standard Webhooks are given it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def signed_headers(delivery_id: str, body: bytes, keys: Sequence[bytes], *, now: Millis) -> dict[str, str]:
    """Return the headers of one attempt; the first secret is the present one, a second one still counts for a while."""
    timestamp = str(now // SECOND)
    to_sign = f"{delivery_id}.{timestamp}.".encode() + body
    standard = " ".join(f"v1,{base64.b64encode(hmac.digest(key, to_sign, 'sha256')).decode()}" for key in keys)
    return {
        "Content-Type": "application/json",
        HASH_HEADER: hmac.digest(keys[0], timestamp.encode() + body, "sha256").hex(),
        TIMESTAMP_HEADER: timestamp,
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": standard,
    }
