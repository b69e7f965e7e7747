"""The guard of what agents call: whose token it is, and how often it is used."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import Depends
from fastapi.requests import Request

from callfloor.access.guard import count_request
from callfloor.access.secrets import keyed_hash
from callfloor.devices.tokens import BY_TOKEN, DeviceCaller, TokenInvalid, caller_of, renew_token
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import CALLER, Facts


def hash_of(authorization: str, hash_key: bytes) -> bytes:
    """Return the hash of the bearer token in an Authorization header.

    Raises:
        TokenInvalid: there is none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalid("send the device's token as: Authorization: Bearer TOKEN")
    return keyed_hash(token.strip(), key=hash_key)


def client_of(token_hash: bytes) -> str:
    """Return as whom the limits count a token: each OS user of a machine has one, a terminal server many."""
    return f"token {token_hash.hex()[:24]}"


async def device_of(request: Request, facts: Facts) -> DeviceCaller:
    """Return the device that the bearer token stands for; the token is good for another 30 days from now.

    Raises:
        TokenInvalid: there is none, or it has ended.
        DeviceBlocked: an administrator shut the device out.
        TooManyRequests: it asks too often.
    """
    found = request.scope.get(CALLER)
    if isinstance(found, DeviceCaller):
        return found
    services = facts.services
    token_hash = hash_of(request.headers.get("authorization", ""), services.settings.hash_key)
    await count_request(request, facts, Api.AGENT, client_of(token_hash))
    caller = caller_of(await services.db.read(BY_TOKEN, {"token_hash": token_hash}), facts.now)
    if caller.is_due(facts.now):
        await services.db.write(functools.partial(renew_token, caller=caller, now=facts.now))
    return caller


CallingDevice = Annotated[DeviceCaller, Depends(device_of)]
