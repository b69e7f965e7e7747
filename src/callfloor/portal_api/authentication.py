"""The Portal API's authentication: HTTP Basic with a key's name and secret."""

from __future__ import annotations

import base64
import binascii
import re

from callfloor.foundation.services import Services
from callfloor.portal_api import wire
from callfloor.portal_api.exchange import Refused
from callfloor.teams.principals import KeyRefused, Origin, Principal, portal_principal

_WORD = re.compile(r"[^ \t]+")


async def authenticated(services: Services, header: str | None, *, hash_key: bytes, origin: Origin) -> Principal:
    """Return the key that the Authorization header carries.

    Raises:
        Refused: with the AUTH error that says what is wrong with it.
    """
    name, secret = _name_and_secret(header)
    try:
        principal = await portal_principal(services.db, name, secret, hash_key=hash_key, origin=origin)
    except KeyRefused:
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN) from None
    services.key_uses.note((principal.team_id, principal.key_id), origin.now)
    return principal


def _name_and_secret(header: str | None) -> tuple[str, str]:
    if header is None:
        raise Refused(wire.AUTH_HEADER_MISSING)
    words = _WORD.findall(header)
    if len(words) != 2:
        raise Refused(wire.AUTH_HEADER_WRONG_FORMAT)
    scheme, token = words[0].lower(), words[1]
    if scheme == "bearer":
        raise Refused(wire.AUTH_BASIC_ONLY)
    if scheme != "basic":
        raise Refused(wire.AUTH_HEADER_WRONG_FORMAT)
    try:
        pair = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN) from None
    name, colon, secret = _text(pair).partition(":")
    if not colon:
        raise Refused(wire.AUTH_BASIC_INVALID_TOKEN)
    return name, secret


def _text(pair: bytes) -> str:
    """Return the decoded pair: clients send names beyond ASCII in UTF-8 or, by older custom, in Latin-1 (RFC 7617)."""
    try:
        return pair.decode()
    except UnicodeDecodeError:
        return pair.decode("latin-1")
