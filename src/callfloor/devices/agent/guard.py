"""The guard of what agents call: whose token it is, and how often it is used."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import Depends
from fastapi.requests import Request

from callfloor.access.secrets import keyed_hash
from callfloor.devices.tokens import BY_TOKEN, DeviceCaller, TokenInvalid, caller_of, renew_token
from callfloor.foundation.errors import DomainError
from callfloor.foundation.rate_limit import Limit, MemoryRateLimit
from callfloor.foundation.web import CALLER, Facts, RequestFacts

_LIMIT = MemoryRateLimit(Limit(requests=120, window_seconds=60, block_seconds=60))
"""Of one device: sixty times what an agent needs that only sends heartbeats."""


class TooManyRequests(DomainError):
    """One device asks too often."""

    code = "too_many_requests"
    status = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests of this device; wait {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


def check_rate(device: str, facts: RequestFacts) -> None:
    """Count one request of a device.

    Raises:
        TooManyRequests: it asks too often.
    """
    verdict = _LIMIT.take(device, facts.now)
    if not verdict.allowed:
        raise TooManyRequests(verdict.reset_seconds)


def hash_of(authorization: str, hash_key: bytes) -> bytes:
    """Return the hash of the bearer token in an Authorization header.

    Raises:
        TokenInvalid: there is none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenInvalid("send the device's token as: Authorization: Bearer TOKEN")
    return keyed_hash(token.strip(), key=hash_key)


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
    check_rate(token_hash.hex(), facts)
    caller = caller_of(await services.db.read(BY_TOKEN, {"token_hash": token_hash}), facts.now)
    if caller.is_due(facts.now):
        await services.db.write(functools.partial(renew_token, caller=caller, now=facts.now))
    return caller


CallingDevice = Annotated[DeviceCaller, Depends(device_of)]
