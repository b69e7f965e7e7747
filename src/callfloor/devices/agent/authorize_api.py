"""`/api/v2/agent/authorize` and `/agent/token`: a person's agent signs in without a secret (RFC 8628)."""

from __future__ import annotations

import functools
from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi.requests import Request
from pydantic import Field

from callfloor.access.guard import count_request, count_try
from callfloor.access.secrets import keyed_hash
from callfloor.devices.agent.machine import DescribedMachine, DeviceLoggedIn
from callfloor.devices.agent_codes import RedeemAgentCode, redeem_agent_code
from callfloor.devices.arrival import LoggedIn, Origin
from callfloor.devices.authorization import (
    INTERVAL_SECONDS,
    BeginAuthorization,
    RedeemAuthorization,
    begin_authorization,
    redeem_authorization,
)
from callfloor.devices.codes import (
    AGENT_CODE_LENGTH,
    TYPED_MAX_LENGTH,
    code_pattern,
    hash_of_agent_code,
    hash_of_device_code,
    hash_of_user_code,
    new_user_code,
)
from callfloor.devices.tokens import HEARTBEAT_SECONDS
from callfloor.foundation.asked_host import base_url
from callfloor.foundation.clock import MINUTE
from callfloor.foundation.ids import new_secret
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import Facts, RequestFacts, Shape

router = APIRouter(tags=["Agent"])

PAGE = "/authorize"
"""Where people type the code."""


_CODE = {"pattern": code_pattern(AGENT_CODE_LENGTH)}


class AgentSignIn(DescribedMachine):
    """A person's machine; with a `code` from an administrator it needs no confirmation."""

    code: Annotated[str, Field(max_length=TYPED_MAX_LENGTH, json_schema_extra=_CODE)] | None = None


class AgentAuthorization(Shape):
    """What the agent shows its person, and what it asks with; every `interval` seconds, for `expires_in` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class AgentTokenRequest(Shape):
    """The code that only the agent knows."""

    grant_type: Literal["urn:ietf:params:oauth:grant-type:device_code"]
    device_code: Annotated[str, Field(min_length=1, max_length=200)]


@router.post("/agent/authorize", operation_id="authorize_agent")
async def authorize(body: AgentSignIn, request: Request, facts: Facts) -> AgentAuthorization | DeviceLoggedIn:
    """Sign a person's agent in: get codes that the person confirms, or, with a code, the token at once."""
    if body.code is not None:
        return await _redeem_code(body, body.code, facts)
    await count_try(facts, Api.AGENT_SIGN_IN, facts.address)
    services = facts.services
    minutes, hash_key = services.settings.agent.authorization_minutes, services.settings.hash_key
    base, device_code = base_url(services.settings, request.scope), new_secret()
    is_begun = False
    while not is_begun:  # a code of 34 bits may be taken
        user_code = new_user_code()
        command = BeginAuthorization(
            hash_of_device_code(device_code, hash_key),
            hash_of_user_code(user_code, hash_key),
            body.machine(),
            facts.address,
            expires_at=facts.now + minutes * MINUTE,
            now=facts.now,
        )
        is_begun = await services.db.write(functools.partial(begin_authorization, command=command))
    return AgentAuthorization(
        device_code=device_code,
        user_code=user_code,
        verification_uri=f"{base}{PAGE}",
        verification_uri_complete=f"{base}{PAGE}?code={user_code}",
        expires_in=minutes * 60,
        interval=INTERVAL_SECONDS,
    )


@router.post("/agent/token", operation_id="token_of_agent")
async def get_token(body: AgentTokenRequest, request: Request, facts: Facts) -> DeviceLoggedIn:
    """Ask whether the person has confirmed the machine; its token is given once."""
    hash_key, token = facts.services.settings.hash_key, new_secret()
    hashed = hash_of_device_code(body.device_code, hash_key)
    await count_request(request, facts, Api.AGENT, f"authorization {hashed.hex()[:24]}")
    command = RedeemAuthorization(hashed, _origin(token, facts))
    outcome = await facts.services.db.write(functools.partial(redeem_authorization, command=command))
    if not isinstance(outcome, LoggedIn):
        raise outcome
    return _logged_in(outcome, token)


async def _redeem_code(body: AgentSignIn, code: str, facts: RequestFacts) -> DeviceLoggedIn:
    await count_try(facts, Api.AGENT_CODE, facts.address)
    token = new_secret()
    hashed = hash_of_agent_code(code, facts.services.settings.hash_key)
    command = RedeemAgentCode(hashed, body.machine(), _origin(token, facts))
    outcome = await facts.services.db.write(functools.partial(redeem_agent_code, command=command))
    if not isinstance(outcome, LoggedIn):
        raise outcome
    return _logged_in(outcome, token)


def _origin(token: str, facts: RequestFacts) -> Origin:
    hashed = keyed_hash(token, key=facts.services.settings.hash_key)
    return Origin(hashed, facts.request_id, facts.address, facts.now)


def _logged_in(outcome: LoggedIn, token: str) -> DeviceLoggedIn:
    return DeviceLoggedIn(
        device_id=outcome.device_id, seat_id=outcome.seat_id, token=token, heartbeat_seconds=HEARTBEAT_SECONDS
    )
