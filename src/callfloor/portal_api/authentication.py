"""The Portal API's authentication: HTTP Basic with a key's name and secret."""

from __future__ import annotations

import base64
import binascii

from callfloor.foundation.database import Database
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Refused
from callfloor.teams.principals import KeyRefused, Principal, portal_principal


async def authenticated(db: Database, header: str | None, *, hash_key: bytes) -> Principal:
    """Return the key that the Authorization header carries.

    Raises:
        Refused: with the AUTH error that says what is wrong with it.
    """
    name, secret = _name_and_secret(header)
    try:
        return await portal_principal(db, name, secret, hash_key=hash_key)
    except KeyRefused:
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN) from None


def _name_and_secret(header: str | None) -> tuple[str, str]:
    if header is None:
        raise Refused(wire.AUTH_HEADER_MISSING)
    scheme, *rest = header.split()
    if len(rest) != 1:
        raise Refused(wire.AUTH_HEADER_WRONG_FORMAT)
    if scheme.lower() == "bearer":
        raise Refused(wire.AUTH_BASIC_ONLY)
    if scheme.lower() != "basic":
        raise Refused(wire.AUTH_HEADER_WRONG_FORMAT)
    try:
        name, colon, secret = base64.b64decode(rest[0], validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN) from None
    if not colon:
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN)
    return name, secret
