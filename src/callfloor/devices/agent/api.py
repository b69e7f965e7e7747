"""`/api/v2/agent`: a machine logs in with its team's secret, and out with its token."""

from __future__ import annotations

import functools
from typing import Annotated

from fastapi import APIRouter
from fastapi.requests import Request
from fastapi.responses import Response
from pydantic import Field

from callfloor.access.guard import count_request
from callfloor.access.secrets import keyed_hash
from callfloor.devices.agent.guard import CallingDevice
from callfloor.devices.agent.machine import DescribedMachine, DeviceLoggedIn
from callfloor.devices.arrival import DeviceConflict
from callfloor.devices.enrolment import LogIn, log_in_device
from callfloor.devices.tokens import HEARTBEAT_SECONDS, log_out_device
from callfloor.foundation.ids import new_secret
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import Facts, RequestFacts, problem
from callfloor.teams.seats import NoEmptySeat

router = APIRouter(tags=["Agent"])

_NO_EMPTY_SEAT = "NOT_EMPTY_SEAT"
"""What the Portal API calls the same refusal."""


class DeviceLogIn(DescribedMachine):
    """A machine, and the secret of its team; fields of other names are ignored, since agents may be newer."""

    team_secret: Annotated[str, Field(min_length=1, max_length=1024)]


@router.post("/agent/login", operation_id="log_in_device", response_model=DeviceLoggedIn)
async def log_in(body: DeviceLogIn, request: Request, facts: Facts) -> DeviceLoggedIn | Response:
    """Log a machine in: it returns to its seat, or takes a free one."""
    token = new_secret()
    command = _command(body, token, facts)
    # The hash of the secret: a stranger who knows a machine's names does not use its limit up.
    client = f"log-in {command.secret_hash.hex()[:12]} {body.machine_id} {body.hostname}"
    await count_request(request, facts, Api.AGENT, client)
    try:
        outcome = await facts.services.db.write(functools.partial(log_in_device, command=command))
    except NoEmptySeat as error:
        return problem(request, error.status, error.code, error.message, more={"error_code": _NO_EMPTY_SEAT})
    if isinstance(outcome, DeviceConflict):
        raise outcome
    return DeviceLoggedIn(
        device_id=outcome.device_id, seat_id=outcome.seat_id, token=token, heartbeat_seconds=HEARTBEAT_SECONDS
    )


@router.post("/agent/logout", operation_id="log_out_device", status_code=204)
async def log_out(caller: CallingDevice, facts: Facts) -> None:
    """Log the machine out: its token ends, its seat stays."""
    await facts.services.db.write(functools.partial(log_out_device, caller=caller, now=facts.now))


def _command(body: DeviceLogIn, token: str, facts: RequestFacts) -> LogIn:
    hash_key = facts.services.settings.hash_key
    return LogIn(
        secret_hash=keyed_hash(body.team_secret, key=hash_key),
        machine=body.machine(),
        token_hash=keyed_hash(token, key=hash_key),
        request_id=facts.request_id,
        address=facts.address,
        now=facts.now,
    )
