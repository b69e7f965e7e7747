"""Links of invitations: the token is derived from a nonce by the installation's key, and only its hash is kept."""

from __future__ import annotations

import base64
import dataclasses
import hmac

from callfloor.access.secrets import keyed_hash
from callfloor.foundation.ids import new_secret


@dataclasses.dataclass(frozen=True, slots=True)
class NewLink:
    """What a row keeps of a link: without the key, neither of the two tells the token."""

    nonce: str
    token_hash: bytes


def new_link(hash_key: bytes) -> NewLink:
    """Return a link that nobody has seen yet."""
    nonce = new_secret()
    return NewLink(nonce, hash_of_token(_token(nonce, hash_key), hash_key))


def link_of(base: str, nonce: str, hash_key: bytes) -> str:
    """Return the address to be mailed."""
    return f"{base}/invitations/{_token(nonce, hash_key)}"


def hash_of_token(token: str, hash_key: bytes) -> bytes:
    """Return what the row of the token's invitation holds."""
    return keyed_hash(f"invitation-token:{token}", key=hash_key)


def _token(nonce: str, hash_key: bytes) -> str:
    digest = hmac.digest(hash_key, f"invitation:{nonce}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
